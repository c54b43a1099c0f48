"""How good a fitted pipeline is on the rows held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.options import Task


@dataclass(frozen=True)
class Evaluation:
    """Metrics, and what they were computed from: one prediction a held-out row, in row order."""

    metrics: dict[str, float]
    predictions: npt.NDArray[Any]
    probabilities: npt.NDArray[np.float64] | None


def evaluate(pipeline: Any, features: npt.NDArray[Any], truth: npt.NDArray[Any], task: Task) -> Evaluation:
    """Predict the held-out rows and measure. Accuracy, precision, recall and F1 (macro: the mean over classes;
    weighted: by their rows); or mean absolute error, root of the mean squared error, and R²."""
    predictions = pipeline.predict(features)
    probabilities = pipeline.predict_proba(features) if hasattr(pipeline, "predict_proba") else None
    measure = classification_metrics if task == "classification" else regression_metrics
    return Evaluation(measure(truth, predictions), predictions, probabilities)


def classification_metrics(truth: npt.NDArray[Any], predictions: npt.NDArray[Any]) -> dict[str, float]:
    """Accuracy, and precision, recall, F1 macro and weighted. A class never predicted has precision 0."""
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    metrics = {"accuracy": float(accuracy_score(truth, predictions))}
    for average in ("macro", "weighted"):
        found = precision_recall_fscore_support(truth, predictions, average=average, zero_division=0)
        for name, value in zip(("precision", "recall", "f1"), found, strict=False):
            metrics[f"{name}_{average}"] = float(value)
    return metrics


def regression_metrics(truth: npt.NDArray[Any], predictions: npt.NDArray[Any]) -> dict[str, float]:
    """MAE, RMSE, and R²; R² is left out where it is not defined: one row, or a constant truth."""
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    metrics = {
        "mae": float(mean_absolute_error(truth, predictions)),
        "rmse": float(root_mean_squared_error(truth, predictions)),
    }
    if len(truth) > 1 and (truth != truth[0]).any():
        metrics["r2"] = float(r2_score(truth, predictions))
    return metrics
