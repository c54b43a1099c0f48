"""Metrics of predicted numbers, and what a plot of them needs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from training.evaluation.classification import Measured

POINTS = 1000
"""At most so many rows are drawn: every n-th in order of truth."""
BINS = 30

Values = npt.NDArray[np.float64]


def measure(truth: Values, predictions: Values) -> Measured:
    """MAE, median absolute error, RMSE, MAPE (a share, not percent), R². MAPE is not defined where a true value is
    0, R² where all of them are equal."""
    from sklearn.metrics import mean_absolute_error, median_absolute_error, r2_score, root_mean_squared_error
    from sklearn.metrics import mean_absolute_percentage_error as percentage_error

    found = Measured()
    with np.errstate(over="ignore", invalid="ignore"):
        for name, error in (("mae", mean_absolute_error), ("median_ae", median_absolute_error)):
            found.metrics[name] = float(error(truth, predictions))
        found.metrics["rmse"] = float(root_mean_squared_error(truth, predictions))
    if (truth == 0).any():
        found.undefined["mape"] = "a true value is 0"
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            found.metrics["mape"] = float(percentage_error(truth, predictions))
    if (truth != truth[0]).any():
        with np.errstate(over="ignore", invalid="ignore"):
            found.metrics["r2"] = float(r2_score(truth, predictions))
    else:
        found.undefined["r2"] = "one row only" if len(truth) == 1 else "all true values are equal"
    for name in [name for name, value in found.metrics.items() if not math.isfinite(value)]:
        del found.metrics[name]
        found.undefined[name] = "the errors are too large to be squared or summed"
    return found


def details(truth: Values, predictions: Values) -> dict[str, Any]:
    """`residuals` (prediction - truth): quantiles and a histogram; `points`: truth and prediction of some rows.
    Empty for numbers whose spread is beyond double precision."""
    with np.errstate(over="ignore", invalid="ignore"):
        residuals = predictions - truth
        if not math.isfinite(residuals.std()):
            return {}
    counts, edges = np.histogram(residuals, bins=BINS)
    order = np.argsort(truth, kind="stable")
    chosen = order[np.unique(np.linspace(0, len(order) - 1, min(POINTS, len(order))).round().astype(np.int64))]
    return {
        "residuals": {
            "mean": _rounded(residuals.mean()),
            "std": _rounded(residuals.std()),
            "quantiles": {f"{q:g}": _rounded(np.quantile(residuals, q)) for q in (0.05, 0.25, 0.5, 0.75, 0.95)},
            "histogram": {"edges": [_rounded(edge) for edge in edges], "counts": counts.tolist()},
        },
        "points": [[_rounded(truth[at]), _rounded(predictions[at])] for at in chosen.tolist()],
    }


def _rounded(value: Any) -> float:
    return float(f"{float(value):.9g}")
