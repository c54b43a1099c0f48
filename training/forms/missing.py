"""Which columns of a fitted model may have no value: where it was made for that, and predicts without one."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from training.errors import TrainingError
from training.forms.columns_of import ABSENT, ModelColumn, sample
from training.forms.fitted import steps, walk

MAX_PROBES = 64
"""Up to so many columns are tried one by one whether the model takes a missing value there."""


def needs_positive(model: Any, columns: Sequence[ModelColumn]) -> bool:
    """Whether the model takes no negative numbers (logarithms, Box-Cox, NMF).

    Raises TrainingError for one that cannot predict a plausible row at all.
    """
    reason = _refusal(model, sample(model, columns, rows=1, missing=False))
    if reason and _refusal(model, sample(model, columns, rows=1, missing=False, positive=True)):
        raise TrainingError(f"the model cannot predict a row of plausible values ({reason})")
    return bool(reason)


def with_nullable(model: Any, columns: Sequence[ModelColumn], positive: bool) -> list[ModelColumn]:
    """The columns, nullable where an imputer fills them, an encoder saw missing texts, or the estimator learned
    where missing numbers go. A forest that never saw one answers too, but arbitrarily: a clear error is better.
    """
    row = sample(model, columns, rows=1, missing=False, positive=positive)
    everywhere = any("Imputer" in type(part).__name__ or _learns(part) for part in walk(model))
    learned = set() if everywhere else _learned(model, len(columns))
    numeric = [at for at, column in enumerate(columns) if column.kind == "number" and (everywhere or at in learned)]
    groups = [[at] for at in numeric] if len(numeric) <= MAX_PROBES else [numeric]
    taken = {at for group in groups if not _refusal(model, _probe(row, group, np.nan)) for at in group}
    return [
        replace(column, nullable=at in taken) if column.kind == "number" else _text(model, row, at, column, everywhere)
        for at, column in enumerate(columns)
    ]


def _text(model: Any, row: npt.NDArray[Any], at: int, column: ModelColumn, imputed: bool) -> ModelColumn:
    if column.nullable:
        return (
            column if not _refusal(model, _probe(row, [at], ABSENT[column.absent])) else replace(column, nullable=False)
        )
    for name in ABSENT if imputed else ():
        if not _refusal(model, _probe(row, [at], ABSENT[name])):
            return replace(column, nullable=True, absent=name)
    return column


def _probe(row: npt.NDArray[Any], places: Sequence[int], value: Any) -> npt.NDArray[Any]:
    probe = row.copy()
    probe[0, places] = value
    return probe


def _refusal(model: Any, row: npt.NDArray[Any]) -> str:
    """Why the model does not predict a row; empty when it does."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.predict(row)
    except Exception as error:  # noqa: BLE001 - an estimator raises what it likes
        return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return ""


def _learns(part: Any) -> bool:
    return type(part).__name__.startswith(("HistGradient", "XGB", "LGBM"))


def _learned(model: Any, count: int) -> set[int]:
    """Columns whose missing values the trees of a forest learned to place.

    Where a column had none, scikit-learn sends a missing value to the child with more samples; any other direction
    was learned from one.
    """
    last = steps(model)[-1]
    if getattr(last, "n_features_in_", None) != count:
        return set()
    found: set[int] = set()
    parts = getattr(last, "estimators_", [last])
    for part in parts.ravel() if isinstance(parts, np.ndarray) else parts:
        tree: Any = getattr(part, "tree_", None)
        if not hasattr(tree, "missing_go_to_left"):
            return set()
        inner = tree.children_left >= 0
        left, right = tree.children_left[inner], tree.children_right[inner]
        usual = tree.n_node_samples[left] > tree.n_node_samples[right]
        found.update(tree.feature[inner][tree.missing_go_to_left[inner].astype(bool) != usual].tolist())
    return found
