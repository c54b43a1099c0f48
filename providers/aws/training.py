"""Training runs on AWS: a training job of SageMaker each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from providers.aws import checks, instances
from providers.aws.code_upload import code_hash, upload_kit, upload_source
from providers.aws.contents import Contents
from providers.aws.failures import reason_of
from providers.aws.job_logs import JobLog
from providers.aws.naming import split
from providers.aws.objects import Objects
from providers.aws.results import Results, final_metrics
from providers.aws.runs import LOG_TAIL, Run
from providers.aws.sagemaker_jobs import TRAINING, Job, Words
from providers.aws.training_request import Request, image_of, training_request
from providers.contract import Context
from providers.errors import InvalidInput, Problem
from providers.local.environments import image_lists
from providers.local.jobs import script_command
from providers.local.training import code_problems, trainer_problems
from providers.values import CodeSpec, Scoped, TrainingSpec, TrainingState, Value

S = TypeVar("S", bound=TrainingSpec)
T = TypeVar("T", bound=TrainingState)

_TAIL = 200


class TrainingBase(Run[S, T]):
    """What a single run and a tuning share."""

    def check(self, spec: S, context: Context) -> tuple[S, Sequence[Problem]]:
        """Hash the code, and list what AWS does not take."""
        problems = [
            *checks.scope_problems(spec),
            *checks.identity_problems(spec.identity),
            *instances.problems(spec.machine, "training"),
            *checks.network_problems(spec.network),
            *checks.channel_problems(spec.channels),
            *checks.environment_problems(spec.environment),
            *checks.hyperparameter_problems(spec.hyperparameters),
            *image_lists.problems(None, spec.code.requirements),
            *code_problems(spec.code, context.root),
            *script_command.problems(spec.code, dict(spec.hyperparameters)),
            *_contract_problems(spec.code),
        ]
        if spec.time_limit > checks.LONGEST_RUN:
            problems.append(Problem("timeLimit", f"{spec.time_limit} s; a job runs {checks.LONGEST_RUN} s at most"))
        if spec.code.source is None:
            problems += trainer_problems(spec)
        if problems:
            return spec, problems
        try:
            hashed = code_hash(spec.code, self.home, context.root, image_of(spec).encode())
        except InvalidInput as error:
            return spec, [Problem("code.image", str(error))]
        return spec.model_copy(update={"code": spec.code.model_copy(update={"source_hash": hashed})}), ()

    def upload(self, spec: S, context: Context) -> str:
        """Have the code in the bucket: the kit's prefix, or the address of the script's archive."""
        objects, code = Objects(spec.region), spec.code
        context.progress("uploading the code", None)
        if code.source is None:
            return upload_kit(objects, spec.container, context.owner, code.requirements)
        expected = (code.source_hash or "", image_of(spec).encode())
        return upload_source(objects, spec.container, context.owner, code, self.home, context.root, expected)

    def results(self, job: Job, id: str, training_job: Mapping[str, Any]) -> Results:
        """What a training job has left, kept below the run `job`."""
        output = str(training_job["OutputDataConfig"]["S3OutputPath"]).rstrip("/")
        whole = f"{output}/{training_job['TrainingJobName']}/output/"
        return Results(Contents(split(id)[0], self.home), id, job.base, whole)

    def taken(self, job: Job, id: str, training_job: Mapping[str, Any], spec: S, context: Context) -> dict[str, Any]:
        """Artifact, digest and metrics of a training job that succeeded."""
        results = self.results(job, id, training_job)
        # The requirements of the trainer are in its image; a script's own ones may be needed to load its model.
        extra = tuple(spec.code.requirements)
        image = str(training_job["AlgorithmSpecification"]["TrainingImage"])
        stored = results.artifact(image, extra, self.cache, context)
        metrics = results.metrics(stored.uri, final_metrics(training_job))
        return {"artifact": stored.uri, "digest": stored.digest, "metrics": metrics}


class TrainingKind(TrainingBase[TrainingSpec, TrainingState]):
    """`TrainingRun` on AWS."""

    words: ClassVar[Words] = TRAINING
    spec: ClassVar[type[Scoped]] = TrainingSpec
    state: ClassVar[type[Value]] = TrainingState

    def request(self, name: str, spec: TrainingSpec, context: Context) -> Request:
        """`CreateTrainingJob`."""
        return training_request(spec, context.owner, self.upload(spec, context))

    def collect(self, job: Job, id: str, spec: TrainingSpec, context: Context) -> dict[str, Any]:
        """The artifact that it wrote."""
        return self.taken(job, id, job.body, spec, context)

    def failure(self, job: Job, region: str) -> tuple[str, list[str]]:
        """The script's own reason where it has one."""
        tail = JobLog(region, job.name).tail(_TAIL)
        return reason_of(job.body, tail), tail[-LOG_TAIL:]

    def last_line(self, job: Job, region: str) -> str:
        """The last line of its log, or what AWS does for it."""
        transitions = job.body.get("SecondaryStatusTransitions") or [{}]
        if job.body.get("SecondaryStatus") == "Training" and (tail := JobLog(region, job.name).tail(1)):
            return tail[0].strip() or str(job.body["SecondaryStatus"])
        return str(transitions[-1].get("StatusMessage") or job.body.get("SecondaryStatus", "the job runs"))


def _contract_problems(code: CodeSpec) -> list[Problem]:
    if code.contract in (None, "sagemaker") or code.source is None:
        return []
    reason = f"a script for {code.contract} does not run on aws, whose own contract is sagemaker; leave it out"
    return [Problem("code.contract", reason)]
