"""JSON Lines by the standard library: an object a line. For small files, and to name the first fault of a large one.

Values have types of their own here: a text that looks like a number is a text. What a text means besides (missing,
a date, free text) is told as in CSV files.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from training.data import cells
from training.data.cells import MISSING
from training.data.columns import Place, Texts, infinite_number, no_value, told_type
from training.data.columns import typed as typed_texts
from training.data.csv_text import wrong_encoding
from training.data.parts import Parts
from training.data.schema import KINDS, ReadOptions, Type, misfit
from training.data.table import Column
from training.errors import TrainingError

_WORDS = {bool: "true or false", float: "a number", str: "a text"}


def read_small(parts: Parts, options: ReadOptions) -> Texts:
    """All rows of JSON Lines files; a key that a row leaves out is a missing value there."""
    columns: dict[str, list[Any]] = {}
    where: list[tuple[str, int]] = []
    for file in parts.files:
        label = parts.label(file)
        for line, row in read_rows(file, label, options.reads):
            for name in row:
                if name not in columns:
                    columns[name] = [None] * len(where)
            for name, values in columns.items():
                values.append(row.get(name))
            where.append((label, line))
    if not columns:
        raise TrainingError(f"{parts.name}: no rows with columns; an object a line is expected")
    options.check(parts.name, list(columns))

    def place(row: int) -> str:
        return f"{where[row][0]}, line {where[row][1]}"

    def texts(name: str) -> list[str]:
        return [as_text(value) for value in columns[name]]

    def typed_column(name: str) -> tuple[Type, Column]:
        return _column(parts.name, name, columns[name], options, place)

    return Texts(options.taken(list(columns)), len(where), texts, typed_column)


def read_rows(
    file: Path, label: str, reads: Callable[[str], bool] = lambda name: True
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line and object of each row; blank lines are passed over, and values of columns that are not read are None.

    Raises TrainingError for a line that is no JSON object, a key that is there twice, and a value that is a list or an
    object; numbers come as float, texts without surrounding blanks.
    """
    with file.open(encoding="utf-8-sig", newline="\n") as stream:
        try:
            for line, text in enumerate(stream, start=1):
                if text.strip():
                    yield line, _row(f"{label}, line {line}", text, reads)
        except UnicodeDecodeError as error:
            raise wrong_encoding(file, label) from error


def _row(place: str, text: str, reads: Callable[[str], bool]) -> dict[str, Any]:
    try:
        pairs = json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise TrainingError(f"{place}: not JSON ({reason}); an object a line is expected") from error
    if not isinstance(pairs, _Pairs):
        raise TrainingError(f"{place}: no object of column names and values; an object a line is expected")
    row = {name: _plain(place, name, value) if reads(name) else None for name, value in pairs}
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise TrainingError(f"{place}: duplicate column name '{twice}'")
    return row


class _Pairs(list[tuple[str, Any]]):
    """The pairs of an object, also of a key that is there twice."""


def _plain(place: str, name: str, value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    if isinstance(value, str):
        text = value.strip()
        return None if text.lower() in MISSING else text
    if value is None:
        return None
    what = "an object" if isinstance(value, _Pairs) else "a list"
    raise TrainingError(
        f"{place}, column '{name}': {what}; one number, text, true or false is expected; --drop {name}, or flatten it"
    )


def _column(file: str, name: str, values: list[Any], options: ReadOptions, place: Place) -> tuple[Type, Column]:
    declared = options.declared(name)
    if declared and any(isinstance(value, str) for value in values):
        return typed_texts(file, name, [as_text(value) for value in values], options, place)
    present = [value for value in values if value is not None]
    if not present:
        raise no_value(file, name)
    kind = type(present[0])
    for row, value in enumerate(values):
        if value is not None and type(value) is not kind and not declared:
            raise mixed(place(row), name, kind, type(value))
    return _of_type(name, values, declared or _type(kind, present, options.refine), place)


def _type(kind: type, present: list[Any], refine: bool) -> Type:
    if kind is not str:
        return "boolean" if kind is bool else "number"
    return told_type(present) if refine else "string"


def check(parts: Parts, options: ReadOptions, declared: Mapping[str, str]) -> None:
    """Look at each line of files that a fast reader could not, or not surely, read. Raises TrainingError for the first
    fault; columns with a declared type may mix numbers, truths and texts."""
    kinds: dict[str, type] = {}
    for file in parts.files:
        label = parts.label(file)
        for line, row in read_rows(file, label, options.reads):
            for name, value in row.items():
                kind = kinds.setdefault(name, type(value)) if value is not None else None
                if kind and type(value) is not kind and name not in declared:
                    raise mixed(f"{label}, line {line}", name, kind, type(value))


def mixed(place: str, name: str, kind: type, other: type) -> TrainingError:
    """The error for a column of values of two types."""
    return TrainingError(f"{place}, column '{name}': {_WORDS[other]}, but the rows before hold {_WORDS[kind]}")


def _of_type(name: str, values: list[Any], type: Type, place: Place) -> tuple[Type, Column]:
    """The column of values that are all None, or of one Python type."""
    if KINDS[type] == "number":
        for row, value in enumerate(values):
            if isinstance(value, bool) or (type == "integer" and value is not None and not value.is_integer()):
                raise misfit(place(row), name, as_text(value), type)
        numbers = np.array([math.nan if value is None else value for value in values], dtype=np.float64)
        if (infinite := np.flatnonzero(np.isinf(numbers))).size:
            raise infinite_number(place(int(infinite[0])), name)
        return type, Column(name, "number", numbers)
    texts = [as_text(value) for value in values]
    if type == "date":
        for row, text in enumerate(texts):
            if text and not cells.fits(text, cells.date):
                raise misfit(place(row), name, text, type)
        moments = [cells.date(text) if text else "NaT" for text in texts]
        return type, Column(name, "date", np.array(moments, dtype="datetime64[us]"))
    return type, Column(name, KINDS[type], np.array(texts, dtype=object))


def as_text(value: Any) -> str:
    """A value as the text that a CSV file would have; whole numbers without a fraction, "" for none."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case _:
            return str(value)
