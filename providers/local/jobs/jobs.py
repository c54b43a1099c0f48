"""Jobs: processes that outlive the command that started them, kept as folders under `<home>/jobs`.

A job is *created* (a record that carries its owner from the first moment), *launched* (a detached runner takes it)
and then only watched, by whichever command comes along. `runner.py` has the process side.
"""

from __future__ import annotations

import contextlib
import fcntl
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from providers.boundaries import boundary
from providers.errors import MooringError, NotFound
from providers.local import records
from providers.local.home import owned_by, staging, valid_id
from providers.local.jobs import job_log, runner
from providers.local.jobs import job_records as files
from providers.local.jobs.job_records import JobRecord, JobSpec
from providers.local.process import Identity, kill_all, with_variable
from providers.paths import KIT

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from providers.local.jobs.runner import main; main(sys.argv[2])"


START_SECONDS = 60.0
"""Time that a runner has to take its job; a fraction of a second is usual."""


class Jobs:
    """The jobs of one home."""

    def __init__(self, home: Path) -> None:
        self.home, self.base = home, home / "jobs"

    def folder(self, id: str) -> Path:
        """The folder of the job `id`. Raises `NotFound` for what cannot be an id."""
        if not valid_id(id):
            raise NotFound(f"there is no job '{id}' on this machine")
        return self.base / id

    def start(self, spec: JobSpec) -> str:
        """Create and launch; a second call with the same id changes nothing."""
        self.create(spec)
        self.launch(spec.id)
        return spec.id

    def create(self, spec: JobSpec, fill: Callable[[Path], None] = lambda folder: None) -> str:
        """Write the record, in one step and only if there is none of this id; nothing runs yet.

        `fill` puts further files into the job's folder, in that same step.
        """
        target = self.folder(spec.id)
        if target.exists():
            return spec.id
        fresh = staging(self.home)
        with records.translated(self.home):
            fresh.mkdir(mode=0o700)  # the environment may hold secrets
            records.write(fresh / files.JOB, {"created": records.now(), "spec": spec.to_record()})
            try:
                fill(fresh)
            except BaseException:
                records.remove_tree(fresh)
                raise
            try:
                records.retried(self.base, lambda: _move(fresh, target))
            except OSError:
                records.remove_tree(fresh)
                if not target.exists():
                    raise
            records.sync_folder(self.base)
        boundary("job:created")
        return spec.id

    def launch(self, id: str) -> None:
        """Have a runner take a pending job; silent when one has it already. Returns once the runner has it."""
        if self.get(id).status != "pending":
            return
        python = getattr(sys, "_base_executable", None) or sys.executable
        log = self.folder(id) / "runner.log"
        with records.translated(self.home), log.open("ab") as errors:
            started = _run(
                id,
                [python, "-I", "-S", "-c", _BOOT, str(KIT), str(self.folder(id))],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
            )
        if started.returncode not in (0, runner.TAKEN):
            said = log.read_text(errors="replace").strip().splitlines()
            raise MooringError(f"the runner of job {id} could not be started: {said[-1] if said else python}")
        boundary("job:launched")

    def change_pending(self, spec: JobSpec) -> None:
        """Replace what a job that nothing runs yet will do; silent when a runner has it meanwhile."""
        folder = self.folder(spec.id)
        with self._unstarted(spec.id) as mine:
            if mine and (job := records.read(folder / files.JOB)):
                records.write(folder / files.JOB, job | {"spec": spec.to_record()})

    @contextlib.contextmanager
    def _unstarted(self, id: str) -> Iterator[bool]:
        """Whether no runner has the job; none can take it meanwhile."""
        folder = self.folder(id)
        with (folder / files.LOCK).open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield not (folder / files.STATUS).exists()

    def get(self, id: str) -> JobRecord:
        """The job as it stands. A job whose runner died is `failed`, `interrupted`. Raises `NotFound`."""
        record = self._read(id)
        if record is None:
            raise NotFound(f"there is no job '{id}' on this machine")
        return record

    def find(self, id: str) -> JobRecord | None:
        """As `get`, None when there is none."""
        return self._read(id) if valid_id(id) else None

    def list(self, owner: Any = None) -> list[JobRecord]:
        """All jobs, newest first; with an `Ownership`, those of its URN, or of its stack when that is empty."""
        names = [path.name for path in records.entries(self.base)]
        found = [record for name in names if valid_id(name) and (record := self._read(name))]
        if owner is not None:
            found = [record for record in found if owned_by({"owner": record.owner}, owner)]
        return sorted(found, key=lambda record: record.created, reverse=True)

    def wait(self, id: str, timeout: float) -> JobRecord:
        """Wait until the job has ended, at most `timeout` seconds; the job as it stands then."""
        deadline = time.monotonic() + timeout
        while True:
            record = self.get(id)
            left = deadline - time.monotonic()
            if record.has_ended or left <= 0:
                return record
            identity = Identity.from_record(record.runner)
            if identity is None or identity.wait(left):
                time.sleep(max(0.0, min(0.02, left)))

    def stop(self, id: str, timeout: float = 30.0) -> None:
        """End the job: SIGTERM, after its grace SIGKILL. Returns when nothing of it runs; silent when it ended."""
        record = self.find(id)
        if record is None or record.has_ended:
            return
        (self.folder(id) / files.STOP).touch()
        if record.status == "pending" and self._stop_pending(id):
            return
        deadline = time.monotonic() + timeout
        while not (record := self.get(id)).has_ended and time.monotonic() < deadline:
            identity = Identity.from_record(record.runner)
            if identity:
                identity.signal(signal.SIGTERM)
            self.wait(id, 0.5)
        if not record.has_ended:
            raise MooringError(f"job {id} did not end within {timeout:g} s of being stopped")

    def delete(self, id: str) -> None:
        """Stop the job and remove all of it; silent when it is gone."""
        if not valid_id(id) or not self.folder(id).exists():
            return
        self.stop(id)
        gone = staging(self.home)
        with contextlib.suppress(FileNotFoundError):
            self.folder(id).rename(gone)
            boundary("job:deleted")
            records.remove_tree(gone)
        records.remove_empty(self.base, self.home)

    def mark(self, id: str, name: str) -> None:
        """Set a marker: `claimed` or `retired`."""
        if self.get(id):
            (self.folder(id) / name).touch()
            records.sync_folder(self.folder(id))

    def logs(self, id: str, follow: bool = False, tail: int | None = None) -> Iterator[str]:
        """Lines of the log, oldest first; `follow` goes on until the job has ended."""
        self.get(id)

        def ended() -> bool:
            record = self.find(id)
            return record is None or record.has_ended

        yield from job_log.lines(self.folder(id) / files.LOG, ended, follow=follow, tail=tail)

    def result(self, id: str) -> dict[str, Any] | None:
        """What the owning kind kept with `keep_result`."""
        return records.read(self.folder(id) / files.RESULT)

    def keep_result(self, id: str, result: dict[str, Any]) -> None:
        """Keep what became of the job."""
        records.write(self.folder(id) / files.RESULT, result)

    def _read(self, id: str) -> JobRecord | None:
        folder = self.folder(id)
        job = records.read(folder / files.JOB)
        if job is None:
            return None
        status = records.read(folder / files.STATUS)
        if status and status["status"] not in files.ENDED and self._abandoned(folder):
            status = records.read(folder / files.STATUS)  # it may have ended between the two looks
            if status and status["status"] not in files.ENDED:
                status = self._bury(folder, status)
        marks = {name: (folder / name).exists() for name in (files.CLAIMED, files.RETIRED, files.STOP)}
        kept = {key: value for key, value in (status or {}).items() if key in JobRecord.__dataclass_fields__}
        if kept.get("status") == "running" and marks[files.STOP]:
            kept["status"] = "stopping"
        return JobRecord(
            spec=JobSpec.from_record(job["spec"]),
            created=job["created"],
            claimed=marks[files.CLAIMED],
            retired=marks[files.RETIRED],
            **kept,
        )

    def _abandoned(self, folder: Path) -> bool:
        """Whether neither runner nor guard lives: the lock that they hold is free."""
        try:
            with (folder / files.LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return True
        except BlockingIOError:
            return False
        except FileNotFoundError:
            return True

    def _bury(self, folder: Path, status: dict[str, Any]) -> dict[str, Any]:
        """Note that a job was interrupted, and kill what both its keepers left behind."""
        kill_all(with_variable(runner.FOLDER_VARIABLE, str(folder)))
        status |= {"status": "failed", "reason": runner.INTERRUPTED, "ended": records.now()}
        if folder.exists():
            records.write(folder / files.STATUS, status)
        return status

    def _stop_pending(self, id: str) -> bool:
        """Note a job that no runner has as stopped; False when a runner got it meanwhile."""
        with self._unstarted(id) as mine:
            if mine:
                ended = {"status": "stopped", "reason": "stopped before it began", "ended": records.now()}
                records.write(self.folder(id) / files.STATUS, ended)
            return mine


def _run(id: str, command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Start a runner; its first process returns as soon as the runner has the job."""
    try:
        return subprocess.run(command, start_new_session=True, check=False, timeout=START_SECONDS, **options)
    except subprocess.TimeoutExpired as error:
        raise MooringError(f"the runner of job {id} did not start within {START_SECONDS:g} s") from error


def _move(source: Path, target: Path) -> None:
    source.rename(target)
