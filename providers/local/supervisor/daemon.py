"""The supervisor's process: take the home's lock, take up what should run, serve, leave when nothing should."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from providers.local.supervisor.endpoints import Endpoints
from providers.local.supervisor.server import ControlServer
from providers.local.supervisor.service import parse
from providers.local.supervisor.services import Services
from providers.local.supervisor.sockets import socket_path

IDLE_SECONDS = 3.0
"""How long a supervisor without work waits for some; after a removal it does not wait."""


def lock(home: Path) -> IO[bytes] | None:
    """The lock that makes one supervisor a home; None when another process holds it."""
    folder = home / "supervisor"
    folder.mkdir(parents=True, exist_ok=True)
    handle = (folder / "lock").open("ab")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    return handle


class Supervisor:
    """One home's services and endpoints behind a control socket."""

    def __init__(self, home: Path, held: IO[bytes]) -> None:
        self.home = home
        self._held = held
        self._wake = threading.Event()
        self._retire = False
        self._removed = False
        self._last_work = time.monotonic()
        self.services = Services(home, lambda name: self.endpoints.service_changed(name))
        self.endpoints = Endpoints(home, self.services)

    def run(self) -> None:
        """Return when nothing should run, or when told to retire."""
        signal.signal(signal.SIGTERM, lambda number, frame: self.retire())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.services.load()
        self.endpoints.load()
        server = ControlServer(socket_path(self.home, "s"), self.operations(), self._wake.set)
        while not self._retire and not server.close_if(self._nothing_to_do):
            self._wake.wait(0.5)
            self._wake.clear()
            if self._home_is_gone():
                return self._end_all()
        server.close()
        self.endpoints.leave()
        self.services.leave()
        with contextlib.suppress(OSError):  # routers that go on have their sockets there
            socket_path(self.home, "s").parent.rmdir()
        return None

    def _home_is_gone(self) -> bool:
        """Whether somebody deleted the home (or put another in its place): then nothing says what should run."""
        try:
            there = (self.home / "supervisor" / "lock").stat()
        except OSError:
            return True
        ours = os.fstat(self._held.fileno())
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)

    def _end_all(self) -> None:
        self.endpoints.leave()
        self.services.end_all()

    def operations(self) -> dict[str, Any]:
        """What the control socket offers."""
        return {
            "ping": lambda: {"pid": os.getpid(), "home": str(self.home)},
            "retire": self.retire,
            "services.put": lambda service: self.services.put(parse(service)).to_json(),
            "services.remove": self._remove_service,
            "services.get": lambda name: self.services.get(name),
            "services.list": lambda group=None: self.services.list(group),
            "endpoint.reserve": self.endpoints.reserve,
            "endpoint.apply": self.endpoints.apply,
            "endpoint.abort": self.endpoints.abort,
            "endpoint.scale": self.endpoints.scale,
            "endpoint.claim": self.endpoints.claim,
            "endpoint.get": self.endpoints.get,
            "endpoint.poll": self.endpoints.poll,
            "endpoint.delete": self._delete_endpoint,
        }

    def retire(self) -> None:
        """Leave without ending anything; a successor takes over."""
        self._retire = True
        self._wake.set()

    def _remove_service(self, name: str) -> None:
        self.services.remove(name)
        self._removed = True

    def _delete_endpoint(self, id: str) -> None:
        self.endpoints.delete(id)
        self._removed = True

    def _nothing_to_do(self) -> bool:
        now = time.monotonic()
        if len(self.services) or self.endpoints.busy():
            self._last_work, self._removed = now, False
            return False
        return self._removed or now - self._last_work > IDLE_SECONDS


def main(arguments: list[str]) -> int:
    """`python -m providers.local.supervisor HOME`: 0 when done, or when another one is there already."""
    home = Path(arguments[0]).resolve()
    held = lock(home)
    for _ in range(100):  # a predecessor that retires needs a moment
        if held is not None:
            break
        time.sleep(0.05)
        held = lock(home)
    if held is None:
        print("another supervisor holds the lock of this home", file=sys.stderr)
        return 0
    with held:
        Supervisor(home, held).run()
    return 0
