"""The profile of a table of any size: two columns in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from training.data import profile, sampling
from training.data.bulk import Bulk, cleaned, in_memory, opened
from training.data.describe import Found
from training.data.parts import Parts
from training.data.schema import KINDS, ReadOptions, Type
from training.errors import TrainingError

if TYPE_CHECKING:
    import polars as pl

COLUMNS = 2
"""Columns in memory at a time."""


def columns(parts: Parts, options: ReadOptions) -> Iterator[Found]:
    """Each column's type and statistics. Raises TrainingError as reading does."""
    with opened(parts, options) as bulk:
        if not bulk.rows:
            raise TrainingError(f"{parts.name}: no rows")
        with ThreadPoolExecutor(COLUMNS) as pool:
            for name, found in zip(bulk.names, pool.map(partial(_column, bulk), bulk.names), strict=True):
                yield (bulk.rows, name, *found)


def _column(bulk: Bulk, name: str) -> tuple[Type, dict[str, Any], str]:
    warning = ""
    try:
        type, values = bulk.typed(name)
    except TrainingError as error:
        if bulk.options.declared(name):
            raise
        type, values, warning = "string", cleaned(bulk.source.texts(name)), str(error)
    if values.null_count() == len(values):
        warning = f"column '{name}' has no value in any row"
    return type, _statistics(type, values), warning


def _statistics(type: Type, values: pl.Series) -> dict[str, Any]:
    sampled: dict[str, Any] = {}
    if len(values) > profile.EXACT:
        keep = sampling.places(len(values), profile.EXACT / len(values), 0)
        values, sampled = values.gather(keep), {"sampled": len(keep)}
    if KINDS[type] == "number":
        return {**profile.of_numbers(in_memory(values, type)), **sampled}
    if type == "date":
        return {**profile.of_dates(in_memory(values, type)), **sampled}
    rows, present = len(values), values.drop_nulls()
    if type == "text":
        characters, words = present.str.len_chars().sum(), present.str.count_matches(r"\S+").sum()
        figures = profile.of_texts(rows, len(present), present.n_unique(), int(characters), int(words))
        return {**figures, **sampled}
    counted = present.value_counts()
    figures = profile.of_categories(_most_frequent(counted), rows, len(present), len(counted))
    return {**figures, **sampled}


def _most_frequent(counted: pl.DataFrame) -> list[tuple[str, int]]:
    """The rows of a table of values and counts that come first, ties in the order of the values."""
    import polars as pl

    least = counted.get_column("count").top_k(profile.TOP).min()
    if least is None:
        return []
    value = counted.columns[0]
    more = counted.filter(pl.col("count") > least)
    ties = counted.filter(pl.col("count") == least).bottom_k(profile.TOP, by=value)
    return [*more.rows(), *ties.rows()]
