"""SageMaker's training and tuning jobs by one set of words: what they are called, how they are found, marked and ended.

The name of a job holds a mark of its stack and URN (`naming.job_name`), by which AWS lists it: its tags are looked at
only then. A tuning job's tags are on its training jobs too, so a tag says which of both was made for Mooring.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from providers.aws import session
from providers.aws.faults import translated
from providers.aws.naming import mark
from providers.aws.objects import stack_uri
from providers.aws.tagging import CLAIMED, RETIRED, Pairs, is_owned_by, owner_of, tags_of
from providers.contract import Ownership
from providers.errors import AlreadyExists, InvalidInput, NotFound

KIND_TAG, MODEL_TAG, BUCKET_TAG = "mooring:kind", "mooring:model", "mooring:bucket"
_AT_ONCE = 8
STATUS = {"InProgress": "running", "Completed": "succeeded", "Failed": "failed", "Stopping": "stopping",
          "Stopped": "stopped", "Deleting": "stopping", "DeleteFailed": "failed"}  # fmt: skip
"""SageMaker's statuses as the contract's `JobStatus`."""
ENDED = frozenset({"succeeded", "failed", "stopped"})
USABLE = frozenset({"running", "succeeded"})


@dataclass(frozen=True)
class Words:
    """What SageMaker calls one kind of job. `noun` is that of operations, `member` that of fields."""

    noun: str
    member: str
    word: str
    resource: str
    tag: str
    summaries: str


TRAINING = Words("training_job", "TrainingJob", "training job", "training-job", "TrainingRun", "TrainingJobSummaries")
TUNING = Words(
    "hyper_parameter_tuning_job", "HyperParameterTuningJob", "tuning job", "hyper-parameter-tuning-job", "TuningRun",
    "HyperParameterTuningJobSummaries",
)  # fmt: skip


@dataclass(frozen=True)
class Job:
    """A job of Mooring's, as its description and tags tell. `body` is AWS's description, or its summary in a list."""

    name: str
    status: str
    owner: Ownership
    claimed: bool
    retired: bool
    model: str
    container: str
    body: Mapping[str, Any]

    @property
    def has_ended(self) -> bool:
        """Whether nothing changes any more."""
        return self.status in ENDED

    @property
    def base(self) -> str:
        """The address of all that is kept of it."""
        return stack_uri(self.container, self.owner, "runs", self.name)


class SageMakerJobs:
    """The jobs of one kind in one region."""

    def __init__(self, words: Words, region: str) -> None:
        self.words, self.region = words, region

    @property
    def client(self) -> Any:
        """SageMaker's client."""
        return session.client("sagemaker", self.region)

    def create(
        self, name: str, request: Mapping[str, Any], owner: Ownership, model: str, tags: Mapping[str, str]
    ) -> None:
        """Begin a job, tagged. A name is never used twice, so one that is there is this one: its reply was lost."""
        own = {**tags, KIND_TAG: self.words.tag, MODEL_TAG: model}
        asked = {f"{self.words.member}Name": name, "Tags": tags_of(owner, own), **request}
        try:
            with translated(f"creating {self.words.word} {name}"):
                getattr(self.client, f"create_{self.words.noun}")(**asked)
        except AlreadyExists:
            return

    def describe(self, name: str) -> Mapping[str, Any]:
        """AWS's description. Raises NotFound."""
        with translated(f"reading {self.words.word} {name}"):
            found: Mapping[str, Any] = getattr(self.client, f"describe_{self.words.noun}")(
                **{f"{self.words.member}Name": name}
            )
            return found

    def find(self, name: str) -> Job | None:
        """A job of Mooring's; None where there is none of this name."""
        try:
            body = self.describe(name)
            return self._job(body)
        except NotFound:
            return None

    def status(self, body: Mapping[str, Any]) -> str:
        """The contract's status of a description or summary."""
        return STATUS.get(str(body[f"{self.words.member}Status"]), "running")

    def owned(self, owner: Ownership) -> list[Job]:
        """All jobs with these tags, newest first, retired ones too."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = pool.map(self._job_if_there, list(self._summaries(mark(owner))))
            return [job for job in found if job is not None and is_owned_by(job.owner, owner)]

    def _summaries(self, part: str) -> Iterator[Mapping[str, Any]]:
        asked = {"NameContains": part, "SortBy": "CreationTime", "SortOrder": "Descending"}
        with translated(f"listing {self.words.word}s"):
            pages = self.client.get_paginator(f"list_{self.words.noun}s").paginate(**asked)
            for page in pages:
                yield from page[self.words.summaries]

    def _job_if_there(self, summary: Mapping[str, Any]) -> Job | None:
        try:
            return self._job(summary)
        except NotFound:  # deleted meanwhile
            return None

    def _job(self, body: Mapping[str, Any]) -> Job | None:
        pairs = self._tags(str(body[f"{self.words.member}Arn"]))
        owner, tags = owner_of(pairs), {pair["Key"]: pair["Value"] for pair in pairs}
        if owner is None or tags.get(KIND_TAG) != self.words.tag:
            return None
        return Job(
            str(body[f"{self.words.member}Name"]), self.status(body), owner, CLAIMED in tags, RETIRED in tags,
            tags.get(MODEL_TAG, ""), tags.get(BUCKET_TAG, ""), body,
        )  # fmt: skip

    def _tags(self, arn: str) -> Pairs:
        with translated(f"reading tags of {arn}"):
            pages = self.client.get_paginator("list_tags").paginate(ResourceArn=arn)
            return [tag for page in pages for tag in page["Tags"]]

    def tag(self, name: str, tags: Mapping[str, str]) -> None:
        """Add tags. Raises NotFound."""
        arn = str(self.describe(name)[f"{self.words.member}Arn"])
        with translated(f"tagging {self.words.word} {name}"):
            self.client.add_tags(ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])

    def claim(self, name: str) -> None:
        """Mark it as held by a state."""
        self.tag(name, {CLAIMED: "true"})

    def retire(self, name: str) -> None:
        """Mark it as retired: it is found no more."""
        self.tag(name, {RETIRED: "true"})

    def stop(self, name: str) -> None:
        """Have it end; silent when it has ended, or is gone."""
        try:
            with translated(f"stopping {self.words.word} {name}"):
                getattr(self.client, f"stop_{self.words.noun}")(**{f"{self.words.member}Name": name})
        except NotFound:
            return
        except InvalidInput:
            if self.status(self.describe(name)) not in ENDED:
                raise

    def trials(self, name: str, **wanted: str) -> list[Mapping[str, Any]]:
        """The training jobs of a tuning job, newest first. Raises NotFound."""
        asked = {"HyperParameterTuningJobName": name, "SortBy": "CreationTime", "SortOrder": "Descending", **wanted}
        with translated(f"listing the trials of {name}"):
            pages = self.client.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(**asked)
            return [one for page in pages for one in page["TrainingJobSummaries"]]

    def delete(self, name: str) -> None:
        """Forget one that has ended, with its trials; silent when it is gone."""
        try:
            for trial in self.trials(name) if self.words is TUNING else ():
                SageMakerJobs(TRAINING, self.region).delete(str(trial["TrainingJobName"]))
            with translated(f"deleting {self.words.word} {name}"):
                getattr(self.client, f"delete_{self.words.noun}")(**{f"{self.words.member}Name": name})
        except NotFound:
            return
