"""One transform job from its creation to its end, in a thread of its own.

The model is started, each object is sent to it in payloads, and the results of an object go to S3 once all of it is
done. What was done is written down, so that the next emulator goes on after the last one.
"""

from __future__ import annotations

import functools
import hashlib
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TYPE_CHECKING, Any

from providers.aws.emulator import s3_files
from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.log_stream import LogStream
from providers.aws.emulator.s3_files import TransferError
from providers.aws.emulator.sagemaker import models
from providers.aws.emulator.sagemaker.hosting import model_folder
from providers.aws.emulator.sagemaker.training.watch import Tail
from providers.aws.emulator.sagemaker.transform import batches, sources
from providers.aws.emulator.sagemaker.transform.asking import CLIENT, Asking, NoAnswer
from providers.aws.emulator.sagemaker.transform.batches import BadObject
from providers.aws.emulator.sagemaker.transform.data_processing import DataProcessing
from providers.aws.emulator.sagemaker.transform.manner import Manner, manner, variables
from providers.aws.emulator.sagemaker.transform.model_server import ModelServer, NoServer, free_ports
from providers.aws.emulator.sagemaker.transform.workers import Workers
from providers.aws.emulator.state import Thing
from providers.aws.emulator.work import Halted

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

KIND = "transform_jobs"
TERMINAL = frozenset({"Completed", "Failed", "Stopped"})
GROUP = "/aws/sagemaker/TransformJobs"
PORTS, DONE = "_ports", "_done"
"""Members of a job that a Describe does not show: its servers' ports, and the objects that are done."""
LOOK_SECONDS = 0.05


class Stopped(Exception):
    """Somebody stopped the job."""


class TransformRun:
    """Carries out one job."""

    def __init__(self, service: SageMaker, region: str, name: str) -> None:
        self.service, self.region, self.name = service, region, name
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
        if job["TransformJobStatus"] in TERMINAL:
            return
        self._asking = Asking(job, DataProcessing.of(job))
        self._servers = [
            ModelServer(self.service, self.region, job, number, port) for number, port in enumerate(self._ports(job))
        ]
        began, logs = int(job["CreationTime"]), self.service.clients.get("logs", self.region)
        streams = [f"{self.name}/{_instance(server.id)}-{began}" for server in self._servers]
        self._tails = [
            Tail(server.folder, LogStream(logs, GROUP, stream), self.service.settle)
            for server, stream in zip(self._servers, streams, strict=True)
        ]
        self._data_log = LogStream(logs, GROUP, f"{streams[0]}/data-log")
        outcome = self._outcome(job)
        for tail in self._tails:
            tail.new_lines(last=True)
            tail.keep_place(last=True)
        self._data_log.flush()
        for server in self._servers:
            server.end()
        self._end(*outcome)

    def _outcome(self, job: Thing) -> tuple[str, str]:
        """Carry it out: its last status, and the reason of a failure."""
        try:
            return self._transform(job)
        except Stopped:
            return "Stopped", ""
        except (TransferError, NoServer) as error:
            return "Failed", str(error)
        except model_folder.Unloadable as error:
            return "Failed", f"ClientError: {error}"
        except ApiError as error:
            return "Failed", f"ClientError: {error.message}"
        except Halted:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the job ends by it
            return "Failed", self.service.work.reason_of(error)

    def _transform(self, job: Thing) -> tuple[str, str]:
        found = sources.objects(job, self.s3)
        model = self.service.state.find(models.KIND, self.region, job["ModelName"])
        if model is None:
            raise NoServer(f'ClientError: Could not find model "{job["ModelName"]}".')
        for server in self._servers:
            server.start(model, variables(job))
        for server in self._servers:
            server.wait_until_ready(self._between)
        self.service.state.edit(
            KIND, self.region, self.name, lambda body: body.setdefault("TransformStartTime", time.time())
        )
        how = manner(job, self._servers[0].execution_parameters())
        self._tell(how.told)
        return self._all(found, how, job)

    # Objects

    def _all(self, found: list[tuple[str, str]], manner: Manner, job: Thing) -> tuple[str, str]:
        """All objects that are not done yet, several at once; one that fails does not keep the others back."""
        done, reason = set(job.get(DONE, ())), ""
        pools = [Workers(manner.concurrent) for _ in self._servers]
        objects = Workers(manner.concurrent * len(pools))
        try:
            left: dict[Future[None], str] = {}
            for number, (source, target) in enumerate(found):
                if source not in done or not s3_files.exists(self.s3, target):
                    place = number % len(pools)
                    ask = self._asker(pools[place], self._servers[place])
                    one = functools.partial(self._object, ask, manner, job, source, target)
                    left[objects.submit(one)] = source
            while left:
                over, _ = wait(left, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
                for future in over:
                    told = self._told(left.pop(future), future)
                    reason = reason or told
                self._look()
        finally:
            for server in self._servers:
                server.abort()
            for pool in (objects, *pools):
                pool.end()
        return ("Failed", reason) if reason else ("Completed", "")

    def _asker(self, pool: Workers, server: ModelServer) -> Callable[[bytes], Future[bytes]]:
        return lambda payload: pool.submit(functools.partial(self._asking.answer, server, payload))

    def _told(self, source: str, future: Future[None]) -> str:
        """What became of an object: the reason of its failure, which is in the log then."""
        try:
            future.result()
        except NoAnswer as error:
            for line in error.lines:
                self._tell(f"{source.removeprefix('s3://')}: {line}")
            return error.reason
        return ""

    def _object(
        self, ask: Callable[[bytes], Future[bytes]], manner: Manner, job: Thing, source: str, target: str
    ) -> None:
        """Send all of an object, and keep the result. Raises NoAnswer."""
        given, wanted = job["TransformInput"], job["TransformOutput"]
        split, compression = given.get("SplitType") or "None", given.get("CompressionType") or "None"
        try:
            data = s3_files.read(self.s3, source)
            payloads = list(batches.payloads(data, split, manner.strategy, manner.most, compression))
        except BadObject as error:
            raise NoAnswer(CLIENT, f"ClientError: {error}") from error
        except TransferError as error:
            raise NoAnswer(CLIENT, str(error)) from error
        futures = [ask(payload) for payload in payloads]
        try:
            answers = [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()
        s3_files.write(self.s3, batches.assembled(answers, wanted.get("AssembleWith") == "Line"), target,
                       wanted.get("KmsKeyId"))  # fmt: skip

        def note(body: Thing) -> None:
            body[DONE] = [*body.get(DONE, ()), source]

        self.service.state.edit(KIND, self.region, self.name, note)

    # Between

    def _between(self) -> None:
        """While the model starts."""
        self._look()
        if self.service.work.halt.wait(LOOK_SECONDS):
            raise Halted

    def _look(self) -> None:
        """Send what was logged. Raises Halted and Stopped."""
        for tail, server in zip(self._tails, self._servers, strict=True):
            tail.new_lines(last=False)
            tail.keep_place(last=False)
            server.keep()
        if self.service.work.halt.is_set():
            raise Halted
        if self._job()["TransformJobStatus"] == "Stopping":
            raise Stopped

    def _tell(self, text: str) -> None:
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03}"
        self._data_log.put(f"{stamp}:[sagemaker logs]: {text}")
        self._data_log.flush()

    # State

    def _job(self) -> Thing:
        job = self.service.state.find(KIND, self.region, self.name)
        if job is None:
            raise Halted  # deleted meanwhile
        return job

    def _ports(self, job: Thing) -> list[int]:
        if PORTS not in job:
            job[PORTS] = free_ports(job["TransformResources"]["InstanceCount"])
            self.service.state.change(KIND, self.region, self.name, **{PORTS: job[PORTS]})
        found: list[int] = job[PORTS]
        return found

    def _end(self, status: str, reason: str) -> None:
        self.service.settle()
        facts: dict[str, Any] = {"TransformJobStatus": status, "TransformEndTime": time.time()}
        self.service.state.change(
            KIND, self.region, self.name, **facts, **({"FailureReason": reason[:1024]} if reason else {})
        )


def _instance(id: str) -> str:
    """The id of the instance that a server stands for."""
    return f"i-{hashlib.sha256(id.encode()).hexdigest()[:17]}"
