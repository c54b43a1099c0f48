"""What training, tuning and batch prediction have in common: each is a job with an owner, a life and a result."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar, cast

from providers.boundaries import boundary
from providers.contract import Changes, Context, Found, Ownership
from providers.errors import Cancelled, JobFailed, NotFound, PartialFailure
from providers.local import records
from providers.local.environments.environments import Environments
from providers.local.home import new_id, owner_record
from providers.local.jobs import checkpoints, job_records
from providers.local.jobs.job_layout import Layout, runs_with
from providers.local.jobs.job_records import JobRecord, JobSpec
from providers.local.jobs.jobs import Jobs
from providers.local.jobs.reasons import tail_lines
from providers.local.storage import Store
from providers.local.store import retention
from providers.values import BatchSpec, BatchState, Scoped, TrainingSpec, TrainingState, Value

S = TypeVar("S", bound=TrainingSpec | BatchSpec)
T = TypeVar("T", bound=TrainingState | BatchState)

LOG_TAIL = 20
"""Lines of the log that go with a failure."""
_USABLE = ("pending", "running", "succeeded")
TELL_EVERY = 2.0
"""Seconds between two reports of a job's last line."""


class Run(Generic[S, T]):
    """A kind whose things are jobs. A subclass says which job, and what comes of it."""

    kind: str
    spec: ClassVar[type[Scoped]]
    state: ClassVar[type[Value]]
    retires: bool = True

    def __init__(self, home: Path, cache: Path | None = None) -> None:
        self.home, self.cache = home, cache
        self.jobs, self.store = Jobs(home), Store(home)

    def image(self, spec: S) -> tuple[str, Sequence[str]]:
        """Image and further requirements of the job's environment."""
        raise NotImplementedError

    def job(self, id: str, spec: S, context: Context, python: Path) -> JobSpec:
        """The job itself."""
        raise NotImplementedError

    def fill(self, spec: S, context: Context, folder: Path) -> None:
        """Put what the job needs besides into its folder."""

    def collect(self, record: JobRecord, spec: S) -> T:
        """The state of a job that succeeded; keeps its results in the store. May be repeated."""
        raise NotImplementedError

    def unfinished(self, record: JobRecord) -> T:
        """The state of a job that has not succeeded."""
        raise NotImplementedError

    def diff(self, old: Mapping[str, Any], new: Mapping[str, Any], changes: Changes) -> Changes:
        """Nothing to refine."""
        return changes

    def find(self, owner: Ownership) -> list[Found]:
        """Jobs with these tags that are not retired, newest first."""
        return [
            Found(record.id, Ownership(**record.owner), record.claimed, record.status in _USABLE)
            for record in self.jobs.list(owner)
            if record.spec.kind == self.kind and not record.retired
        ]

    def create(self, spec: S, context: Context) -> str:
        """Write the job down and return its id; `wait` has it run. What an earlier Create of the same inputs left
        unclaimed is taken up again, what one of other inputs left is removed."""
        for found in self.find(context.owner):
            if not found.claimed and found.usable and found.owner == context.owner:
                return found.id
        for found in self.find(context.owner):
            if not found.claimed:
                retention.purge_job(self.home, found.id, keep_checkpoints=found.owner == context.owner)
        id = new_id(spec.name)
        python = Environments(self.cache).python(*self.image(spec))
        job = self.job(id, spec, context, python)
        return self.jobs.create(job, lambda folder: self.fill(spec, context, folder))

    def wait(self, id: str, spec: S, context: Context) -> T:
        """Have the job run to its end and collect what came of it."""
        record = self._existing(id)
        if record.status == "pending":
            self._prepare(record, spec, context)
        record = self._follow(id, context)
        if record.status != "succeeded":
            raise self._failure(record)
        return self._result(record, spec)

    def _prepare(self, record: JobRecord, spec: S, context: Context) -> None:
        image, requirements = self.image(spec)
        try:
            python = Environments(self.cache).ensure(
                image, requirements, lambda message: context.progress(message, None), context.cancel
            )
        except Cancelled:
            raise Cancelled(f"cancelled while the environment of {record.id} was prepared", id=record.id) from None
        if not runs_with(record.spec.environment, python):  # the image has changed since the job was written down
            self.jobs.change_pending(self.job(record.id, spec, context, python))
        boundary("run:environment-ready")
        context.check_cancelled(record.id)
        self.jobs.launch(record.id)

    def _follow(self, id: str, context: Context) -> JobRecord:
        told = 0.0
        while not (record := self.jobs.wait(id, 0.25)).has_ended:
            if context.cancel.is_set():
                raise Cancelled(f"cancelled; job {id} goes on and is taken up by the next run", id=id)
            if context.deadline is not None and time.monotonic() > context.deadline:
                raise PartialFailure(f"job {id} still runs at the end of the time given; the next run goes on", id=id)
            if time.monotonic() - told > TELL_EVERY:
                told = time.monotonic()
                last = tail_lines(self.jobs.folder(id) / job_records.LOG, 4096)
                context.progress(last[-1].strip()[:200] if last and last[-1].strip() else f"job {id} runs", None)
        boundary("run:ended")
        return record

    def _failure(self, record: JobRecord) -> JobFailed:
        tail = tail_lines(self.jobs.folder(record.id) / job_records.LOG)[-LOG_TAIL:]
        return JobFailed(record.reason or f"the job {record.status}", job=record.id, log_tail="\n".join(tail))

    def _result(self, record: JobRecord, spec: S) -> T:
        if kept := self.jobs.result(record.id):
            return self.parse_state(kept["state"])
        state = self.collect(record, spec)
        self.jobs.keep_result(record.id, {"state": state.to_wire()})
        boundary("run:collected")
        for spent in Layout(self.jobs.folder(record.id)).spent():
            records.remove_tree(spent)
        checkpoints.forget(self.home, record.owner)
        return state

    def claim(self, id: str) -> None:
        """Mark the job as held by a state."""
        self.jobs.mark(id, job_records.CLAIMED)

    def read(self, id: str) -> tuple[S | None, T] | None:
        """Inputs and state; None when it is gone or retired, or what came of it is."""
        record = self.jobs.find(id)
        if record is None or record.spec.kind != self.kind or record.retired:
            return None
        spec = cast(S, self.spec.model_validate(record.spec.data["spec"]))
        kept = self.jobs.result(id)
        if not kept:
            return spec, self.unfinished(record)
        state = self.parse_state(kept["state"])
        return (spec, state) if self.store.exists(self.address(state)) else None

    def address(self, state: T) -> str:
        """Where the state says that the results are."""
        raise NotImplementedError

    def update(self, id: str, old: Mapping[str, Any], new: S, context: Context) -> T:
        """Go on with what was left unfinished; tags need nothing done."""
        return self.wait(id, new, context)

    def delete(self, id: str, context: Context) -> None:
        """Stop it if it runs, then retire it, or remove it where nothing owns it."""
        record = self.jobs.find(id)
        if record is None or record.spec.kind != self.kind:
            return
        self.jobs.stop(id)
        owner, model = record.owner, str(record.spec.data["model"])
        if not (self.retires and retention.owned(self.home, owner["project"], owner["stack"], model)):
            retention.purge_job(self.home, id)
            return
        self.jobs.mark(id, job_records.RETIRED)
        for spent in Layout(self.jobs.folder(id)).spent():
            records.remove_tree(spent)
        retention.enforce(self.home, owner["project"], owner["stack"], model)

    def logs(self, id: str, *, follow: bool = False, tail: int | None = None) -> Iterator[str]:
        """Lines of the job's log."""
        return self.jobs.logs(id, follow=follow, tail=tail)

    def _existing(self, id: str) -> JobRecord:
        record = self.jobs.find(id)
        if record is None or record.spec.kind != self.kind:
            raise NotFound(f"{self.kind} job '{id}' is not on this machine (any more)")
        return record

    def parse_state(self, wire: Mapping[str, Any]) -> T:
        """A state out of its fields."""
        return cast(T, self.state.model_validate(wire))

    def data(self, spec: S) -> dict[str, Any]:
        """What the job's record keeps of the spec."""
        return {"spec": spec.to_wire(), "model": spec.model}

    def key(self, owner: Mapping[str, str], id: str) -> str:
        """The store's key for what a job leaves."""
        return retention.job_key(owner, id)

    def owner(self, context: Context) -> dict[str, str]:
        """The owner as records keep it."""
        return owner_record(context.owner)
