"""One training job from its creation to its end, in a thread of its own.

::

    Starting ─ Downloading ─ Training ─ Uploading ─▶ Completed
        └──────────┴────────────┴───────────┴──────▶ Failed | Stopped | MaxRuntimeExceeded

Each step may be done again: a job that was under way when the emulator was killed is gone on with by the next one.
"""

from __future__ import annotations

import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from providers.aws.emulator import images, s3_files
from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.s3_files import TransferError
from providers.aws.emulator.sagemaker.training import container, inputs
from providers.aws.emulator.sagemaker.training.results import failure_reason, upload
from providers.aws.emulator.sagemaker.training.watch import Watch
from providers.aws.emulator.state import Thing
from providers.aws.emulator.work import Halted
from providers.local.environments.environments import Environments
from providers.local.jobs.job_records import JobRecord
from providers.local.jobs.jobs import Jobs

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

KIND = "training_jobs"
TERMINAL = frozenset({"Completed", "Failed", "Stopped"})
LIMIT_WORDS = "time limit"
TOLD = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading the training image and input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Completed": "Training job completed",
    "Stopped": "Training job stopped",
    "Failed": "Training job failed",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}
"""`StatusMessage` of each secondary status."""


class JobEnded(Exception):
    """The job cannot go on: its secondary status and, of a failure, the reason in AWS's words."""

    def __init__(self, status: str, reason: str = "") -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class TrainingRun:
    """Carries out one job."""

    def __init__(self, service: SageMaker, region: str, name: str) -> None:
        self.service, self.region, self.name = service, region, name
        self.jobs = Jobs(service.home)
        self.s3 = service.clients.get("s3", region)

    @property
    def key(self) -> str:
        """What the thread is known by."""
        return f"{KIND}:{self.region}:{self.name}"

    def begin(self) -> None:
        """Have a thread carry it out, unless one does already."""
        self.service.work.begin(self.key, self.run)

    def run(self) -> None:
        """To the end."""
        job = self._job()
        if job["TrainingJobStatus"] not in TERMINAL:
            self._carry_out(job)
        self._remove(job)

    def _carry_out(self, job: Thing) -> None:
        hosts = inputs.host_names(job["ResourceConfig"])
        try:
            records = self._train(job, hosts)
            self._enter("Uploading")
            upload(self._job(), self.s3, [self._folder(host) for host in hosts])
            self.service.settle()
            self._raise_for(records)
            self._end("Completed", "Completed")
        except JobEnded as ended:
            if ended.status == "Failed":
                self._end("Failed", "Failed", FailureReason=ended.reason[:1024])
            else:
                self._end("Stopped", ended.status)
        except (TransferError, ApiError) as error:
            self._end("Failed", "Failed", FailureReason=str(error)[:1024])
        except Halted:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the job ends by it
            self._end("Failed", "Failed", FailureReason=self.service.work.reason_of(error))

    @property
    def is_left(self) -> bool:
        """Whether its containers have not been removed yet."""
        return any(self._folder(host).exists() for host in inputs.host_names(self._job()["ResourceConfig"]))

    def tidy(self) -> None:
        """Of a job that has ended: return when nothing is left of its containers, and its name may be taken again."""
        self.service.work.wait(self.key)
        self._remove(self._job())

    def _remove(self, job: Thing) -> None:
        for host in inputs.host_names(job["ResourceConfig"]):
            self.jobs.delete(self._id(host))

    def stop(self) -> None:
        """Tell the containers to end; `run` does the rest."""
        for host in inputs.host_names(self._job()["ResourceConfig"]):
            self.jobs.stop(self._id(host), timeout=200.0)

    # Steps

    def _train(self, job: Thing, hosts: list[str]) -> list[JobRecord]:
        ids = [self._id(host) for host in hosts]
        if not all(self.jobs.find(id) for id in ids):
            self._enter("Starting")
            python = self._environment(job)
            self._enter("Downloading")
            for number, host in enumerate(hosts):
                self._stop_if_told()
                spec = container.spec(self.service, self.region, job, host, python, self._folder(host))
                fill = functools.partial(container.fill, job, self.s3, number, hosts)
                self.jobs.create(spec, fill)
        self._stop_if_told()
        for id in ids:
            self.jobs.launch(id)
        self._enter("Training")
        self.service.state.edit(
            KIND, self.region, self.name, lambda body: body.setdefault("TrainingStartTime", time.time())
        )
        Watch(self, ids, hosts).until_ended()
        return [self.jobs.get(id) for id in ids]

    def _environment(self, job: Thing) -> Path:
        """The interpreter that stands for the image."""
        image = images.resolve(str(job["AlgorithmSpecification"]["TrainingImage"]), self._ecr(job))
        return Environments(self.service.cache).ensure(image.environment, cancel=self.service.work.halt)

    def _ecr(self, job: Thing) -> Any:
        return self.service.clients.get("ecr", self.region)

    def _raise_for(self, records: list[JobRecord]) -> None:
        """Raise `JobEnded` unless every container ended well."""
        for record in records:
            if record.status == "succeeded":
                continue
            if record.status == "failed" and LIMIT_WORDS in record.reason:
                raise JobEnded("MaxRuntimeExceeded")
            if record.status == "stopped" or self._is_stopping():
                raise JobEnded("Stopped")
            base = container.base_of(self.jobs.folder(record.id))
            raise JobEnded("Failed", failure_reason(base, record))

    # State

    def _job(self) -> Thing:
        job = self.service.state.find(KIND, self.region, self.name)
        if job is None:
            raise Halted  # deleted meanwhile
        return job

    def _id(self, host: str) -> str:
        return container.job_id(self.region, self.name, host)

    def _folder(self, host: str) -> Path:
        return self.jobs.folder(self._id(host))

    def _is_stopping(self) -> bool:
        return bool(self._job()["TrainingJobStatus"] == "Stopping")

    def _stop_if_told(self) -> None:
        if self.service.work.halt.is_set():
            raise Halted
        if self._is_stopping():
            raise JobEnded("Stopped")

    def _enter(self, status: str, **facts: Any) -> None:
        """Note a secondary status, unless the job is in it already."""

        def note(body: Thing) -> None:
            body.update(facts)
            transitions = body.setdefault("SecondaryStatusTransitions", [])
            if transitions and transitions[-1]["Status"] == status:
                return
            now = time.time()
            if transitions:
                transitions[-1].setdefault("EndTime", now)
            transitions.append({"Status": status, "StartTime": now, "StatusMessage": TOLD.get(status, status)})
            body["SecondaryStatus"] = status

        self.service.state.edit(KIND, self.region, self.name, note)

    def _end(self, status: str, secondary: str, **facts: Any) -> None:
        now = time.time()
        job = self._job()
        if "TrainingStartTime" in job:
            seconds = max(1, round(now - job["TrainingStartTime"]))
            facts |= {"TrainingEndTime": now, "TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
        output = f"{job['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self.name}/output/model.tar.gz"
        if s3_files.exists(self.s3, output):
            facts["ModelArtifacts"] = {"S3ModelArtifacts": output}
        self._enter(secondary, TrainingJobStatus=status, **facts)

        def close(body: Thing) -> None:
            last = body["SecondaryStatusTransitions"][-1]
            last.setdefault("EndTime", now)
            last["StatusMessage"] = facts.get("FailureReason") or last["StatusMessage"]

        self.service.state.edit(KIND, self.region, self.name, close)
