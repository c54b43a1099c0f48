"""Batch predictions on AWS: a transform job of SageMaker in Mooring's own image, with a model of its own.

::

    s3://<bucket>/mooring/<project>/<stack>/runs/<job>/record.json   its spec
                                                      /input/…       the rows, in parts (batch_parts.py)
                                                      /output/…      the answers to them
                                                      /result/…      predictions.csv, errors.csv
                                                      /state.json    its result, once that is collected

The id is `<region>/<job>`. The job's model has the job's name, and goes once the job has ended. AWS forgets no
transform job, so one that is deleted is marked as retired and found no more.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from providers.aws import archives, batch_files, batch_request, checks, instances, packages, user_tags
from providers.aws.batch_parts import PREDICTIONS
from providers.aws.batch_request import is_late, reason_of
from providers.aws.contents import Contents
from providers.aws.faults import translated
from providers.aws.job_logs import JobLog
from providers.aws.model_requests import create_model
from providers.aws.models import group_of
from providers.aws.naming import id_of, job_name, mark, split
from providers.aws.objects import Objects, stack_uri
from providers.aws.places import region_of
from providers.aws.sagemaker_jobs import BUCKET_TAG, USABLE, Job, SageMakerJobs, Words
from providers.aws.tagging import tags_of
from providers.aws.waiting import pause, turn
from providers.boundaries import boundary
from providers.contract import Changes, Context, Found, Ownership
from providers.errors import InvalidInput, JobFailed, MooringError, NotFound, Problem
from providers.values import BatchSpec, BatchState, Scoped, Value

TRANSFORM = Words("transform_job", "TransformJob", "transform job", "transform-job", "BatchPrediction",
                  "TransformJobSummaries")  # fmt: skip
GROUP = "/aws/sagemaker/TransformJobs"
LOG_TAIL = 20
STOP_SECONDS = 600.0


class BatchKind:
    """`BatchPrediction` on AWS. `home` is where the rows are split and put together again."""

    spec: ClassVar[type[Scoped]] = BatchSpec
    state: ClassVar[type[Value]] = BatchState

    def __init__(self, home: Path, cache: Path | None = None) -> None:
        self.home = home

    def check(self, spec: BatchSpec, context: Context) -> tuple[BatchSpec, Sequence[Problem]]:
        """What AWS does not take."""
        return spec, [
            *checks.scope_problems(spec),
            *checks.identity_problems(spec.identity),
            *checks.network_problems(spec.network),
            *instances.problems(spec.machine, "transform"),
            *checks.address_problems(spec.input.uri, "input.uri"),
        ]

    def diff(self, old: Mapping[str, Any], new: Mapping[str, Any], changes: Changes) -> Changes:
        """Nothing to refine."""
        return changes

    def find(self, owner: Ownership) -> list[Found]:
        """Jobs with these tags, newest first."""
        region = region_of(owner)
        if not region:
            return []
        found = [job for job in _jobs(region).owned(owner) if not job.retired]
        return [Found(id_of(region, job.name), job.owner, job.claimed, job.status in USABLE) for job in found]

    def create(self, spec: BatchSpec, context: Context) -> str:
        """Upload the rows and begin the job. What an earlier Create of the same inputs left unclaimed is taken up."""
        left = [found for found in self.find(context.owner) if not found.claimed]
        for found in left:
            if found.usable and found.owner == context.owner:
                return found.id
        for found in left:
            self.delete(found.id, context)
        self._forget_unbegun(spec, context.owner)
        name = job_name(spec.name, context.owner)
        base = stack_uri(spec.container, context.owner, "runs", name)
        try:
            self._make_model(name, spec, context)
            suffix = batch_files.upload(Contents(spec.region, self.home), spec.input.uri, base, context)
            Objects(spec.region).write_json(f"{base}record.json", {"spec": spec.to_wire()})
            context.check_cancelled()
            tags = {**spec.tags, BUCKET_TAG: spec.container}
            request = batch_request.transform(name, base, suffix, spec)
            _jobs(spec.region).create(name, request, context.owner, spec.model, tags)
        except MooringError:
            _remove_model(spec.region, name)
            Objects(spec.region).delete(base)
            raise
        boundary("batch:created")
        return id_of(spec.region, name)

    def wait(self, id: str, spec: BatchSpec, context: Context) -> BatchState:
        """See the job to its end and put its answers together."""
        region, job = split(id)[0], _existing(id)
        while not job.has_ended:
            if job.status == "running" and is_late(job, spec):
                _jobs(region).stop(job.name)
            context.progress(f"{job.name} is {job.status}", None)
            turn(context, id, f"job {job.name}")
            body = _jobs(region).describe(job.name)
            job = replace(job, body=body, status=_jobs(region).status(body))
        boundary("batch:ended")
        _remove_model(region, job.name)
        if job.status != "succeeded":
            tail = JobLog(region, job.name, group=GROUP).tail(LOG_TAIL)
            raise JobFailed(reason_of(job, spec, tail), job=id, log_tail="\n".join(tail))
        objects = Objects(region)
        if kept := objects.read_json(f"{job.base}state.json"):
            return BatchState.model_validate(kept)
        counted = batch_files.collect(Contents(region, self.home), job.base)
        if counted.rows == counted.failed:
            raise JobFailed(f"none of the {counted.rows} rows could be predicted; see the log", job=id)
        output = f"{job.base}result/{PREDICTIONS}"
        state = BatchState(run=id, status="succeeded", output=output, rows=counted.rows, failed_rows=counted.failed)
        objects.write_json(f"{job.base}state.json", state.to_wire())
        boundary("batch:collected")
        for spent in ("input", "output"):
            objects.delete(f"{job.base}{spent}/")
        return state

    def claim(self, id: str) -> None:
        """Mark the job as held by a state."""
        region, name = split(id)
        _jobs(region).claim(name)

    def read(self, id: str) -> tuple[BatchSpec | None, BatchState | None] | None:
        """Inputs and state; None when it is gone, or its predictions are."""
        job, region = _find(id), split(id)[0]
        if job is None or job.retired:
            return None
        objects = Objects(region)
        record = objects.read_json(f"{job.base}record.json")
        spec = BatchSpec.model_validate(record["spec"]) if record else None
        kept = objects.read_json(f"{job.base}state.json")
        if kept is None:
            return spec, BatchState.model_validate({"run": id, "status": job.status})
        state = BatchState.model_validate(kept)
        return (spec, state) if objects.exists(state.output) else None

    def update(self, id: str, old: Mapping[str, Any], new: BatchSpec, context: Context) -> BatchState:
        """Other tags, or go on with what was left unfinished."""
        region, job = split(id)[0], _existing(id)
        if new.tags:
            _jobs(region).tag(job.name, new.tags)
        before = user_tags.of_record(Objects(region).read_json(f"{job.base}record.json"))
        user_tags.drop(_jobs(region).client, str(job.body["TransformJobArn"]), before, new.tags)
        Objects(region).write_json(f"{job.base}record.json", {"spec": new.to_wire()})
        return self.wait(id, new, context)

    def delete(self, id: str, context: Context) -> None:
        """Stop it if it runs, and remove all that it left; silent when it is gone."""
        job = _find(id)
        if job is None or job.retired:
            return
        region = split(id)[0]
        if not job.has_ended:
            _jobs(region).stop(job.name)
            context.progress(f"stopping {job.name}", None)
            until = time.monotonic() + STOP_SECONDS
            while not _existing(id).has_ended and time.monotonic() < until:
                turn(context, id, f"job {job.name}")
        _remove_model(region, job.name)
        Objects(region).delete(job.base)
        boundary("batch:files-removed")
        _jobs(region).retire(job.name)

    def logs(self, id: str, *, follow: bool = False, tail: int | None = None) -> Iterator[str]:
        """Lines of the job's log."""
        job, region = _existing(id), split(id)[0]
        log = JobLog(region, job.name, group=GROUP)
        if tail is not None:
            yield from log.tail(tail)
            log.new()  # so that following goes on after them
        elif not follow:
            yield from log.new()
        if follow:
            yield from log.follow(lambda: _existing(id).has_ended, pause())

    # Its parts

    def _make_model(self, name: str, spec: BatchSpec, context: Context) -> None:
        """A model for this job alone: a transform job takes an archive only."""
        group = group_of(spec.model, spec.region, spec.container, context.owner)
        package = packages.of_digest(group, spec.digest)
        if package is None:
            raise InvalidInput(f"model '{spec.model}' has no version {spec.digest[7:19]}")
        archive = archives.ensure(group, spec.digest, self.home, context)
        request = batch_request.model(name, archive, package.number, spec)
        create_model(group.sagemaker, request, tags_of(context.owner, spec.tags), context)
        boundary("batch:model-made")

    def _forget_unbegun(self, spec: BatchSpec, owner: Ownership) -> None:
        """Remove models, and rows, of jobs that a killed Create did not come to begin."""
        jobs = _jobs(spec.region)
        with translated("listing models"):
            pages = jobs.client.get_paginator("list_models").paginate(NameContains=mark(owner))
            names = [str(one["ModelName"]) for page in pages for one in page["Models"]]
        for name in names:
            if jobs.find(name) is None:
                Objects(spec.region).delete(stack_uri(spec.container, owner, "runs", name))
                _remove_model(spec.region, name)


def _remove_model(region: str, name: str) -> None:
    try:
        with translated(f"removing model {name}"):
            _jobs(region).client.delete_model(ModelName=name)
    except NotFound:
        return


def _jobs(region: str) -> SageMakerJobs:
    return SageMakerJobs(TRANSFORM, region)


def _find(id: str) -> Job | None:
    region, name = split(id)
    return _jobs(region).find(name)


def _existing(id: str) -> Job:
    job = _find(id)
    if job is None:
        raise NotFound(f"batch prediction '{id}' is not there (any more)")
    return job
