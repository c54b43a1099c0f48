"""Processes by identity: a pid alone may have been given to somebody else since.

Linux has all of it (`/proc`, parent-death signal, subreaper); elsewhere the identity comes from `ps`, and the
process group is what bounds a job. Standard library only: the job runner uses it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Identity:
    """One process for all time: its pid, and when it started (`boot id:clock ticks` on Linux)."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """The identity of the live process `pid`, None when there is none (a zombie counts as none)."""
        started = _started(pid)
        return cls(pid, started) if started else None

    @classmethod
    def from_record(cls, record: Mapping[str, Any] | None) -> Identity | None:
        """The identity kept in a record."""
        return cls(int(record["pid"]), str(record["started"])) if record else None

    def to_record(self) -> dict[str, Any]:
        """The form kept in records."""
        return {"pid": self.pid, "started": self.started}

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return _started(self.pid) == self.started

    def signal(self, number: int) -> bool:
        """Send a signal to this very process; False when it is gone."""
        if not self.alive():
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
            return True
        return False

    def wait(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for its end; True when it has ended. Works for any process."""
        deadline = time.monotonic() + timeout
        while self.alive():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            _wait_pid(self.pid, left)
        return True


def _wait_pid(pid: int, seconds: float) -> None:
    """Sleep until `pid` ends, at most `seconds`; may return early."""
    if hasattr(os, "pidfd_open"):
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            time.sleep(0.02)
            return
        try:
            if select.select([handle], [], [], seconds)[0]:
                time.sleep(0.001)  # ended, but its parent has yet to take note
        finally:
            os.close(handle)
    else:
        time.sleep(min(seconds, 0.05))


def _stat(pid: int) -> list[str] | None:
    """The fields of `/proc/<pid>/stat` from the third (state) on; the second may hold blanks and brackets."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            return stream.read().rpartition(")")[2].split()
    except OSError:
        return None


def _started(pid: int) -> str | None:
    if LINUX:
        fields = _stat(pid)
        if fields is None or fields[0] in "ZX":
            return None
        return f"{_boot()}:{fields[19]}"
    found = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = found.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


@cache
def _boot() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as stream:
        return stream.read().strip()[:8]


def descendants(pid: int) -> list[int]:
    """Pids of all live processes below `pid` (Linux; empty elsewhere)."""
    if not LINUX:
        return []
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := _stat(int(name))) and fields[0] not in "ZX":
            children.setdefault(int(fields[1]), []).append(int(name))
    found: list[int] = []
    pending = [pid]
    while pending:
        below = children.get(pending.pop(), [])
        found += below
        pending += below
    return found


def with_variable(name: str, value: str) -> list[int]:
    """Pids of all live processes that were started with this environment variable (Linux; empty elsewhere)."""
    if not LINUX:
        return []
    wanted = f"{name}={value}".encode()
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb") as stream:
                variables = stream.read().split(b"\0")
        except OSError:  # another user's, or gone
            continue
        if wanted in variables:
            found.append(int(entry))
    return found


def kill_group(group: int, number: int) -> None:
    """Send a signal to a process group; silent when it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def kill_all(pids: Iterable[int]) -> None:
    """SIGKILL each; silent for those that are gone."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def become_subreaper() -> None:
    """Orphans among our descendants become our children from now on, so that none gets away."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Have the kernel send us `number` when our parent dies."""
    _prctl(PR_SET_PDEATHSIG, number)


def _prctl(option: int, value: int) -> None:
    if LINUX:
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
