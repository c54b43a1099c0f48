"""Follows the containers of a training job: log lines into CloudWatch, metrics out of them, checkpoints to S3."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from providers.aws.emulator.log_stream import LogStream
from providers.aws.emulator.s3_upload import FolderUpload
from providers.aws.emulator.sagemaker.training import container
from providers.aws.emulator.sagemaker.training.log_metrics import LogMetrics
from providers.aws.emulator.work import Halted
from providers.local import records
from providers.local.jobs.job_records import LOG

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.training.run import TrainingRun

GROUP = "/aws/sagemaker/TrainingJobs"
LOOK_SECONDS = 0.05
CHECKPOINT_SECONDS = 2.0
KIND = "training_jobs"


class Watch:
    """The containers of one job, from their start to their end."""

    def __init__(self, run: TrainingRun, ids: list[str], hosts: list[str]) -> None:
        self._run, self._ids = run, ids
        service, region, job = run.service, run.region, run.name
        body = service.state.find(KIND, region, job) or {}
        definitions = body.get("AlgorithmSpecification", {}).get("MetricDefinitions") or ()
        self._metrics = LogMetrics(job, definitions, service.clients.get("cloudwatch", region))
        self._metrics.last = {one["MetricName"]: one for one in body.get("FinalMetricDataList", ())}
        began = int(body.get("TrainingStartTime") or time.time())
        logs = service.clients.get("logs", region)
        self._tails = [
            Tail(run.jobs.folder(id), LogStream(logs, GROUP, f"{job}/{host}-{began}"), service.settle)
            for id, host in zip(ids, hosts, strict=True)
        ]
        self._checkpoints = None
        if kept := body.get("CheckpointConfig"):  # those of the first machine, as AWS does
            folder = container.checkpoints(body, run.jobs.folder(ids[0]))
            self._checkpoints = FolderUpload(run.s3, folder, kept["S3Uri"])
        self._next_copy = time.monotonic() + CHECKPOINT_SECONDS

    def until_ended(self) -> None:
        """Return when all containers have ended; when one failed, the others are ended first."""
        run = self._run
        while True:
            found = [run.jobs.get(id) for id in self._ids]
            over = all(record.has_ended for record in found)
            self._look(last=over)
            if over:
                break
            if any(record.status == "failed" for record in found):
                for id in self._ids:
                    run.jobs.stop(id)
            if run.service.work.halt.wait(LOOK_SECONDS):
                raise Halted
        self._copy_checkpoints()

    def _look(self, last: bool) -> None:
        for tail in self._tails:
            found = [self._metrics.take(line) for line in tail.new_lines(last)]
            if any(found):
                values = list(self._metrics.last.values())
                self._run.service.state.change(KIND, self._run.region, self._run.name, FinalMetricDataList=values)
            tail.keep_place(last)
        self._metrics.flush()
        if time.monotonic() >= self._next_copy:
            self._copy_checkpoints()

    def _copy_checkpoints(self) -> None:
        if self._checkpoints is not None:
            self._checkpoints.send()
        self._next_copy = time.monotonic() + CHECKPOINT_SECONDS


class Tail:
    """The log file of one container, read as it grows. How far it was told is kept beside it, so that the next
    emulator goes on from there."""

    def __init__(self, folder: Path, stream: LogStream, settle: Callable[[], None]) -> None:
        """`settle` returns when what was sent is on disk."""
        self._log, self._place = folder / LOG, folder / "told.json"
        self._stream, self._settle = stream, settle
        self._offset = int((records.read(self._place) or {}).get("bytes", 0))
        self._kept = self._offset

    def new_lines(self, last: bool) -> list[str]:
        """Whole lines since the last look, and at the end also one without its end."""
        try:
            with self._log.open("rb") as file:
                file.seek(0, 2)
                if file.tell() < self._offset:  # it was cut
                    self._offset = 0
                file.seek(self._offset)
                block = file.read()
        except FileNotFoundError:
            return []
        if not last:
            block = block[: block.rfind(b"\n") + 1]
        self._offset += len(block)
        lines = [line.rstrip("\r") for line in block.decode("utf-8", errors="replace").split("\n")]
        lines = lines[:-1] if lines[-1] == "" else lines
        for line in lines:
            self._stream.put(line)
        return lines

    def keep_place(self, last: bool) -> None:
        """Send what waits, and write down how far that was."""
        if last:
            self._stream.flush()
        else:
            self._stream.flush_due()
        if self._offset != self._kept and self._stream.is_empty:
            self._settle()
            records.write(self._place, {"bytes": self._offset})
            self._kept = self._offset
