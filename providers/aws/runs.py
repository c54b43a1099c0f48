"""What training and tuning on AWS have in common: each is a job of SageMaker with an owner, a life and a result.

::

    s3://<bucket>/mooring/<project>/<stack>/runs/<job>/record.json   its spec, without the variables it is given
                                                      /state.json    its result, once that is collected
                                                      /output/…      what it wrote

The id is `<region>/<job>`. Whose it is, whether a state holds it and whether it is retired are tags of the job.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar, cast

from providers.aws import run_records, run_retention
from providers.aws.contents import Contents
from providers.aws.faults import translated
from providers.aws.job_facts import facts
from providers.aws.job_logs import JobLog
from providers.aws.model_groups import Group
from providers.aws.naming import LONGEST, id_of, job_name, split
from providers.aws.objects import Objects, stack_uri
from providers.aws.places import region_of
from providers.aws.sagemaker_jobs import BUCKET_TAG, ENDED, USABLE, Job, SageMakerJobs, Words
from providers.aws.training_request import Request, overlaid
from providers.aws.waiting import pause, turn
from providers.boundaries import boundary
from providers.contract import Changes, Context, Found, Ownership
from providers.errors import JobFailed, NotFound, Unavailable
from providers.local.home import local_home
from providers.values import Scoped, TrainingSpec, TrainingState, Value

S = TypeVar("S", bound=TrainingSpec)
T = TypeVar("T", bound=TrainingState)

LOG_TAIL = 20
"""Lines of the log that go with a failure."""
TELL_EVERY = 2.0
"""Seconds between two reports of a job's last line."""
STOP_SECONDS = 600.0
"""A job that was told to stop has two minutes, and then its model is uploaded."""


class Run(Generic[S, T]):
    """A kind whose things are jobs. A subclass says what is asked for, and what comes of it."""

    words: ClassVar[Words]
    spec: ClassVar[type[Scoped]]
    state: ClassVar[type[Value]]
    longest_name: ClassVar[int] = LONGEST

    def __init__(self, home: Path | None = None, cache: Path | None = None) -> None:
        self.home, self.cache = home or local_home(), cache

    def request(self, name: str, spec: S, context: Context) -> Request:
        """What AWS is asked for; uploads the code that it names."""
        raise NotImplementedError

    def collect(self, job: Job, id: str, spec: S, context: Context) -> dict[str, Any]:
        """The fields of the state of a job that succeeded, besides those of any. May be repeated."""
        raise NotImplementedError

    def failure(self, job: Job, region: str) -> tuple[str, list[str]]:
        """Why it did not succeed, and the last lines of its log."""
        raise NotImplementedError

    def last_line(self, job: Job, region: str) -> str:
        """What it does now, for people."""
        raise NotImplementedError

    def log(self, job: Job, region: str) -> JobLog:
        """The log that stands for the job."""
        return JobLog(region, job.name)

    def jobs(self, region: str) -> SageMakerJobs:
        """The jobs of this kind in a region."""
        return SageMakerJobs(self.words, region)

    def diff(self, old: Mapping[str, Any], new: Mapping[str, Any], changes: Changes) -> Changes:
        """Nothing to refine."""
        return changes

    def find(self, owner: Ownership) -> list[Found]:
        """Jobs with these tags that are not retired, newest first."""
        region = region_of(owner)
        if not region:
            return []
        return [
            Found(id_of(region, job.name), job.owner, job.claimed, job.status in USABLE)
            for job in self.jobs(region).owned(owner)
            if not job.retired
        ]

    def create(self, spec: S, context: Context) -> str:
        """Begin the job. What an earlier Create of the same inputs left unclaimed is taken up again, what one of other
        inputs left is removed."""
        left = [found for found in self.find(context.owner) if not found.claimed]
        for found in left:
            if found.usable and found.owner == context.owner:
                return found.id
        for found in left:
            self._purge(found.id, context, keep_checkpoints=found.owner == context.owner)
        name = job_name(spec.name, context.owner, self.longest_name)
        request = overlaid(self.request(name, spec, context), spec.overrides)
        context.check_cancelled()
        boundary("run:uploaded")
        tags = {**spec.tags, BUCKET_TAG: spec.container}
        self.jobs(spec.region).create(name, request, context.owner, spec.model, tags)
        boundary("run:created")
        run_records.write(name, spec, context.owner)
        return id_of(spec.region, name)

    def wait(self, id: str, spec: S, context: Context) -> T:
        """Have the job run to its end and collect what came of it."""
        region, job = split(id)[0], self._existing(id)
        if not run_records.exists(Objects(region), job):  # it was killed between the job and its record
            run_records.write(job.name, spec, context.owner)
        job = self._follow(job, id, context)
        if job.status != "succeeded":
            reason, tail = self.failure(job, region)
            raise JobFailed(reason, job=id, log_tail="\n".join(tail))
        if kept := self._kept(job, region):
            return kept
        state = self._parsed(facts(job, id) | self.collect(job, id, spec, context))
        run_records.keep_state(Objects(region), job, state.to_wire())
        boundary("run:collected")
        self._forget_checkpoints(job, region)
        return state

    def _follow(self, job: Job, id: str, context: Context) -> Job:
        region, told, said = split(id)[0], 0.0, ""
        while not job.has_ended:
            turn(context, id, f"job {job.name}")
            body = self.jobs(region).describe(job.name)
            job = replace(job, body=body, status=self.jobs(region).status(body))
            if time.monotonic() - told > TELL_EVERY:
                told = time.monotonic()
                if (line := self.last_line(job, region)) != said:
                    said = line
                    context.progress(line[:200], None)
        boundary("run:ended")
        return job

    def claim(self, id: str) -> None:
        """Mark the job as held by a state."""
        region, name = split(id)
        self.jobs(region).claim(name)

    def read(self, id: str) -> tuple[S | None, T | None] | None:
        """Inputs and state; None when it is gone or retired, or what came of it is."""
        job = self._find(id)
        if job is None or job.retired:
            return None
        region = split(id)[0]
        spec = self._spec(job, region)
        kept = self._kept(job, region) if job.status == "succeeded" else None
        if kept is None:
            return spec, self._parsed(facts(job, id))
        return (spec, kept) if Contents(region, self.home).find(kept.artifact) else None

    def update(self, id: str, old: Mapping[str, Any], new: S, context: Context) -> T:
        """Other tags, or go on with what was left unfinished."""
        region, name = split(id)
        before = dict(old.get("tags") or {})
        if before != new.tags:
            jobs, body = self.jobs(region), self._existing(id).body
            if new.tags:
                jobs.tag(name, new.tags)
            if gone := sorted(set(before) - set(new.tags)):
                with translated(f"tagging {self.words.word} {name}"):
                    jobs.client.delete_tags(ResourceArn=body[f"{self.words.member}Arn"], TagKeys=gone)
            run_records.write(name, new, context.owner)
        return self.wait(id, new, context)

    def delete(self, id: str, context: Context) -> None:
        """Stop it if it runs, then retire it while its model is there, else remove it."""
        job = self._find(id)
        if job is None or job.retired:
            return
        region = split(id)[0]
        self._stop(job, id, context)
        if _group(job, region).owned():
            self.jobs(region).retire(job.name)
            boundary("run:retired")
            run_retention.enforce(_group(job, region))
        else:
            self._purge(id, context)

    def _stop(self, job: Job, id: str, context: Context) -> None:
        """Have it end, and wait for that. Raises Cancelled, PartialFailure."""
        jobs = self.jobs(split(id)[0])
        if job.has_ended:
            return
        jobs.stop(job.name)
        context.progress(f"stopping {job.name}", None)
        for _ in range(int(STOP_SECONDS / pause())):
            if jobs.status(jobs.describe(job.name)) in ENDED:
                return
            turn(context, id, f"job {job.name}")
        raise Unavailable(f"{self.words.word} {job.name} has not stopped after {STOP_SECONDS:g} s; try again")

    def _purge(self, id: str, context: Context, *, keep_checkpoints: bool = False) -> None:
        """Remove the job and all that it left; silent when it is gone."""
        job = self._find(id)
        if job is None:
            return
        region = split(id)[0]
        self._stop(job, id, context)
        if not keep_checkpoints:
            self._forget_checkpoints(job, region)
        run_retention.remove(self.jobs(region), job)

    def logs(self, id: str, *, follow: bool = False, tail: int | None = None) -> Iterator[str]:
        """Lines of the job's log."""
        job = self._existing(id)
        log = self.log(job, split(id)[0])
        if follow:
            yield from log.follow(lambda: self._existing(id).has_ended, pause(), tail)
        else:
            yield from log.new() if tail is None else log.tail(tail)

    # What is kept in S3

    def _spec(self, job: Job, region: str) -> S | None:
        """The spec of the record, with the variables that AWS holds; None without a record."""
        wire = run_records.spec(Objects(region), job, self.environment(job))
        return cast(S, self.spec.model_validate(wire)) if wire is not None else None

    def environment(self, job: Job) -> Mapping[str, str]:
        """The variables that the job was given."""
        return dict(job.body.get("Environment") or {})

    def _kept(self, job: Job, region: str) -> T | None:
        found = run_records.state(Objects(region), job)
        return self._parsed(found) if found is not None else None

    def _forget_checkpoints(self, job: Job, region: str) -> None:
        """Remove them; a place that the user chose by `overrides` is left alone."""
        kept = self.checkpoints(job)
        if kept.startswith(stack_uri(job.container, job.owner, "checkpoints")):
            Objects(region).delete(f"{kept.rstrip('/')}/")

    def checkpoints(self, job: Job) -> str:
        """Where the job keeps its checkpoints; empty where it keeps none of its own."""
        return str((job.body.get("CheckpointConfig") or {}).get("S3Uri", ""))

    def _parsed(self, wire: Mapping[str, Any]) -> T:
        return cast(T, self.state.model_validate(wire))

    def _find(self, id: str) -> Job | None:
        try:
            region, name = split(id)
        except NotFound:
            return None
        return self.jobs(region).find(name)

    def _existing(self, id: str) -> Job:
        job = self._find(id)
        if job is None:
            raise NotFound(f"{self.words.word} '{id}' is not there (any more)")
        return job


def _group(job: Job, region: str) -> Group:
    return Group(region, job.container, job.owner.project, job.owner.stack, job.model)
