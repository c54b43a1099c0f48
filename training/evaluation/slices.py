"""Slices: the rows of one category, or of one range of a number, measured by themselves.

A mean over all rows hides that a model fails for some of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data.table import Column, Table
from training.errors import TrainingError, nearest

CATEGORIES = 20
"""At most so many categories of a column are slices of their own; the rest is one, `(other)`."""
VALUES = 10
"""A number with at most so many distinct values is sliced by value, else by quarters of the rows."""
MISSING, OTHER = "(missing)", "(other)"

Rows = npt.NDArray[np.bool_]


def columns_of(table: Table, names: Sequence[str], option: str = "--slices") -> list[Column]:
    """The columns to slice by. Raises TrainingError for one that is absent or of a kind that has no slices."""
    found = []
    for name in names:
        if name not in table.names:
            raise TrainingError(f"{option} names '{name}', no such column{nearest(name, table.names)}")
        column = table.column(name)
        if column.kind not in ("number", "string", "date"):
            raise TrainingError(
                f"{option} names '{name}', a column of {column.kind}s; slices are of categories or numbers"
            )
        found.append(column)
    return found


def slices_of(column: Column) -> Iterator[tuple[str, Rows]]:
    """Each slice of a column: its name, and which rows are in it. Slices without a row are left out."""
    present = ~column.missing
    if present.any():
        if column.kind == "string":
            yield from _categories(column.values, present)
        else:
            yield from _ranges(column, present)
    if not present.all():
        yield MISSING, ~present


def _categories(values: npt.NDArray[Any], present: Rows) -> Iterator[tuple[str, Rows]]:
    counts = Counter(values[present].tolist())
    frequent = [name for name, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:CATEGORIES]]
    for name in sorted(frequent):
        yield name, present & (values == name)
    if len(counts) > CATEGORIES:
        yield OTHER, present & ~np.isin(values.astype(str), [str(name) for name in frequent])


def _ranges(column: Column, present: Rows) -> Iterator[tuple[str, Rows]]:
    values, day = column.values, column.values.dtype.kind == "M"
    distinct = np.unique(values[present])
    if len(distinct) <= VALUES and not day:
        for value in distinct:
            yield f"{value:.6g}", present & (values == value)
        return
    ordered = np.sort(values[present])
    # Edges are values that occur, so that a name says exactly which rows are in it.
    edges = np.unique([ordered[0], *(ordered[len(ordered) * part // 4] for part in (1, 2, 3)), ordered[-1]])
    for at, (low, high) in enumerate(pairwise(edges)):
        last = at == len(edges) - 2
        inside = (values >= low) & ((values <= high) if last else (values < high))
        between = "to" if last else "to under"
        yield f"{_shown(low, day)} {between} {_shown(high, day)}", present & inside
    if len(edges) == 1:
        yield _shown(edges[0], day), present


def _shown(value: Any, day: bool) -> str:
    return str(np.datetime64(value, "D")) if day else f"{float(value):.6g}"


def flat_name(metric: str, column: str, value: str) -> str:
    """The name of a slice's metric among all others: `accuracy[city=Rome]`."""
    return f"{metric}[{column}={value}]"


def largest_gap(slices: Sequence[dict[str, Any]], metric: str, fewest: int, lower_is_better: Collection[str]) -> Any:
    """The slice of at least `fewest` rows that is worst in this metric, or None."""
    known = [entry for entry in slices if entry["rows"] >= fewest and metric in entry["metrics"]]
    sign = -1 if metric in lower_is_better else 1
    return min(known, key=lambda entry: sign * entry["metrics"][metric], default=None)
