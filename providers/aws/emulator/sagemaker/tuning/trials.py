"""Trials of a tuning job: what was tried, which training job tries it, and what it came to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from providers.aws.emulator.account import arn
from providers.aws.emulator.state import Thing

TRIALS = "_trials"
"""Member of a tuning job that holds its trials."""
ENDED = frozenset({"Completed", "Failed", "Stopped"})


@dataclass
class Trial:
    """One trial. `number` counts the job's trials and `place` those of its definition, from 0; `reports` are the
    objective's values in the order of the log; `is_cut` says that it was stopped for promising too little."""

    number: int
    place: int
    job: str
    definition: str
    values: dict[str, str]
    created: float
    status: str = "InProgress"
    value: float | None = None
    started: float | None = None
    ended: float | None = None
    reason: str = ""
    reports: list[float] = field(default_factory=list)
    is_cut: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether its training job goes on no more."""
        return self.status in ENDED

    @property
    def objective_status(self) -> str:
        """`ObjectiveStatus`: whether the objective's value is known, still to come, or never will be."""
        if not self.has_ended:
            return "Pending"
        return "Succeeded" if self.value is not None and self.status != "Failed" else "Failed"

    def look(self, job: Thing | None, metric: str) -> None:
        """Take over how its training job stands; one that was deleted counts as stopped."""
        if job is None:
            self.status = self.status if self.has_ended else "Stopped"
            return
        self.status = job["TrainingJobStatus"]
        self.started, self.ended = job.get("TrainingStartTime"), job.get("TrainingEndTime")
        self.reason = job.get("FailureReason", "")
        for one in job.get("FinalMetricDataList", ()):
            if one["MetricName"] == metric:
                self.value = one["Value"]


def read(job: Mapping[str, Any]) -> list[Trial]:
    """The trials of a tuning job as the state holds it."""
    return [Trial(**one) for one in job.get(TRIALS, ())]


def write(job: Thing, trials: Iterable[Trial]) -> None:
    """Put them into the tuning job's body, with the counters that follow from them."""
    trials = list(trials)
    job[TRIALS] = [asdict(trial) for trial in trials]
    states = [trial.status for trial in trials]
    outcomes = [trial.objective_status for trial in trials]
    job["TrainingJobStatusCounters"] = {
        "Completed": states.count("Completed"),
        "InProgress": sum(not trial.has_ended for trial in trials),
        "RetryableError": 0,
        "NonRetryableError": states.count("Failed"),
        "Stopped": states.count("Stopped"),
    }
    job["ObjectiveStatusCounters"] = {name: outcomes.count(name) for name in ("Succeeded", "Pending", "Failed")}


def best(trials: Iterable[Trial], kind: str) -> Trial | None:
    """The one with the best value of those that ended; the earliest of equals. `kind` is Maximize or Minimize."""
    known = [trial for trial in trials if trial.objective_status == "Succeeded"]
    sign = -1.0 if kind == "Maximize" else 1.0
    return min(known, key=lambda trial: sign * (trial.value or 0.0), default=None)


def not_improving(trials: Sequence[Trial], kind: str) -> int:
    """How many ended after the best of all without being better, in the order of their ends."""
    known = sorted((trial for trial in trials if trial.objective_status == "Succeeded"), key=lambda one: one.ended or 0)
    winner = best(known, kind)
    return len(known) - 1 - known.index(winner) if winner else 0


def summary(region: str, tuning_job: str, trial: Trial, objective: Mapping[str, str]) -> dict[str, Any]:
    """`HyperParameterTrainingJobSummary`."""
    final = {"Type": objective["Type"], "MetricName": objective["MetricName"], "Value": trial.value}
    return {
        "TrainingJobDefinitionName": trial.definition or None,
        "TrainingJobName": trial.job,
        "TrainingJobArn": arn(region, "training-job", trial.job),
        "TuningJobName": tuning_job,
        "CreationTime": trial.created,
        "TrainingStartTime": trial.started,
        "TrainingEndTime": trial.ended,
        "TrainingJobStatus": trial.status,
        "TunedHyperParameters": trial.values,
        "FailureReason": trial.reason or None,
        "FinalHyperParameterTuningJobObjectiveMetric": final if trial.objective_status == "Succeeded" else None,
        "ObjectiveStatus": trial.objective_status,
    }
