"""The model of a transform job behind HTTP: a job of the local cloud that lives as long as the transform does."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.sagemaker.hosting import containers, model_folder, servers
from providers.aws.emulator.state import Thing
from providers.local.jobs.job_records import JobSpec, Step
from providers.local.jobs.jobs import Jobs
from providers.local.supervisor import ports

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

HOST = "127.0.0.1"
STARTUP_SECONDS = 240.0
STOP_SECONDS = 1.0
"""Time to end for a server that nobody waits for any more."""
LONGEST = 5 * 86400.0
"""Seconds that a server may live; AWS ends a transform job after five days."""
NO_PING = (
    "AlgorithmError: Model container failed to respond to ping. Please ensure /ping endpoint is implemented and "
    "responds with an HTTP 200 status code"
)


class NoServer(Exception):
    """A model that cannot be served: AWS's `FailureReason`."""


@dataclass(frozen=True)
class Answer:
    """What the model said."""

    status: int
    body: bytes
    content_type: str


class ModelServer:
    """One instance's server. `port` is kept in the transform job, so that a restarted emulator finds the server."""

    def __init__(self, service: SageMaker, region: str, job: Thing, number: int, port: int) -> None:
        name = str(job["TransformJobName"])
        tag = hashlib.sha256(f"{region}/{name}".encode()).hexdigest()[:8]
        self.id = f"{name.lower()[:50]}-{tag}.transform-{number}"
        self.port = port
        self._service, self._region, self._job = service, region, job
        self._jobs = Jobs(service.home)
        self._root: Path | None = None
        self._open: set[http.client.HTTPConnection] = set()
        self._lock = threading.Lock()
        self.is_aborted = False

    @property
    def folder(self) -> Path:
        """Where its log is."""
        return self._jobs.folder(self.id)

    def start(self, model: Mapping[str, Any], variables: Mapping[str, str]) -> None:
        """Have it started, unless it is. Raises NoServer, and what `containers`, `model_folder` and environments do."""
        held = self._jobs.find(self.id)
        if held is not None and not held.has_ended:
            self._root = Path(held.spec.cwd)
        else:
            self._jobs.delete(self.id)  # of a machine that went down
            own = containers.of_model(self._service, self._region, model)
            own = dataclasses.replace(own, environment={**own.environment, **variables})
            self._root = model_folder.make(self._service.home, self._service.clients.get("s3", self._region), own)
            name, version = str(model["ModelName"]), str(self._job["TransformJobName"])
            command = servers.command(self._service, self._region, own, self._root, name, version)
            self._jobs.create(self._spec(command))
        self._jobs.launch(self.id)

    def _spec(self, command: servers.Command) -> JobSpec:
        return JobSpec(
            id=self.id,
            kind="sagemaker-transform",
            steps=(Step(tuple(word.replace("{port}", str(self.port)) for word in command.argv)),),
            environment=dict(command.environment),
            cwd=str(self._root),
            time_limit=LONGEST,
            grace=STOP_SECONDS,
            owner={"project": ACCOUNT, "stack": self._region, "urn": self._job["TransformJobArn"], "inputs": ""},
        )

    def wait_until_ready(self, between: Callable[[], None]) -> None:
        """Return when it answers its ping; `between` is called between two looks. Raises NoServer."""
        deadline = time.monotonic() + STARTUP_SECONDS
        while not self._pings():
            record = self._jobs.find(self.id)
            if record is None or record.has_ended or time.monotonic() > deadline:
                raise NoServer(NO_PING)
            between()

    def _pings(self) -> bool:
        try:
            return self._ask("GET", servers.HEALTH_PATH, timeout=2.0).status == 200
        except OSError:
            return False

    def execution_parameters(self) -> dict[str, Any]:
        """How the model wants to be asked; empty where it does not say."""
        try:
            answer = self._ask("GET", "/execution-parameters", timeout=10.0)
            found = json.loads(answer.body) if answer.status == 200 else {}
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def invoke(self, payload: bytes, content_type: str, accept: str, timeout: float) -> Answer:
        """One invocation. Raises OSError where there is no answer in time."""
        headers = {"Content-Type": content_type} if content_type else {}
        return self._ask("POST", servers.PREDICT_PATH, payload, headers | ({"Accept": accept} if accept else {}),
                         timeout)  # fmt: skip

    def has_ended(self) -> bool:
        """Whether it runs no more."""
        record = self._jobs.find(self.id)
        return record is None or record.has_ended

    def keep(self) -> None:
        """Note that the model's folder is in use."""
        if self._root is not None and self._root.exists():
            os.utime(self._root)

    def end(self) -> None:
        """Stop it and remove what it left."""
        self._jobs.delete(self.id)

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
    ) -> Answer:  # fmt: skip
        connection = http.client.HTTPConnection(HOST, self.port, timeout=timeout)
        with self._lock:
            if self.is_aborted:
                raise OSError("nobody waits for the answer any more")
            self._open.add(connection)
        try:
            connection.request(method, path, body, dict(headers or {}))
            reply = connection.getresponse()
            return Answer(reply.status, reply.read(), reply.headers.get("Content-Type", ""))
        except http.client.HTTPException as error:
            raise OSError(f"no answer of the model: {error!r}") from error
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def abort(self) -> None:
        """Have whoever waits for an answer wait no more, and nobody ask again."""
        with self._lock:
            self.is_aborted = True
            for connection in self._open:
                if connection.sock is not None:
                    with contextlib.suppress(OSError):
                        connection.sock.shutdown(socket.SHUT_RDWR)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    found: set[int] = set()
    while len(found) < count:
        found.add(ports.choose(taken=frozenset(found)))
    return sorted(found)
