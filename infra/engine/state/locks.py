"""Locks on a stack, understood by the Pulumi CLI (`pkg/backend/diy/lock.go`).

A lock is a JSON file in the stack's lock folder; whoever finds another's file there must not go on. Between
two processes of this engine a kernel lock decides in addition: it ends with its process, however that ends,
so that the file of a killed process is known to be dead.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import getpass
import os
import re
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from infra.engine.state.files import replace_file
from infra.engine.state.layout import Layout
from infra.engine.values.encoding import dumps, loads
from providers.boundaries import boundary
from providers.errors import ConflictError

_POLL_SECONDS = 0.1
_NAMELESS_SECONDS = 2.0
"""Time that a process has, between taking the kernel lock and its file, to say who it is."""
_CLOCK_SLACK = 2.0


@dataclass(frozen=True)
class Holder:
    """Who holds a stack."""

    pid: int
    username: str
    hostname: str
    timestamp: str
    file: Path

    def __str__(self) -> str:
        return f"{self.username}@{self.hostname} (process {self.pid}) since {self.timestamp}"

    def is_dead(self) -> bool:
        """Whether it is certain that the process has ended: it was on this host, and is not there any more, or
        its number now belongs to a process that began later."""
        if self.hostname != socket.gethostname() or self.pid <= 0:
            return False
        import psutil

        try:
            began = psutil.Process(self.pid).create_time()
        except psutil.NoSuchProcess:
            return True
        except psutil.Error:
            return False
        locked = _seconds(self.timestamp)
        return locked is not None and began > locked + _CLOCK_SLACK


class _Nameless(ConflictError):
    """Somebody holds the kernel lock who has not said yet, or says no more, who it is."""


class StackLock:
    """The lock of one stack; a context manager, which acquires on entry and releases on exit."""

    def __init__(
        self, backend: Path, project: str, stack: str, *, wait: float = 0, notify: Callable[[str], None] | None = None
    ) -> None:
        """`wait`: seconds to wait for another's lock before giving up. `notify` is told of dead locks removed."""
        self._layout = Layout(backend, project, stack)
        self._wait, self._notify = wait, notify or (lambda message: None)
        self._file: Path | None = None
        self._mutex: int | None = None

    def __enter__(self) -> StackLock:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    def acquire(self) -> None:
        """Take the lock. Raises `ConflictError`, saying who holds it and how to go on."""
        began = time.monotonic()
        while True:
            try:
                self._try()
                return
            except ConflictError as conflict:
                patience = max(self._wait, _NAMELESS_SECONDS if isinstance(conflict, _Nameless) else 0.0)
                if time.monotonic() >= began + patience:
                    raise
                time.sleep(_POLL_SECONDS)

    def release(self) -> None:
        """Give the lock back; silent when it is not held."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)
            self._file = None
        if self._mutex is not None:
            os.close(self._mutex)
            self._mutex = None

    def _try(self) -> None:
        self._mutex = self._take_mutex()
        try:
            self._remove_dead()
            self._refuse_others()
            self._file = self._write()
            boundary("lock:taken")
            # The CLI writes its lock and then looks, so looking once more settles a race with it.
            self._refuse_others()
        except BaseException:
            self.release()
            raise

    def _take_mutex(self) -> int:
        self._layout.mutex.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._layout.mutex, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise self._conflict(holders(self._layout)) from None
        return handle

    def _remove_dead(self) -> None:
        for holder in holders(self._layout):
            # We hold the kernel lock, so a file with our own number is left from an earlier life.
            ours = holder.pid == os.getpid() and holder.hostname == socket.gethostname()
            if ours or holder.is_dead():
                holder.file.unlink(missing_ok=True)
                self._notify(f"removed the lock of a process that has ended: {holder}")

    def _refuse_others(self) -> None:
        others = [h for h in holders(self._layout) if h.file != self._file]
        if others:
            raise self._conflict(others)

    def _conflict(self, others: list[Holder]) -> ConflictError:
        who = "; ".join(str(h) for h in others) or "another process that is just starting or ending"
        kind = ConflictError if others else _Nameless
        return kind(
            f"stack '{self._layout.stack}' is locked by {who}. Wait until that operation has ended; if you are "
            f"sure that nothing is running, remove the lock with `mooring cancel --stack {self._layout.stack}`"
        )

    def _write(self) -> Path:
        file = self._layout.locks / f"{uuid.uuid4()}.json"
        content = {
            "pid": os.getpid(),
            "username": _username(),
            "hostname": socket.gethostname(),
            "timestamp": datetime.datetime.now().astimezone().isoformat(),
        }
        # Complete from its first moment: the CLI stops at a lock that it cannot parse.
        draft = self._layout.mutex.with_name(file.name)
        replace_file(draft, dumps(content))
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.rename(file)
        return file


def holders(layout: Layout) -> list[Holder]:
    """All locks on a stack, the oldest first, the CLI's among them."""
    found: list[Holder] = []
    if not layout.locks.is_dir():
        return found
    for file in sorted(layout.locks.iterdir()):
        if not file.is_file() or file.name.endswith(".attrs"):
            continue
        with contextlib.suppress(FileNotFoundError):
            found.append(_read(file))
    return sorted(found, key=lambda h: h.timestamp)


def cancel(backend: Path, project: str, stack: str) -> list[Holder]:
    """Remove every lock on a stack, as `pulumi cancel` does, and return whose they were.

    A process of this engine that is still running keeps the kernel lock until it ends.
    """
    removed = holders(Layout(backend, project, stack))
    for holder in removed:
        holder.file.unlink(missing_ok=True)
    return removed


def _read(file: Path) -> Holder:
    try:
        content = loads(file.read_bytes())
        return Holder(
            int(content["pid"]), str(content["username"]), str(content["hostname"]), str(content["timestamp"]), file
        )
    except (ValueError, KeyError, TypeError):
        # Whoever wrote half a lock is unknown; it is still a lock.
        return Holder(0, "unknown", "unknown host", _modified(file), file)


def _modified(file: Path) -> str:
    return datetime.datetime.fromtimestamp(file.stat().st_mtime).astimezone().isoformat()


def _seconds(timestamp: str) -> float | None:
    # Go writes nanoseconds, which fromisoformat does not read.
    try:
        return datetime.datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", timestamp)).timestamp()
    except ValueError:
        return None


def _username() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
