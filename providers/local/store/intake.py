"""Where the bytes of a model version come from: a run, a file of the user's, or another stack's version."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from providers.contract import Context
from providers.errors import Cancelled, InvalidInput, JobFailed, NotFound, Problem, Unavailable, did_you_mean
from providers.local import checks, records
from providers.local.environments import image_lists
from providers.local.environments.environments import Environments
from providers.local.home import owner_record
from providers.local.jobs import code
from providers.local.jobs.job_layout import Layout, process_environment, runs_with
from providers.local.jobs.job_records import LOG, JobSpec, Step
from providers.local.jobs.jobs import Jobs
from providers.local.jobs.reasons import tail_lines
from providers.local.storage import Store, parse_uri, short
from providers.local.store.groups import Group
from providers.local.store.hashes import content_hash
from providers.values import ModelVersionSpec
from training.errors import TrainingError

PACKAGING_LIMIT = 900.0
"""Seconds that a supplied model may take to be loaded and packaged."""
_PICKLES = ("joblib", "pickle")


class Intake:
    """Fetches an artifact for a version."""

    def __init__(self, home: Path, cache: Path | None = None) -> None:
        self.home, self.cache = home, cache
        self.store, self.jobs = Store(home), Jobs(home)

    def check(self, spec: ModelVersionSpec, context: Context) -> tuple[ModelVersionSpec, Sequence[Problem]]:
        """Hash a file; list what is wrong."""
        if spec.origin == "file":
            return self._check_file(spec, context.root)
        problems = checks.address_problems(spec.artifact, "artifact")
        if spec.origin == "promoted" and not problems:
            problems = self._promotion_problems(spec, context)
        return spec, problems

    def _check_file(self, spec: ModelVersionSpec, root: Path) -> tuple[ModelVersionSpec, Sequence[Problem]]:
        source = root / spec.artifact
        if not source.exists():
            near = did_you_mean(source.name, sorted(path.name for path in source.parent.glob("*")))
            return spec, [Problem("artifact", f"{spec.artifact} does not exist{near}")]
        try:
            format = format_of(source, spec.format)
        except TrainingError as error:
            return spec, [Problem("artifact", str(error))]
        if not spec.trust and (reason := needs_trust(source, format)):
            return spec, [Problem("trust", f"{spec.artifact} {reason}; set trust: true if you trust where it is from")]
        try:
            digest = content_hash(self.home, source)
        except InvalidInput as error:
            return spec, [Problem("artifact", str(error))]
        if spec.digest and spec.digest != digest:
            return spec, [Problem("digest", f"{spec.artifact} has the digest {digest}, not {spec.digest}")]
        return spec.model_copy(update={"digest": digest}), ()

    def _promotion_problems(self, spec: ModelVersionSpec, context: Context) -> list[Problem]:
        if spec.digest is None:
            return [Problem("digest", "missing; a promoted version is named by its digest")]
        _, digest, _ = parse_uri(spec.artifact)
        if digest != spec.digest:
            return [Problem("digest", f"{short(spec.digest)} is not the digest in the address ({short(digest)})")]
        group = Group(self.home, context.owner.project, context.owner.stack, spec.model)
        if group.version(spec.digest) or self.store.exists(spec.artifact):
            return []
        try:
            self.store.path(spec.artifact)
        except NotFound as error:
            return [Problem("artifact", f"{error}; promote a version that its stack still keeps")]
        return []

    def verify(self, spec: ModelVersionSpec, digest: str) -> None:
        """Raise `InvalidInput` when the bytes are not those that were promised."""
        if spec.origin != "file" and spec.digest and digest != spec.digest:
            message = f"{spec.artifact} holds {digest}, not {spec.digest}: the bytes were changed behind Mooring's back"
            raise InvalidInput([Problem("digest", message)])

    def artifact(self, id: str, spec: ModelVersionSpec, group: Group, context: Context) -> Path:
        """The folder with the artifact, to be read only. Raises `InvalidInput`, `JobFailed`."""
        if spec.origin == "file":
            return self._package(id, spec, context)
        if spec.digest and (known := group.version(spec.digest)) and self.store.exists(known["uri"]):
            return self.store.path(known["uri"])  # the stack has these bytes, even if their source is gone
        try:
            place = self.store.path(spec.artifact)
        except NotFound as error:
            raise InvalidInput([Problem("artifact", str(error))]) from error
        _verified(place, spec.artifact)
        return place

    def _package(self, id: str, spec: ModelVersionSpec, context: Context) -> Path:
        """Have a job load the user's file and make an artifact of it."""
        layout = Layout(self.jobs.folder(id))
        environments = Environments(self.cache)
        image = image_for(context.root / spec.artifact, spec.format)
        python = environments.python(image)
        if self.jobs.find(id) is None:
            self.jobs.create(
                self._job(id, spec, layout, python, context), lambda folder: self._copy(spec, context, folder)
            )
        if (record := self.jobs.get(id)).status == "pending":
            try:
                environments.ensure(image, (), lambda message: context.progress(message, None), context.cancel)
            except Cancelled:
                raise Cancelled(f"cancelled while the environment of {id} was prepared", id=id) from None
            if not runs_with(record.spec.environment, python):  # the image has changed since it was written down
                self.jobs.change_pending(self._job(id, spec, layout, python, context))
            self.jobs.launch(id)
        while not (record := self.jobs.wait(id, 0.25)).has_ended:
            if context.cancel.is_set():
                raise Cancelled(f"cancelled while {spec.artifact} was packaged; the next run goes on", id=id)
            context.progress(f"packaging {Path(spec.artifact).name}", None)
        if record.status != "succeeded":
            tail = tail_lines(self.jobs.folder(id) / LOG)[-20:]
            raise JobFailed(f"{spec.artifact}: {record.reason}", job=id, log_tail="\n".join(tail))
        return layout.artifact

    def _job(self, id: str, spec: ModelVersionSpec, layout: Layout, python: Path, context: Context) -> JobSpec:
        kit = str(code.code_folder(self.home, ("mooring_transforms", "training")))
        source = layout.source / Path(spec.artifact).name
        command = [str(python), "-m", "training.package", "--input", str(source), "--output", str(layout.artifact)]
        format = format_of(context.root / spec.artifact, spec.format)
        if format != "mooring":
            command += ["--format", format]
        if spec.trust:
            command.append("--trust")
        return JobSpec(
            id=id,
            kind="packaging",
            steps=(Step(tuple(command)),),
            environment={**process_environment(id, layout, python, None), "PYTHONPATH": kit},
            cwd=str(layout.work),
            time_limit=PACKAGING_LIMIT,
            owner=owner_record(context.owner),
            folders=(str(layout.work), str(layout.temporary)),
            data={"model": spec.model},
        )

    def _copy(self, spec: ModelVersionSpec, context: Context, folder: Path) -> None:
        """Copy the model into the job's folder, and see that it is what Check saw."""
        source = context.root / spec.artifact
        target = folder / "source" / source.name
        if not source.exists():
            raise InvalidInput([Problem("artifact", f"{spec.artifact} does not exist any more")])
        scratch = Store(folder / "intake")  # inside the job's folder: whenever this is killed, it goes with that
        uri = scratch.put(source, "model").uri
        digest = parse_uri(uri)[1]
        if spec.digest and digest != spec.digest:
            raise Unavailable(f"{spec.artifact} changed while it was being deployed; run again")
        target.parent.mkdir(parents=True)
        place = scratch.path(uri)
        if place.is_dir():
            shutil.copytree(place, target, copy_function=os.link)
        else:
            os.link(place, target)
        records.remove_tree(scratch.home)


def format_of(source: Path, named: str | None) -> str:
    """The format of a supplied model: as named, else by its name and what it holds. Raises `TrainingError`."""
    from training.formats import detect

    return named or detect(source)


def image_for(source: Path, named: str | None) -> str:
    """The image whose packages can load a supplied model."""
    from training.formats import image_of

    return (image_of(source, format_of(source, named)) if source.exists() else None) or image_lists.DEFAULT


def needs_trust(source: Path, format: str) -> str:
    """Why loading this model executes code that it carries; empty when it does not."""
    if format in _PICKLES:
        return f"is a {format}, and loading it executes whatever code is in it"
    if format == "mooring" and source.is_dir():
        from training.artifact.manifest import read_manifest

        try:
            form = read_manifest(source).get("forms", {}).get("sklearn", {})
        except TrainingError:  # told when it is verified
            return ""
        if form.get("format") in _PICKLES:
            return f"holds a {form['format']} file, and loading it executes whatever code is in it"
    if format == "mlflow" and source.is_dir():
        try:
            text = (source / "MLmodel").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        safe = re.search(r"^\s+onnx:", text, re.M) or re.search(r"^\s+serialization_format: skops\s*$", text, re.M)
        if re.search(r"^\s+sklearn:", text, re.M) and not safe:
            return "is an MLflow model of the sklearn flavor, a pickle: loading it executes whatever code is in it"
    return ""


def _verified(folder: Path, name: str) -> None:
    from training.artifact.manifest import verify

    try:
        verify(folder)
    except TrainingError as error:
        raise InvalidInput([Problem("artifact", f"{name} is not a whole model artifact: {error}")]) from error
