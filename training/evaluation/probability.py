"""What predicted probabilities are worth: ranking (ROC AUC), likelihood (log loss, Brier score), calibration.

Probabilities are [rows, classes]; truth is the place of each row's class, beyond the last column for a class that
the model does not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

BINS = 10
"""Bins of equal width in which predicted and observed shares are compared."""

Truth = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]


def add(
    metrics: dict[str, float], undefined: dict[str, str], truth: Truth, scores: Scores, names: Sequence[str]
) -> None:
    """Add `roc_auc` (of two classes: of the second; of more: the mean over the classes against the rest, and by
    rows in `roc_auc_weighted`), `log_loss`, `brier` and `ece` to the metrics, or why one is not defined."""
    from sklearn.metrics import log_loss

    if (reason := _areas(metrics, truth, scores, names)) is not None:
        undefined["roc_auc"] = reason
    if (unknown := truth >= scores.shape[1]).any():
        name = names[int(truth[unknown][0])]
        undefined |= dict.fromkeys(("log_loss", "brier"), f"the model does not know the class '{name}'")
    else:
        sums = scores.sum(axis=1, keepdims=True)
        if np.allclose(sums, 1, atol=1e-5):
            scores = scores / sums
            metrics["log_loss"] = float(log_loss(truth, scores, labels=list(range(scores.shape[1]))))
            metrics["brier"] = brier(truth, scores)
        else:
            undefined |= dict.fromkeys(("log_loss", "brier"), "the model's probabilities do not add up to 1")
    metrics["ece"] = expected_calibration_error(truth, scores)


def _areas(metrics: dict[str, float], truth: Truth, scores: Scores, names: Sequence[str]) -> str | None:
    """Areas under the ROC curve; or the reason why there are none."""
    count = scores.shape[1]
    present = np.bincount(truth, minlength=count)[:count]
    missing = [names[at] for at in range(count) if not present[at]]
    if missing:
        return f"no row of the class '{missing[0]}'" + (f" and of {len(missing) - 1} more" if missing[1:] else "")
    if count < 2:
        return "one class only"
    if count == 2:
        metrics["roc_auc"] = one_against_rest(truth == 1, scores[:, 1]) or 0.0
        return None
    areas = np.array([one_against_rest(truth == at, scores[:, at]) or 0.0 for at in range(count)])
    metrics["roc_auc"] = float(areas.mean())
    metrics["roc_auc_weighted"] = float(np.average(areas, weights=present))
    return None


def one_against_rest(positive: npt.NDArray[np.bool_], scores: Scores) -> float | None:
    """Area under the ROC curve of one class; None without rows of it, or without any of the others."""
    from sklearn.metrics import roc_auc_score

    if positive.all() or not positive.any():
        return None
    return float(roc_auc_score(positive, scores))


def brier(truth: Truth, scores: Scores) -> float:
    """Brier score: of two classes the mean of (p - y)², y being 1 for the second class; of more the mean over the
    rows of the sum over the classes (Brier 1950)."""
    if scores.shape[1] == 2:
        return float(np.mean((scores[:, 1] - (truth == 1)) ** 2))
    expected = np.zeros_like(scores)
    expected[np.arange(len(truth)), truth] = 1
    return float(np.mean(((scores - expected) ** 2).sum(axis=1)))


def expected_calibration_error(truth: Truth, scores: Scores) -> float:
    """Mean distance of confidence and accuracy over the bins, by their rows. Confidence is the probability of the
    most likely class (Guo et al. 2017, "On Calibration of Modern Neural Networks")."""
    confidence, right = scores.max(axis=1), scores.argmax(axis=1) == truth
    rows, confident, accurate = _binned(confidence, right)
    return float(np.abs(confident - accurate).sum() / rows.sum())


def calibration(truth: Truth, scores: Scores) -> dict[str, Any]:
    """The calibration curve: of two classes the second one's probability against how often it is true, of more the
    confidence against how often it is right. Empty bins are left out."""
    binary = scores.shape[1] == 2
    predicted = scores[:, 1] if binary else scores.max(axis=1)
    happened = truth == 1 if binary else scores.argmax(axis=1) == truth
    rows, predicted_sum, happened_sum = _binned(predicted, happened)
    bins = [
        {
            "from": at / BINS,
            "to": (at + 1) / BINS,
            "rows": int(rows[at]),
            "predicted": float(predicted_sum[at] / rows[at]),
            "observed": float(happened_sum[at] / rows[at]),
        }
        for at in range(BINS)
        if rows[at]
    ]
    return {"of": "second class" if binary else "most likely class", "bins": bins}


def _binned(values: Scores, happened: npt.NDArray[np.bool_]) -> tuple[Any, Any, Any]:
    """Of each bin: its rows, the sum of the values in it, and how many of its rows happened."""
    places = np.clip((values * BINS).astype(np.int64), 0, BINS - 1)
    return (
        np.bincount(places, minlength=BINS),
        np.bincount(places, weights=values, minlength=BINS),
        np.bincount(places, weights=happened.astype(np.float64), minlength=BINS),
    )
