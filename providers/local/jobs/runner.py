"""The process that runs one job: detached, small, standard library only.

Two processes guard each other. The *guard* is the parent of the *runner*, the runner the parent of the job's own
process, and both are subreapers: when the runner is killed, the guard gets all orphans, kills them and notes that
the job was interrupted; when the guard is killed, the runner goes on. Both hold the job's lock, so that the lock is
free exactly when nobody is left to look after the job.

Started by `jobs.Jobs.launch`; the first process returns as soon as the guard holds the lock.
"""

from __future__ import annotations

import fcntl
import os
import resource
import select
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from providers.local import process, records
from providers.local.jobs import job_log
from providers.local.jobs import job_records as files
from providers.local.jobs.job_records import JobSpec, Step
from providers.local.jobs.reasons import failure_reason

FOLDER_VARIABLE = "MOORING_JOB_FOLDER"
"""In the environment of every process of a job: how its processes are told when nobody guards them any more."""
TAKEN = 3
"""Exit code of a start that found the job running or done already."""


def main(folder: str) -> None:
    """Take the job's lock, leave a guard and a runner behind, and return."""
    os.chdir(folder)
    lock = os.open(files.LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if not _acquire(lock) or Path(files.STATUS).exists():
        sys.exit(TAKEN)
    if os.fork():
        os._exit(0)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    process.become_subreaper()
    guard = os.getpid()
    runner = os.fork()
    if runner == 0:
        os._exit(_run(guard))
    _guard(runner)


def _acquire(lock: int) -> bool:
    """Take the lock; somebody who only looks whether it is free holds it for a moment."""
    for _ in range(100):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(0.02)
    return False


def _guard(runner: int) -> None:
    os.waitpid(runner, 0)
    sweep()
    status = records.read(Path(files.STATUS)) or {}
    if status.get("status") not in files.ENDED:
        status |= {"status": "failed", "ended": records.now(), "reason": INTERRUPTED, "exit_code": None}
        records.write(Path(files.STATUS), status)


INTERRUPTED = "interrupted: the job's runner was killed"


def sweep() -> None:
    """Kill and reap everything below this process; new orphans may come while it works."""
    for _ in range(250):
        below = process.descendants(os.getpid())
        process.kill_all(below)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            if not below:
                return
        time.sleep(0.02)


def _run(guard: int) -> int:
    process.become_subreaper()
    os.setpgid(0, 0)
    job = Run(JobSpec.from_record((records.read(Path(files.JOB)) or {})["spec"]))
    try:
        job.run(guard)
    except Exception as error:  # noqa: BLE001 - a full disk, a folder that vanished: the last thing it can do is say so
        sweep()
        job.end("failed", f"the job could not be run: {error}", None)
    return 0


@dataclass
class Run:
    """One run of a job's steps."""

    spec: JobSpec
    status: dict[str, Any] = field(default_factory=dict)
    stop: bool = False
    exits: dict[int, int] = field(default_factory=dict)

    def run(self, guard: int) -> None:
        """All steps, within the time limit."""
        wake, waker = os.pipe()
        os.set_blocking(waker, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGTERM, self._on_stop)
        self.wake, began = wake, time.monotonic()
        self.deadline = began + self.spec.time_limit
        identities = {"runner": process.Identity.of(os.getpid()), "guard": process.Identity.of(guard)}
        self.save(
            status="running",
            started=records.now(),
            **{name: identity and identity.to_record() for name, identity in identities.items()},
        )
        for folder in self.spec.folders:
            os.makedirs(folder, exist_ok=True)
        outcome: tuple[str, str, int | None] = ("succeeded", "", 0)
        for step in self.spec.steps:
            outcome = self.step(step)
            if outcome[0] != "succeeded":
                break
        sweep()
        self.end(*outcome, wall=time.monotonic() - began)

    def _on_stop(self, number: int, frame: object) -> None:
        self.stop = True

    def step(self, step: Step) -> tuple[str, str, int | None]:
        """Run one step: status, reason, exit code."""
        if step.unless and os.path.exists(step.unless):
            return "succeeded", "", 0
        if step.needs and not (os.path.isdir(step.needs) and os.listdir(step.needs)):
            return "failed", step.needs_reason, 0
        if self.stopping():
            return "stopped", "stopped on request", None
        marked = {FOLDER_VARIABLE: os.getcwd()}
        child = start(step.argv, {**self.spec.environment, **step.environment, **marked}, self.spec.cwd)
        if isinstance(child, str):
            return "failed", child, 127
        identity = process.Identity.of(child)
        self.save(process=identity and identity.to_record(), session=child)
        code, why = self.follow(child)
        sweep()
        job_log.bound(Path(files.LOG))
        if why == "stop":
            return "stopped", "stopped on request", code
        if why == "limit":
            limit = f"{self.spec.time_limit:g} seconds"
            return "failed", f"stopped after its time limit of {limit} ('timeLimit' sets it)", code
        if code:
            return "failed", failure_reason(Path(files.LOG), code, self.spec.cwd), code
        return "succeeded", "", 0

    def follow(self, child: int) -> tuple[int, str]:
        """Wait for the end of `child`, or bring it about: its exit code, and `stop`, `limit` or nothing."""
        why, kill_at = "", float("inf")
        while (code := self.reap(child)) is None:
            moment = time.monotonic()
            if not why and (self.stopping() or moment >= self.deadline):
                why = "stop" if self.stopping() else "limit"
                kill_at = moment + self.spec.grace
                process.kill_group(child, signal.SIGTERM)
                process.kill_group(child, signal.SIGCONT)
            if moment >= kill_at:
                process.kill_group(child, signal.SIGKILL)
                process.kill_all(process.descendants(os.getpid()))
                kill_at = moment + 1
            job_log.bound(Path(files.LOG))
            until = min(kill_at, self.deadline if not why else kill_at)
            select.select([self.wake], [], [], max(0.02, min(until - moment, 1.0)))
            while select.select([self.wake], [], [], 0)[0] and os.read(self.wake, 512):
                pass
        return code, why

    def reap(self, child: int) -> int | None:
        """Take note of all that ended; the exit code of `child` once it did."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    break
                code = os.waitstatus_to_exitcode(status)
                self.exits[pid] = code if code >= 0 else 128 - code
        except ChildProcessError:
            pass
        return self.exits.pop(child, None)

    def stopping(self) -> bool:
        """Whether somebody asked to stop."""
        return self.stop or os.path.exists(files.STOP)

    def save(self, **changes: Any) -> None:
        """Write the status."""
        self.status |= changes
        records.write(Path(files.STATUS), self.status)

    def end(self, status: str, reason: str, code: int | None, wall: float = 0.0) -> None:
        """Write the last status, with what was used."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        usage = {
            "cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
            "max_rss_bytes": float(used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)),
            "wall_seconds": round(wall, 3),
        }
        self.save(status=status, reason=reason, exit_code=code, usage=usage, ended=records.now())


def start(argv: tuple[str, ...], environment: dict[str, str], cwd: str) -> int | str:
    """Start a process in a session of its own with that environment alone: its pid, or why it cannot start."""
    broken, report = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            _become(argv, environment, cwd, parent)
        except BaseException as error:  # noqa: BLE001 - this process may do nothing but report and end
            os.write(report, f"{argv[0]}: {error}".encode()[:4000])
        finally:
            os._exit(127)
    os.close(report)
    with os.fdopen(broken, "rb") as stream:
        problem = stream.read().decode(errors="replace")
    if problem:
        os.waitpid(child, 0)
        return f"the process could not be started: {problem}"
    return child


def _become(argv: tuple[str, ...], environment: dict[str, str], cwd: str, parent: int) -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    process.die_with_parent()
    if os.getppid() != parent:
        os._exit(127)
    log = os.open(files.LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.chdir(cwd)
    os.execvpe(argv[0], list(argv), environment)
