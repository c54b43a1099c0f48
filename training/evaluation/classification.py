"""Metrics of classes: over all rows, of each class, the confusion matrix, and what probabilities are worth.

Averages of precision, recall and F1: *macro* is the plain mean over the classes that occur in truth or prediction,
*weighted* their mean by rows of truth, *micro* counts all decisions alike. A class never predicted has precision 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from training.evaluation import probability
from training.evaluation.curves import of_classes

AVERAGES = ("macro", "micro", "weighted")
NO_PROBABILITIES = "the model gives no probabilities"


@dataclass
class Measured:
    """Metric name to value, and to the reason where a metric is not defined for these rows."""

    metrics: dict[str, float] = field(default_factory=dict)
    undefined: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Labels:
    """Truth and prediction as places in `names`, all labels that the model or the data know, in the model's order
    first. `probabilities` is [rows, classes], one column for each of the first `classes` names, or None."""

    names: tuple[str, ...]
    classes: int
    truth: npt.NDArray[np.int64]
    predictions: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64] | None

    def take(self, rows: npt.NDArray[Any]) -> Labels:
        """Only these rows (indices or a mask)."""
        scores = None if self.probabilities is None else self.probabilities[rows]
        return Labels(self.names, self.classes, self.truth[rows], self.predictions[rows], scores)


def encode(
    truth: npt.NDArray[Any],
    predictions: npt.NDArray[Any],
    probabilities: npt.NDArray[np.float64] | None,
    classes: Sequence[Any] | None,
) -> Labels:
    """Labels as numbers: comparing those is cheap, whatever the labels are. Without `classes`, those that occur."""
    known = _texts(np.asarray(classes)).tolist() if classes is not None else []
    given = [_texts(np.asarray(values)) for values in (truth, predictions)]
    names = known + sorted(set(np.unique(given[0])) | set(np.unique(given[1])) - set(known))
    names = list(dict.fromkeys(names))
    place = {name: at for at, name in enumerate(names)}
    codes = []
    for values in given:
        distinct, inverse = np.unique(values, return_inverse=True)
        codes.append(np.array([place[name] for name in distinct.tolist()], dtype=np.int64)[inverse])
    scores = None
    if probabilities is not None and known and probabilities.ndim == 2 and probabilities.shape[1] == len(known):
        scores = np.asarray(probabilities, dtype=np.float64)
    return Labels(tuple(names), len(known) or len(names), codes[0], codes[1], scores)


def _texts(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Labels as text; 1.0 is the same class as 1, whichever of them a model answers."""
    if labels.dtype.kind == "f" and (labels % 1 == 0).all():
        labels = labels.astype(np.int64)
    return labels.astype(str)


def measure(labels: Labels) -> Measured:
    """The metrics of all these rows."""
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    found = Measured({"accuracy": float(accuracy_score(labels.truth, labels.predictions))})
    for average in AVERAGES:
        values = precision_recall_fscore_support(labels.truth, labels.predictions, average=average, zero_division=0)
        for name, value in zip(("precision", "recall", "f1"), values, strict=False):
            found.metrics[f"{name}_{average}"] = float(value)
    if labels.probabilities is None:
        names = ("roc_auc", "log_loss", "brier", "ece")
        found.undefined |= dict.fromkeys(names, NO_PROBABILITIES)
        return found
    probability.add(found.metrics, found.undefined, labels.truth, labels.probabilities, labels.names)
    return found


def per_class(labels: Labels) -> list[dict[str, Any]]:
    """Of each class: rows of truth and of prediction, precision, recall, F1, and ROC AUC against all others."""
    from sklearn.metrics import precision_recall_fscore_support

    places = list(range(len(labels.names)))
    found = precision_recall_fscore_support(
        labels.truth, labels.predictions, labels=places, average=None, zero_division=0
    )
    predicted = np.bincount(labels.predictions, minlength=len(places))
    entries = []
    for at, (name, precision, recall, f1, rows) in enumerate(zip(labels.names, *found, strict=True)):
        entry: dict[str, Any] = {"class": name, "rows": int(rows), "predicted": int(predicted[at])}
        if rows:
            entry |= {"precision": float(precision), "recall": float(recall), "f1": float(f1)}
        elif predicted[at]:
            entry |= {"precision": 0.0}
        if labels.probabilities is not None and at < labels.classes:
            area = probability.one_against_rest(labels.truth == at, labels.probabilities[:, at])
            entry |= {} if area is None else {"roc_auc": area}
        entries.append(entry)
    return entries


def confusion(labels: Labels) -> dict[str, Any]:
    """Counts by truth (one list a class) and prediction (its places), in the order of `labels`."""
    size = len(labels.names)
    counts = np.bincount(labels.truth * size + labels.predictions, minlength=size * size)
    return {"labels": list(labels.names), "counts": counts.reshape(size, size).tolist()}


def details(labels: Labels) -> dict[str, Any]:
    """What is told of a classification besides its metrics."""
    found: dict[str, Any] = {"per_class": per_class(labels), "confusion": confusion(labels)}
    if labels.probabilities is not None:
        found["calibration"] = probability.calibration(labels.truth, labels.probabilities)
        found["curves"] = of_classes(labels.truth, labels.probabilities, labels.names[: labels.classes])
    return found
