"""Which process is which: a pid alone is recycled, a pid with its birth is not.

Children carry a marker in their environment (`MOORING_SERVICE=<home>:<service>:<fingerprint>`), so one that
was started a moment before its supervisor was killed, before its pid was written down, is found as well.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

from providers.local.process import LINUX, Identity

MARKER = "MOORING_SERVICE"
_PROC = Path("/proc")


def environment(pid: int) -> dict[str, str]:
    """The environment a process started with; empty when it is gone or not ours to read."""
    if not LINUX:
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
    if not LINUX:
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
        if marker.startswith(prefix) and Identity.of(pid) is not None:
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
