"""Tuning runs on AWS: a hyperparameter tuning job of SageMaker each, whose trials are training jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from providers.aws.failures import reason_of
from providers.aws.job_logs import JobLog
from providers.aws.naming import LONGEST_TUNING
from providers.aws.runs import LOG_TAIL
from providers.aws.sagemaker_jobs import TRAINING, TUNING, Job, SageMakerJobs, Words
from providers.aws.training import TrainingBase
from providers.aws.training_request import Request
from providers.aws.tuning_request import strategy_problems, tuned, tuning_request
from providers.contract import Context
from providers.errors import JobFailed, Problem
from providers.local.tuning import space_problems
from providers.values import Scoped, TuningSpec, TuningState, Value

_TAIL = 200


class TuningKind(TrainingBase[TuningSpec, TuningState]):
    """`TuningRun` on AWS."""

    words: ClassVar[Words] = TUNING
    spec: ClassVar[type[Scoped]] = TuningSpec
    state: ClassVar[type[Value]] = TuningState
    longest_name: ClassVar[int] = LONGEST_TUNING

    def check(self, spec: TuningSpec, context: Context) -> tuple[TuningSpec, Sequence[Problem]]:
        """As for a training run, and the space."""
        spec, problems = super().check(spec, context)
        found = space_problems(spec)
        return spec, [*problems, *found, *(strategy_problems(spec) if not found else ())]

    def request(self, name: str, spec: TuningSpec, context: Context) -> Request:
        """`CreateHyperParameterTuningJob`."""
        return tuning_request(name, spec, context.owner, self.upload(spec, context))

    def collect(self, job: Job, id: str, spec: TuningSpec, context: Context) -> dict[str, Any]:
        """The best trial's artifact, parameters and value. Raises JobFailed where no trial has one."""
        best = job.body.get("BestTrainingJob") or {}
        if not best:
            raise JobFailed(f"no trial told its {spec.objective.metric}", job=id)
        region = id.partition("/")[0]
        trial = SageMakerJobs(TRAINING, region).describe(str(best["TrainingJobName"]))
        found = self.taken(job, id, trial, spec, context)
        told = (best.get("FinalHyperParameterTuningJobObjectiveMetric") or {}).get("Value")
        value = found["metrics"].get(spec.objective.metric, told)
        return found | {
            "best_parameters": tuned(spec, best.get("TunedHyperParameters") or {}),
            "best_value": value,
            "completed_trials": int((job.body.get("TrainingJobStatusCounters") or {}).get("Completed", 0)),
        }

    def failure(self, job: Job, region: str) -> tuple[str, list[str]]:
        """Why the tuning failed; of failed trials, the latest one's own reason."""
        failed = self.jobs(region).trials(job.name, StatusEquals="Failed")
        if not failed:
            return str(job.body.get("FailureReason") or "the tuning was stopped from outside"), []
        name = str(failed[0]["TrainingJobName"])
        tail = JobLog(region, name).tail(_TAIL)
        reason = reason_of(SageMakerJobs(TRAINING, region).describe(name), tail)
        return f"{reason} (trial {name}; {len(failed)} of its trials failed)", tail[-LOG_TAIL:]

    def last_line(self, job: Job, region: str) -> str:
        """How many trials have ended, and the best value so far."""
        counts = job.body.get("TrainingJobStatusCounters") or {}
        best = (job.body.get("BestTrainingJob") or {}).get("FinalHyperParameterTuningJobObjectiveMetric") or {}
        so_far = f", best {best['MetricName']} {best['Value']:g}" if best else ""
        wanted = job.body["HyperParameterTuningJobConfig"]["ResourceLimits"].get("MaxNumberOfTrainingJobs")
        return f"{counts.get('Completed', 0)} of {wanted or 'all'} trials have ended{so_far}"

    def log(self, job: Job, region: str) -> JobLog:
        """The logs of all trials."""
        return JobLog(region, job.name, is_tuning=True)

    def environment(self, job: Job) -> Mapping[str, str]:
        """The variables that the trials were given."""
        return dict((job.body.get("TrainingJobDefinition") or {}).get("Environment") or {})

    def checkpoints(self, job: Job) -> str:
        """None: trials would go on from each other's."""
        return ""
