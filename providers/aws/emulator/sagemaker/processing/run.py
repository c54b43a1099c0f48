"""One processing job from its creation to its end, in a thread of its own. Each step may be done again."""

from __future__ import annotations

import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING

from providers.aws.emulator import images
from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.log_stream import LogStream
from providers.aws.emulator.s3_files import TransferError
from providers.aws.emulator.sagemaker.processing import container
from providers.aws.emulator.sagemaker.processing.paths import Upload
from providers.aws.emulator.sagemaker.training.container import base_of
from providers.aws.emulator.sagemaker.training.run import LIMIT_WORDS
from providers.aws.emulator.sagemaker.training.watch import Tail
from providers.aws.emulator.state import Thing
from providers.aws.emulator.work import Halted
from providers.local.environments.environments import Environments
from providers.local.jobs.job_records import JobRecord
from providers.local.jobs.jobs import Jobs

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

KIND = "processing_jobs"
TERMINAL = frozenset({"Completed", "Failed", "Stopped"})
GROUP = "/aws/sagemaker/ProcessingJobs"
LOOK_SECONDS, UPLOAD_SECONDS = 0.05, 1.0


class ProcessingRun:
    """Carries out one job."""

    def __init__(self, service: SageMaker, region: str, name: str) -> None:
        self.service, self.region, self.name = service, region, name
        self.jobs = Jobs(service.home)
        self.s3 = service.clients.get("s3", region)
        self._ids = [container.job_id(region, name, host) for host in container.host_names(self._job())]

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
        if job["ProcessingJobStatus"] not in TERMINAL:
            self._carry_out(job)
        self._remove()

    @property
    def is_left(self) -> bool:
        """Whether its containers have not been removed yet."""
        return any(self.jobs.folder(id).exists() for id in self._ids)

    def tidy(self) -> None:
        """Of a job that has ended: return when nothing is left of its containers, and its name may be taken again."""
        self.service.work.wait(self.key)
        self._remove()

    def _remove(self) -> None:
        for id in self._ids:
            self.jobs.delete(id)

    def _carry_out(self, job: Thing) -> None:
        try:
            status, reason = self._process(job, container.host_names(job))
        except (TransferError, ApiError) as error:
            status, reason = "Failed", str(error)
        except Halted:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the job ends by it
            status, reason = "Failed", self.service.work.reason_of(error)
        told = next((text for id in self._ids if (text := container.message(self.jobs.folder(id)))), "")
        facts = {"FailureReason": reason[:1024] or None, "ExitMessage": told or None}
        self.service.state.change(
            KIND, self.region, self.name, ProcessingJobStatus=status, ProcessingEndTime=time.time(),
            **{name: value for name, value in facts.items() if value},
        )  # fmt: skip

    def stop(self) -> None:
        """Tell the containers to end; `run` does the rest."""
        for id in self._ids:
            self.jobs.stop(id, timeout=200.0)

    def _process(self, job: Thing, hosts: list[str]) -> tuple[str, str]:
        """Carry it out: its last status, and the reason of a failure."""
        if not all(self.jobs.find(id) for id in self._ids):
            python = self._environment(job)
            for number, (id, host) in enumerate(zip(self._ids, hosts, strict=True)):
                if self._is_stopping():
                    return "Stopped", ""
                spec = container.spec(self.service, self.region, job, host, python, self.jobs.folder(id))
                self.jobs.create(spec, functools.partial(container.fill, job, self.s3, number, hosts))
        if self._is_stopping():
            return "Stopped", ""
        for id in self._ids:
            self.jobs.launch(id)
        started = self.service.state.edit(
            KIND, self.region, self.name, lambda body: body.setdefault("ProcessingStartTime", time.time())
        )
        self._watch(started or job, hosts)
        status, reason = self._judge([self.jobs.get(id) for id in self._ids])
        for upload in self._uploads:
            upload.send(only_continuous=status != "Completed")
        self.service.settle()
        return status, reason

    def _watch(self, job: Thing, hosts: list[str]) -> None:
        """Return when all containers have ended; when one failed, the others are ended first."""
        began, logs = int(job["ProcessingStartTime"]), self.service.clients.get("logs", self.region)
        folders = [self.jobs.folder(id) for id in self._ids]
        self._uploads = [Upload(job, self.s3, base_of(folder)) for folder in folders]
        tails = [
            Tail(folder, LogStream(logs, GROUP, f"{self.name}/{host}-{began}"), self.service.settle)
            for folder, host in zip(folders, hosts, strict=True)
        ]
        next_upload = time.monotonic() + UPLOAD_SECONDS
        while True:
            found = [self.jobs.get(id) for id in self._ids]
            over = all(record.has_ended for record in found)
            for tail in tails:
                tail.new_lines(over)
                tail.keep_place(over)
            if over:
                return
            if self._is_stopping() or any(record.status == "failed" for record in found):
                self.service.work.begin(f"stop:{self.key}", self.stop)
            if time.monotonic() >= next_upload:
                for upload in self._uploads:
                    upload.send(only_continuous=True)
                next_upload = time.monotonic() + UPLOAD_SECONDS
            if self.service.work.halt.wait(LOOK_SECONDS):
                raise Halted

    def _judge(self, found: list[JobRecord]) -> tuple[str, str]:
        """What became of the containers. A job over its time is stopped, as a training job is."""
        failed = [record for record in found if record.status == "failed"]
        if not failed:
            stopped = any(record.status == "stopped" for record in found)
            return ("Stopped", "") if stopped else ("Completed", "")
        if LIMIT_WORDS in failed[0].reason or self._is_stopping():
            return "Stopped", ""
        code = "" if failed[0].exit_code is None else f", exit code: {failed[0].exit_code}"
        return "Failed", f"AlgorithmError: See job logs for more information{code}"

    def _environment(self, job: Thing) -> Path:
        """The interpreter that stands for the image."""
        ecr = self.service.clients.get("ecr", self.region)
        image = images.resolve(str(job["AppSpecification"]["ImageUri"]), ecr)
        return Environments(self.service.cache).ensure(image.environment, cancel=self.service.work.halt)

    def _job(self) -> Thing:
        job = self.service.state.find(KIND, self.region, self.name)
        if job is None:
            raise Halted  # deleted meanwhile
        return job

    def _is_stopping(self) -> bool:
        return bool(self._job()["ProcessingJobStatus"] == "Stopping")
