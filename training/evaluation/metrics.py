"""How good a model is on rows it has not seen: metrics of all rows, of each class and of each slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data.table import Column
from training.errors import TrainingError
from training.evaluation import classification, regression
from training.evaluation.classification import Labels, Measured
from training.evaluation.slices import slices_of

HEADLINE = 8
"""Metrics in a line of progress; averages that say nearly the same stay out of it."""


def headline(metrics: Mapping[str, float]) -> str:
    """The first metrics in one line."""
    told = [name for name in metrics if not name.endswith(("_micro", "_weighted"))]
    more = f", {len(metrics) - HEADLINE} more" if len(told) > HEADLINE else ""
    return ", ".join(f"{name} {metrics[name]:.4f}" for name in told[:HEADLINE]) + more


@dataclass(frozen=True)
class Evaluation:
    """Metrics, and what they were computed from: one prediction a held-out row, in row order.

    `details` is what `evaluation/evaluation.json` tells besides: see docs/model-format.md.
    """

    metrics: dict[str, float]
    predictions: npt.NDArray[Any]
    probabilities: npt.NDArray[np.float64] | None
    details: dict[str, Any] = field(default_factory=dict)


def evaluate(
    pipeline: Any, features: npt.NDArray[Any], truth: npt.NDArray[Any], task: str, slices: Sequence[Column] = ()
) -> Evaluation:
    """Predict the held-out rows and measure. `slices` are columns of the same rows (see `slices.columns_of`)."""
    predictions = np.asarray(pipeline.predict(features))
    probabilities = np.asarray(pipeline.predict_proba(features)) if hasattr(pipeline, "predict_proba") else None
    return assess(truth, predictions, probabilities, getattr(pipeline, "classes_", None), task, slices)


def assess(
    truth: npt.NDArray[Any],
    predictions: npt.NDArray[Any],
    probabilities: npt.NDArray[np.float64] | None,
    classes: Sequence[Any] | None,
    task: str,
    slices: Sequence[Column] = (),
) -> Evaluation:
    """Measure predictions that are there already. Raises TrainingError for predictions that are no numbers."""
    predictions = np.asarray(predictions).reshape(len(truth), -1)[:, 0]
    if task == "classification":
        labels = classification.encode(truth, predictions, probabilities, classes)
        found, details = classification.measure(labels), classification.details(labels)
    else:
        truth, numbers = np.asarray(truth, dtype=np.float64), _numbers(predictions)
        found, details = regression.measure(truth, numbers), regression.details(truth, numbers)
    whole: dict[str, Any] = {"task": task, "rows": len(truth), "metrics": found.metrics}
    if found.undefined:
        whole["undefined"] = found.undefined
    whole |= details
    if slices:
        measured = labels if task == "classification" else (truth, numbers)
        whole["slices"] = [entry for column in slices for entry in _sliced(column, measured)]
    return Evaluation(found.metrics, predictions, probabilities, whole)


def _numbers(predictions: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    numbers = predictions.astype(np.float64)
    if bad := int((~np.isfinite(numbers)).sum()):
        raise TrainingError(
            f"the model predicts no finite number for {bad} of {len(numbers)} held-out rows; "
            "its training did not converge: scale the columns, or lower its learning rate"
        )
    return numbers


def _sliced(column: Column, measured: Labels | tuple[npt.NDArray[Any], npt.NDArray[Any]]) -> list[dict[str, Any]]:
    """The metrics of each slice of a column; those that are not defined there are told with the reason."""
    entries = []
    for name, rows in slices_of(column):
        if isinstance(measured, Labels):
            found: Measured = classification.measure(measured.take(rows))
        else:
            found = regression.measure(measured[0][rows], measured[1][rows])
        entry = {"column": column.name, "value": name, "rows": int(rows.sum()), "metrics": found.metrics}
        entries.append(entry | ({"undefined": found.undefined} if found.undefined else {}))
    return entries
