"""Where the bytes of a version come from: a run's artifact in S3, a file on this machine, or another stack's version.

A supplied file is packaged on this machine, as the local cloud does it, and uploaded. All else is copied within S3.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from providers.aws import packages
from providers.aws.contents import Contents, Stored, folder, joined_digest, uri_of
from providers.aws.model_groups import Group
from providers.aws.objects import Objects, split_uri
from providers.contract import Context
from providers.errors import InvalidInput, NotFound, Problem
from providers.hashing import tree_digest
from providers.local.jobs.jobs import Jobs
from providers.local.store import retention
from providers.local.store.groups import Group as LocalGroup
from providers.local.store.intake import Intake as LocalIntake
from providers.local.training import read_metrics
from providers.local.versions import ALL_METRICS, gate
from providers.values import ModelVersionSpec
from training.artifact.manifest import MANIFEST

METRICS = "metrics.json"
_READ_WHOLE = 1 << 30
"""Bytes up to which a copy is read again and compared; beyond, its manifest and sizes have to do."""
_HEX = re.compile(r"/([0-9a-f]{64})/?$")


@dataclass(frozen=True)
class Taken:
    """Bytes that are among the group's artifacts, whole and verified."""

    digest: str
    metrics: dict[str, float]


class Intake:
    """Fetches an artifact for a version. `home` is a local home, for jobs that package a supplied file."""

    def __init__(self, home: Path, cache: Path | None = None) -> None:
        self.home, self._local, self._jobs = home, LocalIntake(home, cache), Jobs(home)

    def check(self, spec: ModelVersionSpec, context: Context) -> tuple[ModelVersionSpec, Sequence[Problem]]:
        """Hash a file; list what is wrong. Nothing is asked of AWS."""
        if spec.origin == "file":
            return self._local.check(spec, context)
        try:
            split_uri(spec.artifact)
        except InvalidInput as error:
            return spec, [Problem("artifact", f"{error}; a TrainingRun's artifact is one")]
        if spec.origin == "run":
            return spec, ()
        if spec.digest is None:
            return spec, [Problem("digest", "missing; a promoted version is named by its digest")]
        named = _HEX.search(spec.artifact)
        if named and f"sha256:{named[1]}" != spec.digest:
            given, told = spec.digest.removeprefix("sha256:")[:12], named[1][:12]
            return spec, [Problem("digest", f"{given} is not the digest in the address ({told})")]
        return spec, ()

    def take(self, id: str, spec: ModelVersionSpec, group: Group, context: Context) -> Taken:
        """Have the bytes among the group's artifacts. Raises InvalidInput where they are not what was promised or are
        gone, JobFailed where they cannot be packaged or do not meet a threshold; nothing is kept then."""
        contents = Contents(group.region, self.home)
        if spec.origin == "file":
            return self._upload(id, spec, group, contents, context)
        source = spec.artifact
        if spec.digest and packages.of_digest(group, spec.digest):
            kept = uri_of(group.artifacts, spec.digest)
            source = kept if contents.find(kept) else source  # the stack has these bytes, even if their source is gone
        try:
            promised = contents.stat(source)
        except NotFound as error:
            raise InvalidInput([Problem("artifact", str(error))]) from error
        if spec.digest and promised.digest != spec.digest:
            raise InvalidInput([Problem("digest", _changed(source, promised.digest, spec.digest))])
        metrics = dict(spec.metrics) or self._metrics(group.objects, source, id)
        self.gate(spec, metrics, source, group, id)
        context.progress("copying the artifact within S3", None)
        stored = contents.copy(source, group.artifacts)
        try:
            _verify(contents, stored)
        except InvalidInput:
            if packages.of_digest(group, stored.digest) is None:
                contents.delete(stored.uri)
            raise
        return Taken(stored.digest, metrics)

    def _upload(self, id: str, spec: ModelVersionSpec, group: Group, contents: Contents, context: Context) -> Taken:
        """Package a file on this machine, and upload what came of it."""
        unused = LocalGroup(self.home, group.project, group.stack, group.model)
        artifact = self._local.artifact(job_of(id), spec, unused, context)
        metrics = dict(spec.metrics) or read_metrics(artifact / METRICS, id)
        gate(spec, metrics, artifact, id)

        def told(count: int) -> None:
            context.check_cancelled(id)

        context.progress("uploading the model", None)
        stored = contents.put(artifact, group.artifacts, digest=tree_digest(artifact), progress=told)
        return Taken(stored.digest, metrics)

    def gate(self, spec: ModelVersionSpec, metrics: dict[str, float], source: str, group: Group, id: str) -> None:
        """Raise JobFailed when a metric of the artifact at `source` is missing or does not meet its threshold."""
        with tempfile.TemporaryDirectory(prefix="mooring-gate-") as name:
            evaluation = Path(name) / ALL_METRICS
            if not set(spec.thresholds) <= set(metrics):
                try:
                    content = group.objects.read(f"{folder(source)}{ALL_METRICS}")
                except NotFound:
                    content = b""
                if content:
                    evaluation.parent.mkdir(parents=True)
                    evaluation.write_bytes(content)
            gate(spec, metrics, Path(name), id)

    def has_failed(self, id: str) -> bool:
        """Whether a supplied file could not be packaged."""
        record = self._jobs.find(job_of(id))
        return record is not None and record.status in ("failed", "stopped")

    def forget(self, id: str) -> None:
        """Remove what packaging a file has left on this machine."""
        retention.purge_job(self.home, job_of(id))

    def logs(self, id: str, *, follow: bool = False, tail: int | None = None) -> Iterator[str]:
        """Lines of the job that packages a file."""
        job = job_of(id)
        return self._jobs.logs(job, follow=follow, tail=tail) if self._jobs.find(job) else iter(())

    def _metrics(self, objects: Objects, source: str, id: str) -> dict[str, float]:
        with tempfile.TemporaryDirectory(prefix="mooring-metrics-") as name:
            try:
                (Path(name) / METRICS).write_bytes(objects.read(f"{folder(source)}{METRICS}"))
            except NotFound:
                return {}
            (Path(name) / MANIFEST).touch()  # an artifact's metrics may hold more than numbers
            return read_metrics(Path(name) / METRICS, id)


def job_of(id: str) -> str:
    """The local job that packages a file for a version."""
    return f"aws-{id.rpartition('/')[2]}"


def _verify(contents: Contents, stored: Stored) -> None:
    """Raise InvalidInput where the bytes are not those of the digest, or no whole model."""
    if stored.bytes <= _READ_WHOLE and (found := contents.digest_of(stored.uri)) != stored.digest:
        raise InvalidInput([Problem("digest", _changed(stored.uri, found, stored.digest))])
    import hashlib

    try:
        text = contents.objects.read(f"{stored.uri}{MANIFEST}")
        listed = dict(json.loads(text)["files"])
    except (NotFound, ValueError, KeyError, TypeError) as error:
        raise InvalidInput([Problem("artifact", f"{stored.uri} is not a whole model artifact: {error}")]) from error
    whole = joined_digest({**listed, MANIFEST: hashlib.sha256(text).hexdigest()})
    if whole != stored.digest:
        raise InvalidInput(
            [Problem("artifact", f"{stored.uri} is not a whole model artifact: its manifest lists other files")]
        )


def _changed(uri: str, found: str, promised: str) -> str:
    return f"{uri} holds {found}, not {promised}: the bytes were changed behind Mooring's back"
