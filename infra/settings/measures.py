"""Thresholds on, and searches for, metrics: whether something measures them, and which way they are better."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath

from infra.settings.models import Model, Training
from infra.settings.problems import Path
from providers.thresholds import lower_is_better, unfit

MAY_HOLD_METRICS = (".gz", ".tgz", ".tar", "")
"""Endings of supplied models that may be whole artifacts, which bring metrics: archives and folders."""
ENDINGS = {
    "Classifier": "classification", "LogisticRegression": "classification", "SVC": "classification",
    "Regressor": "regression", "LinearRegression": "regression", "SVR": "regression",
}  # fmt: skip
"""What an estimator is for, by the end of its name."""


def measure_findings(path: Path, model: Model, root: FilePath | None) -> Iterator[tuple[Path, str]]:
    """What is known to be wrong before anything was measured: own scripts may measure what they like."""
    training, file = model.training, model.file
    if file and model.thresholds and root and (root / file.path).is_file():
        if FilePath(file.path).suffix.lower() not in MAY_HOLD_METRICS:
            yield (*path, "thresholds"), f"'{file.path}' brings no metrics that thresholds could be held against"
    elif training is not None and training.source is None:
        yield from _of_trainer(path, model, training)


def _of_trainer(path: Path, model: Model, training: Training) -> Iterator[tuple[Path, str]]:
    task, folds = task_of(training), training.cross_validation is not None
    for name, reason in unfit(sorted(model.thresholds), task, training.slices, folds=folds):
        yield (*path, "thresholds", name), reason
    if not model.tuning:
        return
    at, objective = (*path, "tuning", "objective"), model.tuning.objective
    for _, reason in unfit([objective.metric], task, (), folds=folds):
        yield (*at, "metric"), f"'{objective.metric}' {reason}"
    low = lower_is_better(objective.metric)
    if objective.direction != (wanted := "minimize" if low else "maximize"):
        better = "low" if low else "high"
        yield (*at, "direction"), f"must be '{wanted}': {objective.metric} is better when it is {better}"


def task_of(training: Training) -> str | None:
    """The task of Mooring's own trainer as far as the settings tell; None where the data decides."""
    if training.task:
        return training.task
    name = (training.estimator or "").rpartition(".")[2]
    return next((task for ending, task in ENDINGS.items() if name.endswith(ending)), None)
