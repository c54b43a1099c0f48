"""How a command talks to the supervisor of its home, starting one when there is none.

ensure(home)                              a supervisor of this code runs
call(home, "services.list")               one operation
running(home)                             the pid of the one there is, without starting one
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import providers.errors as errors
from providers.boundaries import handed_on
from providers.errors import MooringError, Unavailable
from providers.local.process import Identity
from providers.local.supervisor.files import tail
from providers.local.supervisor.sockets import Lines, connect, socket_path
from providers.local.supervisor.version import code_version
from providers.paths import KIT

START_SECONDS = 15.0


def ensure(home: Path) -> int:
    """The pid of the home's supervisor, started (or replaced, when it runs other code) if need be.

    Raises Unavailable, with the end of its log, when it does not start.
    """
    lines, pid = _open(home)
    lines.close()
    return pid


def running(home: Path) -> int | None:
    """The pid of the home's supervisor; None when there is none."""
    if not (home / "supervisor").is_dir():
        return None
    found = _greet(home)
    if found is None:
        return None
    found[0].close()
    return found[1]


def call(home: Path, op: str, *, timeout: float = 60.0, **args: Any) -> Any:
    """Ask for one operation and return its result, again when the supervisor was killed meanwhile.

    Raises the `MooringError` that the operation raised, Unavailable when no answer is to be had.
    """
    last: Exception | None = None
    for _ in range(5):
        try:
            return _ask(home, op, args, timeout)
        except (OSError, ValueError) as error:  # killed, retired or on its way out: the next one answers
            last = error
            time.sleep(0.05)
    raise Unavailable(f"the local supervisor does not answer '{op}': {last}") from last


def settle(home: Path, seconds: float = 5.0) -> None:
    """After a removal: wait until the supervisor has left, if nothing else holds it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = _greet(home)
        if found is None:
            return
        lines, pid, _ = found
        lines.close()
        identity = Identity.of(pid)
        if identity is None or identity.wait(0.1):
            return
        if _ask(home, "services.list", {}, 5.0):
            return


def _ask(home: Path, op: str, args: dict[str, Any], timeout: float) -> Any:
    lines, _ = _open(home, timeout)
    try:
        lines.send({"op": op, "args": args})
        answer = lines.receive()
    finally:
        lines.close()
    if answer is None:
        raise ConnectionResetError("it closed the connection")
    if answer.get("ok"):
        return answer.get("result")
    raise _error(answer["error"])


def _error(value: dict[str, str]) -> MooringError:
    kind = getattr(errors, value["type"], MooringError)
    if kind in (errors.PartialFailure,):
        return errors.MooringError(value["message"])
    made: MooringError = kind(value["message"])
    return made


def _open(home: Path, timeout: float = 10.0) -> tuple[Lines, int]:
    """A greeted connection to a supervisor of our code."""
    found = _greet(home, timeout)
    if found is not None and found[2] == code_version():
        return found[0], found[1]
    if found is not None:
        found[0].close()
    with _start_lock(home):
        found = _greet(home, timeout)
        if found is not None and found[2] != code_version():
            _retire(found)
            found = None
        if found is None:
            found = _start(home, timeout)
    return found[0], found[1]


def _greet(home: Path, timeout: float = 10.0) -> tuple[Lines, int, str] | None:
    try:
        lines = connect(socket_path(home, "s"), timeout)
    except OSError:
        return None
    try:
        greeting = lines.receive()
    except (OSError, ValueError):
        greeting = None
    if greeting is None:
        lines.close()
        return None
    return lines, int(greeting["supervisor"]), str(greeting["version"])


def _retire(found: tuple[Lines, int, str]) -> None:
    lines, pid, _ = found
    identity = Identity.of(pid)
    try:
        lines.send({"op": "retire"})
        lines.receive()
    except (OSError, ValueError):
        pass  # gone by itself
    lines.close()
    if identity is not None and not identity.wait(10.0):
        # Stuck, perhaps for its own code being replaced under it. What it supervises lives on and is taken over.
        identity.signal(signal.SIGKILL)
        identity.wait(5.0)


class _start_lock:  # noqa: N801 - used as a function in a `with`
    """One starter at a time."""

    def __init__(self, home: Path) -> None:
        folder = home / "supervisor"
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "start.lock"

    def __enter__(self) -> None:
        self._handle = self._path.open("ab")
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def __exit__(self, *exc: object) -> None:
        self._handle.close()


def _start(home: Path, timeout: float) -> tuple[Lines, int, str]:
    """Start a detached supervisor and wait for its greeting."""
    log = home / "supervisor" / "log"
    if log.exists() and log.stat().st_size > 1 << 20:
        log.replace(log.with_name("log.1"))
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(KIT),
        "PYTHONUNBUFFERED": "1",
        **handed_on(),
    }
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "providers.local.supervisor", str(home)],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # Reaped by a thread, so that a long-lived command keeps no zombie of a supervisor that left.
    threading.Thread(target=process.wait, daemon=True).start()
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        found = _greet(home, timeout)
        if found is not None:
            return found
        if process.returncode is not None and process.returncode != 0:
            break
        time.sleep(0.01)
    raise Unavailable(f"the local supervisor does not start; the end of {log}: " + " | ".join(tail(log, 3)))
