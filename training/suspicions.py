"""What in the data is likely a mistake, and is told as a warning: constants, identifiers, leaks of the target."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data.table import Column, Table
from training.options import Task

Say = Callable[[str], None]

MANY = 100
"""Different texts from which on a column may be an identifier."""
ROWS_A_VALUE = 5
"""A value must stand for so many rows on the average before it can be said to tell the target."""
SAMPLE = 100_000
"""Rows that are looked at, the first ones."""
EXACT = 1 - 1e-9
"""Correlation from which on a column is the target in other units."""


def warn(features: Table, target: npt.NDArray[Any], task: Task, name: str, say: Say) -> None:
    """Say what is suspicious about each column."""
    some = features.take(np.arange(min(len(features), SAMPLE)))
    for column in some.columns:
        if column.kind != "image":
            for message in _about(column, target[:SAMPLE], task, name):
                say(f"warning: {message}")


def _about(column: Column, target: npt.NDArray[Any], task: Task, name: str) -> Iterator[str]:
    present = ~column.missing
    values, truth = column.values[present], target[present]
    if not len(values):
        return
    distinct = len(np.unique(values)) if column.kind in ("number", "date") else len(set(values.tolist()))
    if distinct == 1:
        yield f"column '{column.name}' has one value only; it tells nothing"
        return
    if leak := _leak(column, values, truth, distinct, task):
        yield (
            f"column '{column.name}' {leak} '{name}': it may leak what is to be predicted; --drop it if it is not "
            "known before that is"
        )
        return
    if column.kind == "string" and distinct > MANY and distinct > len(values) / 2:
        yield f"text column '{column.name}' has {distinct} different values; --drop it if it identifies rows"
    elif column.kind == "number" and _is_counter(values, distinct):
        yield f"column '{column.name}' is a whole number that never repeats, in order; --drop it if it identifies rows"


def _is_counter(values: npt.NDArray[Any], distinct: int) -> bool:
    """Row numbers and the like."""
    if distinct < len(values) or len(values) < 20 or (values % 1 != 0).any():
        return False
    steps = np.diff(values)
    return bool((steps == steps[0]).all())


def _leak(column: Column, values: npt.NDArray[Any], truth: npt.NDArray[Any], distinct: int, task: Task) -> str:
    """How the column tells the target; empty where it does not."""
    if column.kind == "text":
        return ""
    if len(values) >= 20 and len(np.unique(truth)) > 1:
        if column.kind == "number" and _is_number(truth):
            if np.array_equal(values, truth):
                return "equals"
            if task == "regression" and _correlation(values, truth) > EXACT:
                return "is an exact linear function of"
        if column.kind == "string" and task == "classification" and values.tolist() == truth.astype(str).tolist():
            return "equals"
        if distinct * ROWS_A_VALUE <= len(values) and _determines(values, truth):
            return "perfectly determines"
    return ""


def _is_number(truth: npt.NDArray[Any]) -> bool:
    return truth.dtype.kind in "iuf"


def _correlation(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> float:
    if not left.std() or not right.std():
        return 0.0
    return float(abs(np.corrcoef(left, right)[0, 1]))


def _determines(values: npt.NDArray[Any], truth: npt.NDArray[Any]) -> bool:
    """Whether each value of the column comes with one value of the target."""
    _, codes = np.unique(values.astype(str) if values.dtype == object else values, return_inverse=True)
    _, answers = np.unique(truth.astype(str) if truth.dtype == object else truth, return_inverse=True)
    return len(np.unique(codes * (int(answers.max()) + 1) + answers)) == len(np.unique(codes))
