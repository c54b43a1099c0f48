"""ROC and precision-recall curves, thinned to what a plot can show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

POINTS = 101
"""At most so many points a curve."""
CURVES = 10
"""At most so many classes get curves: the most frequent ones."""


def of_classes(
    truth: npt.NDArray[np.int64], scores: npt.NDArray[np.float64], names: Sequence[str]
) -> list[dict[str, Any]]:
    """Of each class (of two: the second only) `roc` [false positive rate, true positive rate] and `pr` [recall,
    precision] as lists of points, with `average_precision`. A class without rows, or without others, has none."""
    counts = np.bincount(truth, minlength=len(names))[: len(names)]  # beyond: classes the model does not know
    places = [1] if len(names) == 2 else sorted(np.argsort(-counts, kind="stable")[:CURVES].tolist())
    return [
        {"class": names[at], **_curves(truth == at, scores[:, at])} for at in places if 0 < int(counts[at]) < len(truth)
    ]


def _curves(positive: npt.NDArray[np.bool_], scores: npt.NDArray[np.float64]) -> dict[str, Any]:
    from sklearn.metrics import average_precision_score, precision_recall_curve, roc_curve

    false_rate, true_rate, _ = roc_curve(positive, scores)
    precision, recall, _ = precision_recall_curve(positive, scores)
    return {
        "roc": _points(false_rate, true_rate),
        "pr": _points(recall[::-1], precision[::-1]),
        "average_precision": float(average_precision_score(positive, scores)),
    }


def _points(across: npt.NDArray[np.float64], up: npt.NDArray[np.float64]) -> list[list[float]]:
    """At most POINTS of the points, the first and the last among them."""
    if len(across) > POINTS:
        # By length along the curve, not by place in the list: steep parts keep their shape.
        length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(across)) + np.abs(np.diff(up)))])
        chosen = np.unique(np.searchsorted(length, np.linspace(0, length[-1], POINTS)))
        across, up = across[chosen], up[chosen]
    return [[round(float(x), 6), round(float(y), 6)] for x, y in zip(across, up, strict=True)]
