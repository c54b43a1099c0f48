"""When a tuning job is over, and when one of its trials is stopped early."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

from providers.aws.emulator.sagemaker.tuning.trials import Trial, best, not_improving

HOPELESS = 5
"""Trials without any success after which AWS gives a tuning job up."""
FEW = 3
"""Trials that a median is taken of at least."""
NO_METRIC = (
    "No objective metrics found after running {count} training jobs. Please ensure that the custom algorithm is "
    "emitting the objective metric as defined by the regular expression provided."
)
NO_SUCCESS = (
    "No training job succeeded after {count} attempts. Please take a look at the training job failures to get more "
    "details."
)
ALL_FAILED = "All training jobs failed. Please take a look at the training jobs failures to get more details."


def is_enough(config: Mapping[str, Any], trials: Sequence[Trial], kind: str, began: float) -> bool:
    """Whether no more is to be tried, and what runs may end: the time is over, or what was found is good enough."""
    limit = config["ResourceLimits"].get("MaxRuntimeInSeconds")
    if limit is not None and time.time() - began >= limit:
        return True
    criteria = config.get("TuningJobCompletionCriteria") or {}
    found = best(trials, kind)
    if found is None or found.value is None:
        return False
    target = criteria.get("TargetObjectiveMetricValue")
    if target is not None and (found.value >= target if kind == "Maximize" else found.value <= target):
        return True
    patience = (criteria.get("BestObjectiveNotImproving") or {}).get("MaxNumberOfTrainingJobsNotImproving")
    return patience is not None and not_improving(trials, kind) >= patience


def failure(trials: Sequence[Trial], is_over: bool) -> str:
    """Why the tuning job fails, in AWS's words: nothing succeeded of five trials, or of all that there are."""
    ended = [trial for trial in trials if trial.has_ended]
    if not ended or any(trial.objective_status == "Succeeded" for trial in ended):
        return ""
    if not is_over and len(ended) < HOPELESS:
        return ""
    if any(trial.status == "Completed" for trial in ended):
        return NO_METRIC.format(count=len(ended))
    if all(trial.status == "Failed" for trial in ended):
        return NO_SUCCESS.format(count=len(ended)) if len(ended) >= HOPELESS else ALL_FAILED
    return NO_METRIC.format(count=len(ended)) if is_over else ""


def is_below_median(trial: Trial, trials: Sequence[Trial], kind: str) -> bool:
    """AWS's rule of early stopping: the newest value is worse than the median of the running averages that the
    completed trials had at the same place."""
    step = len(trial.reports)
    others = [one for one in trials if one.status == "Completed" and len(one.reports) >= step > 0]
    if len(others) < FEW:
        return False
    median = statistics.median(statistics.fmean(one.reports[:step]) for one in others)
    return trial.reports[-1] < median if kind == "Maximize" else trial.reports[-1] > median
