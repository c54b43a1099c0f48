"""Cross-validation: the metrics of each fold, as their mean and their standard deviation."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from training import pipeline
from training.evaluation.metrics import evaluate
from training.pipeline import Say, Split


def cross_validate(split: Split, parameters: Mapping[str, Any], seed: int, say: Say) -> dict[str, float]:
    """`cv_<metric>`, the mean over the folds, and `cv_<metric>_std`, their standard deviation (of the sample).

    A metric that is not defined in every fold is left out.
    """
    found: list[dict[str, float]] = []
    for number, pair in enumerate(split.folds, start=1):
        fold = split.fold(pair)
        model = pipeline.fit(fold, parameters, seed)
        found.append(evaluate(model, pipeline.matrix(fold.test), fold.test_target, fold.task).metrics)
        name, value = next(iter(found[-1].items()))
        say(f"fold {number} of {len(split.folds)}: {name} {value:.4f}")
    metrics: dict[str, float] = {}
    for name in found[0] if found else ():
        if all(name in fold_metrics for fold_metrics in found):
            values = [fold_metrics[name] for fold_metrics in found]
            metrics[f"cv_{name}"] = statistics.fmean(values)
            metrics[f"cv_{name}_std"] = statistics.stdev(values)
    return metrics
