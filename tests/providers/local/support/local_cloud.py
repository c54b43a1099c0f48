"""Endpoints with stand-in model servers, and a load that counts."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from providers.contract import Context, Ownership
from providers.local.endpoint import servers
from providers.local.endpoints import EndpointKind
from providers.local.supervisor import client
from providers.local.supervisor.identity import MARKER, environment, pids
from providers.local.supervisor.services import home_tag
from providers.values import Deployment, EndpointSpec

SERVER = Path(__file__).with_name("model_server.py")


@contextlib.contextmanager
def running(home: Path) -> Iterator[Cloud]:
    """A cloud in `home`, of which no process is left afterwards."""
    made = Cloud(home / "local")
    try:
        yield made
    finally:
        made.close()


def digest(version: int) -> str:
    """A digest that stands for `version`."""
    return f"sha256:{version:064x}"


def owner(name: str = "iris", stack: str = "dev") -> Ownership:
    """Tags of the endpoint resource `name`."""
    return Ownership("demo", stack, f"urn:pulumi:{stack}::demo::moor:index:Endpoint::{name}", "in")


class Cloud:
    """One home with an endpoint kind whose servers do as `told[version]` says."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.told: dict[int, dict[str, Any]] = {}
        self.kind = EndpointKind(home, resolve=self._resolve)
        self.progress: list[str] = []

    def _resolve(self, home: Path, deployment: Deployment, context: Context) -> dict[str, Any]:
        version = int(deployment.digest.removeprefix("sha256:"), 16)
        options = [f"{key}={value}" for key, value in self.told.get(version, {}).items()]
        argv = [sys.executable, "-S", str(SERVER), "{port}", str(version), deployment.name, *options]
        smoke: list[dict[str, Any]] = [{"path": "/v2/models/m"}]
        if not self.told.get(version, {}).get("fail_after"):
            smoke.append({"path": "/predict", "body": "{}"})
        return servers.facts(deployment, version, argv, dict(deployment.environment), smoke)

    def context(self, name: str = "iris") -> Context:
        """A context of the endpoint `name`."""
        return Context(owner(name), self.home, lambda message, fraction: self.progress.append(message))

    def up(self, spec: EndpointSpec) -> str:
        """Create, wait, claim."""
        id = self.kind.create(spec, self.context(spec.name))
        self.kind.wait(id, spec, self.context(spec.name))
        self.kind.claim(id)
        return id

    def update(self, id: str, spec: EndpointSpec) -> Any:
        """Update to `spec`."""
        return self.kind.update(id, {}, spec, self.context(spec.name))

    def port(self, id: str) -> int:
        """The endpoint's port."""
        return int(self.record(id)["port"])

    def record(self, id: str) -> dict[str, Any]:
        """The endpoint's record on disk."""
        value: dict[str, Any] = json.loads((self.home / "endpoints" / id / "endpoint.json").read_text())
        return value

    def services(self, id: str) -> dict[str, dict[str, Any]]:
        """Status of the endpoint's services by name."""
        return {one["name"]: one for one in client.call(self.home, "services.list", group=f"endpoint:{id}")}

    def processes(self) -> dict[int, str]:
        """pid to name of all supervised processes of this home that live."""
        prefix = f"{home_tag(self.home)}:"
        found = {pid: environment(pid).get(MARKER, "") for pid in pids()}
        return {pid: marker.split(":")[1] for pid, marker in found.items() if marker.startswith(prefix)}

    def close(self) -> None:
        """End all of this home by pid."""
        pid = client.running(self.home)
        if pid is not None:
            kill(pid)
        for left in self.processes():
            kill(left)


def spec(*deployments: Deployment, **fields: Any) -> EndpointSpec:
    """An endpoint named `iris` unless told otherwise."""
    return EndpointSpec(**{"cloud": "local", "name": "iris", "deployments": list(deployments), **fields})


def deployment(version: int = 1, name: str = "main", **fields: Any) -> Deployment:
    """A deployment of `version`."""
    return Deployment(**{"name": name, "model": "iris", "digest": digest(version), **fields})


def kill(pid: int) -> None:
    """SIGKILL."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def eventually(condition: Any, seconds: float = 20.0, what: str = "condition") -> Any:
    """The first true value of `condition`; fails after `seconds`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not become true within {seconds} s")


def ask(
    port: int, path: str = "/predict", body: bytes | None = b"{}", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """One request on a connection of its own: status, headers, body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET" if body is None else "POST", path, body, headers or {})
        reply = connection.getresponse()
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
    finally:
        connection.close()


class Load:
    """Open load: `rate` requests/s whatever the replies, over `workers` keep-alive connections, until `stop`.

    With several `bodies` they are sent in turn, and `answers` has the index, version and reply of each.
    """

    def __init__(self, port: int, rate: float = 200, workers: int = 16, bodies: list[bytes] | None = None) -> None:
        self.port = port
        self.failures: list[str] = []
        self.replies: list[tuple[float, str]] = []
        self.bodies = bodies or [b'{"instances": []}']
        self.answers: list[tuple[int, str, bytes]] = []
        self._interval = workers / rate
        self._stop = threading.Event()
        began = time.monotonic()
        self._threads = [
            threading.Thread(target=self._run, args=(began + n * self._interval / workers,), daemon=True)
            for n in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, due: float) -> None:
        turn = 0
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self._stop.is_set():
            time.sleep(max(0.0, due - time.monotonic()))
            due += self._interval
            try:
                turn = (turn + 7) % len(self.bodies)
                headers = {"content-type": "application/json"}
                connection.request("POST", "/predict", self.bodies[turn], headers)
                reply = connection.getresponse()
                text = reply.read()
                if reply.status != 200:
                    self.failures.append(f"{reply.status} {text[:200]!r}")
                else:
                    version = reply.getheader("x-model-version") or ""
                    self.replies.append((time.monotonic(), version))
                    if len(self.bodies) > 1:
                        self.answers.append((turn, version, text))
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()

    def stop(self) -> None:
        """End the load; every request that was begun has its reply or its failure."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def versions(self, since: float = 0.0) -> Counter[str]:
        """Replies by version."""
        return Counter(version for moment, version in self.replies if moment >= since)
