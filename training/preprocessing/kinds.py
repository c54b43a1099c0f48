"""Columns as the type that the configuration declares: categories, free text, dates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from training.data.schema import Type
from training.data.table import Column, Table
from training.errors import TrainingError, nearest
from training.preprocessing.config import KIND_OF, TYPE_OF, Preprocessing

READ_AS: dict[str, Type] = {"number": "number", "category": "string", "text": "text", "date": "date"}
"""What the reader is told about a column of a configured type."""


def schema(config: Preprocessing) -> dict[str, Type]:
    """Types by column as the reader of data takes them; dates of another form than ISO 8601 are text to it."""
    return {
        name: "string" if config.columns[name].get("format") else READ_AS[declared]
        for name, declared in config.types.items()
        if declared in READ_AS
    }


def as_declared(table: Table, config: Preprocessing, target: str) -> Table:
    """The table with each feature in the kind it is declared to be. Raises TrainingError for a configured column
    that there is not, and for values that are not of the declared type."""
    for name in config.columns:
        if name == target:
            raise TrainingError(f"--preprocessing: columns.{name} is the target, which is not preprocessed")
        if name not in table.names:
            raise TrainingError(
                f"--preprocessing: columns.{name}: no such column in the data{nearest(name, table.names)}"
            )
    columns = []
    for column in table.columns:
        wanted = config.types.get(column.name)
        columns.append(_converted(column, wanted, config, table) if wanted else column)
    return replace(table, columns=tuple(columns))


def _converted(column: Column, wanted: str, config: Preprocessing, table: Table) -> Column:
    kind = KIND_OF[wanted]
    if column.kind == kind:
        return column
    if wanted in ("category", "text"):
        return Column(column.name, "string" if wanted == "category" else "text", as_text(column))
    if wanted == "date" and column.kind in ("string", "text"):
        return _dates(column, str(config.columns[column.name].get("format", "")), table)
    raise TrainingError(
        f"--preprocessing: columns.{column.name}: declared as {wanted}, but the data holds values of the type "
        f"{TYPE_OF[column.kind]}"
    )


def as_text(column: Column) -> Any:
    """Values as text, "" for missing."""
    if column.kind in ("string", "text"):
        return column.values
    if column.kind == "image":
        raise TrainingError(f"--preprocessing: columns.{column.name}: pictures cannot be read as text")
    found = np.empty(len(column.values), dtype=object)
    shown = [f"{value:.15g}" for value in column.values] if column.kind == "number" else column.values.astype(str)
    found[:] = ["" if gone else text for text, gone in zip(shown, column.missing, strict=True)]
    return found


def _dates(column: Column, form: str, table: Table) -> Column:
    from mooring_transforms.moments import seconds_of

    moments = np.full(len(column.values), np.datetime64("NaT", "us"), dtype="datetime64[us]")
    for at, text in enumerate(column.values.tolist()):
        if text:
            try:
                moments[at] = np.datetime64(round(seconds_of(text, form) * 1e6), "us")
            except ValueError as error:
                raise TrainingError(f"column '{column.name}', row {int(table.row_numbers[at]) + 1}: {error}") from None
    return Column(column.name, "date", moments)
