"""Which process is which: a pid alone is recycled, a pid with its birth is not.

Children carry a marker in their environment (`MOORING_SERVICE=<home>:<service>:<fingerprint>`), so one that
was started a moment before its supervisor was killed, before its pid was written down, is found as well.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

MARKER = "MOORING_SERVICE"
_PROC = Path("/proc")


@cache
def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def birth(pid: int) -> str | None:
    """What tells this process from a later one of the same pid; None when it is dead (or a zombie)."""
    if not _boot():
        return _birth_elsewhere(pid)
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    fields = stat[stat.rindex(b")") + 2 :].split()  # the name may hold spaces and parentheses
    if fields[0] in (b"Z", b"X"):
        return None
    return f"{_boot()}:{fields[19].decode()}"  # field 22 of proc(5): start time in ticks after boot


def _birth_elsewhere(pid: int) -> str | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return None


@dataclass(frozen=True)
class Identity:
    """One process of one time."""

    pid: int
    birth: str

    @staticmethod
    def of(pid: int) -> Identity | None:
        """The live process `pid` now."""
        born = birth(pid)
        return Identity(pid, born) if born is not None else None

    def alive(self) -> bool:
        """Whether it is still that process and running."""
        return birth(self.pid) == self.birth


def environment(pid: int) -> dict[str, str]:
    """The environment a process started with; empty when it is gone or not ours to read."""
    if not _boot():
        import psutil

        try:
            return dict(psutil.Process(pid).environ())
        except psutil.Error:
            return {}
    try:
        raw = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return {}
    pairs = (entry.partition(b"=") for entry in raw.split(b"\0") if b"=" in entry)
    return {key.decode("utf-8", "replace"): value.decode("utf-8", "replace") for key, _, value in pairs}


def pids() -> Iterator[int]:
    """All pids of the machine."""
    if not _boot():
        import psutil

        yield from psutil.pids()
        return
    for entry in os.listdir(_PROC):
        if entry.isdigit():
            yield int(entry)


def marked(prefix: str) -> dict[int, str]:
    """pid → marker of the live processes whose marker begins with `prefix`."""
    found: dict[int, str] = {}
    for pid in pids():
        marker = environment(pid).get(MARKER, "")
        if marker.startswith(prefix) and birth(pid) is not None:
            found[pid] = marker
    return found


def leads_session(pid: int) -> bool:
    """Whether `pid` leads a session, as every child of the supervisor does."""
    try:
        return os.getsid(pid) == pid
    except OSError:
        return False


def kill_remains(leader: int, marker: str) -> None:
    """SIGKILL what is left of the group of a dead leader (workers of a server that was killed).

    A recycled group id cannot be hit: each member must carry our marker.
    """
    for pid in pids():
        try:
            if os.getpgid(pid) == leader and environment(pid).get(MARKER) == marker:
                os.kill(pid, signal.SIGKILL)
        except OSError:
            continue  # gone meanwhile


def signal_group(identity: Identity, number: int) -> None:
    """Signal the whole group of a child that leads one; silent when it is gone."""
    if not identity.alive():
        return
    try:
        os.killpg(identity.pid, number)
    except OSError:
        pass  # gone between the look and the signal


def wait_gone(identity: Identity, seconds: float) -> bool:
    """Wait up to `seconds` for a process that is not our child."""
    until = time.monotonic() + seconds
    while identity.alive():
        if time.monotonic() >= until:
            return False
        time.sleep(0.02)
    return True


def port_holder(port: int) -> str:
    """`"pid 4711 (nginx)"` for who listens on a TCP port of this machine; empty when that cannot be told."""
    import psutil

    try:
        for connection in psutil.net_connections("tcp"):
            address = connection.laddr
            if connection.status == psutil.CONN_LISTEN and address and address.port == port and connection.pid:
                return f"pid {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:
        return ""
    return ""
