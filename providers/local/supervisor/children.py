"""Starting, adopting and ending the process of one service."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from providers.local.process import Identity
from providers.local.supervisor.identity import MARKER, kill_remains, signal_group
from providers.local.supervisor.service import Service

LOG_LIMIT = 5 * 1024 * 1024
"""Bytes after which a log is moved to `<log>.1`."""

_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass
class Child:
    """A running process of a service: our own child, or one that an earlier supervisor started."""

    identity: Identity
    marker: str
    process: subprocess.Popen[bytes] | None = None

    def alive(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None if self.process is not None else self.identity.alive()

    def exit_text(self) -> str:
        """How it ended, for people."""
        if self.process is None or self.process.returncode is None:
            return "ended"  # only a parent is told the code
        code = self.process.returncode
        if code >= 0:
            return f"exited with code {code}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"was killed by {name}"

    def stop(self, seconds: float) -> None:
        """SIGTERM to the leader, SIGKILL to the whole group after `seconds`; returns when all are gone."""
        if self.alive():
            try:
                os.kill(self.identity.pid, signal.SIGTERM)
            except OSError:
                pass  # gone meanwhile
            if not self._wait(seconds):
                signal_group(self.identity, signal.SIGKILL)
                self._wait(5.0)
        kill_remains(self.identity.pid, self.marker)

    def _wait(self, seconds: float) -> bool:
        if self.process is None:
            return self.identity.wait(seconds)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


def start(service: Service, folder: Path, marker: str, fd: int | None) -> Child:
    """Start the command in a session of its own. Raises OSError when it cannot be executed."""
    log = log_path(service, folder)
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {"PATH": _PATH, "LANG": "C.UTF-8", **service.env, MARKER: marker}
    with log.open("ab") as out:
        process = subprocess.Popen(
            service.command(fd),
            env=environment,
            cwd=service.cwd or folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=() if fd is None else (fd,),
        )
    # A child that is dead by now keeps its pid until we wait for it; it is seen by the first look.
    return Child(Identity.of(process.pid) or Identity(process.pid, "gone"), marker, process)


def log_path(service: Service, folder: Path) -> Path:
    """The service's log."""
    return Path(service.log) if service.log else folder / "log"


def note(service: Service, folder: Path, text: str) -> None:
    """A line of the supervisor in the service's log."""
    try:
        with log_path(service, folder).open("a", encoding="utf-8") as out:
            out.write(f"[mooring {time.strftime('%H:%M:%S')}] {text}\n")
    except OSError:
        pass  # a full disk must not stop the supervision


def rotate(log: Path, limit: int = LOG_LIMIT) -> None:
    """Keep a log and one predecessor of at most `limit` bytes each.

    The writer holds the file open (in append mode), so it is copied and truncated, not renamed.
    """
    try:
        if log.stat().st_size <= limit:
            return
        beside = log.with_name(log.name + ".1")
        with log.open("rb") as source, beside.open("wb") as target:
            source.seek(-limit, os.SEEK_END)
            while chunk := source.read(1 << 20):
                target.write(chunk)
        os.truncate(log, 0)
    except OSError:
        pass  # missing, or the disk is full: the next look tries again
