"""Batch predictions on this machine: a job that scores a dataset with one model version."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from providers.contract import Context
from providers.errors import InvalidInput, JobFailed, NotFound, Problem
from providers.local import checks
from providers.local.environments import image_lists
from providers.local.jobs import code
from providers.local.jobs.job_layout import Layout, process_environment
from providers.local.jobs.job_records import JobRecord, JobSpec, Step
from providers.local.models import find_version
from providers.local.runs import Run
from providers.local.store.groups import groups
from providers.values import BatchSpec, BatchState, Machine, Scoped, Value

PACKAGES = ("mooring_transforms", "serving", "training")
"""The kit's packages that a scoring job finds on its PYTHONPATH."""
PREDICTIONS = "predictions.csv"


class BatchKind(Run[BatchSpec, BatchState]):
    """`BatchPrediction` on this machine. Nothing owns it, so it is removed when it is deleted."""

    kind = "batch"
    spec: ClassVar[type[Scoped]] = BatchSpec
    state: ClassVar[type[Value]] = BatchState
    retires = False

    def image(self, spec: BatchSpec) -> tuple[str, Sequence[str]]:
        """The image that servers of these bytes use, of whatever stack they are."""
        for group in groups(self.home):
            for record in group.versions():
                if record["digest"] == spec.digest:
                    return image_lists.image_of_artifact(self.store.path(record["uri"])), ()
        return image_lists.DEFAULT, ()

    def check(self, spec: BatchSpec, context: Context) -> tuple[BatchSpec, Sequence[Problem]]:
        """What this machine cannot do."""
        return spec, [
            *checks.scope_problems(spec),
            *checks.machine_problems(spec.machine),
            *checks.placement_problems(spec.instances, spec.identity, spec.network),
            *checks.address_problems(spec.input.uri, "input.uri"),
        ]

    def job(self, id: str, spec: BatchSpec, context: Context, python: Path) -> JobSpec:
        """`serving.batch` over the input."""
        layout, owner = Layout(self.jobs.folder(id)), self.owner(context)
        try:
            version = find_version(self.home, spec.model, spec.digest, owner["stack"], owner["project"])
            source = single_file(self.store.path(spec.input.uri))
        except NotFound as error:
            raise InvalidInput(str(error)) from error
        kit = str(code.code_folder(self.home, PACKAGES))
        command = (str(python), "-m", "serving.batch", "--model", str(version.path))
        return JobSpec(
            id=id,
            kind=self.kind,
            steps=(Step((*command, "--input", str(source), "--output", str(layout.output))),),
            environment={
                **process_environment(id, layout, python, spec.machine if isinstance(spec.machine, Machine) else None),
                "PYTHONPATH": kit,
            },
            cwd=str(layout.work),
            time_limit=spec.time_limit,
            owner=owner,
            folders=layout.made(),
            data=self.data(spec),
        )

    def collect(self, record: JobRecord, spec: BatchSpec) -> BatchState:
        """Keep predictions, refused rows and the summary in the store."""
        output = Layout(self.jobs.folder(record.id)).output
        summary = _summary(output, record.id)
        rows, failed = int(summary.get("rows", 0)), int(summary.get("failed_rows", 0))
        if rows and rows == failed:
            raise JobFailed(f"none of the {rows} rows could be predicted; see the log", job=record.id)
        stored = self.store.put(output, self.key(record.owner, record.id), link=True)
        return BatchState(
            run=record.id,
            status=record.status,
            output=f"{stored.uri}/{PREDICTIONS}",
            rows=rows,
            failed_rows=failed,
        )

    def unfinished(self, record: JobRecord) -> BatchState:
        """A batch without a result."""
        return BatchState(run=record.id, status=record.status)

    def address(self, state: BatchState) -> str:
        """The predictions."""
        return state.output


def _summary(output: Path, job: str) -> dict[str, Any]:
    try:
        found = json.loads((output / "summary.json").read_bytes())
    except (FileNotFoundError, ValueError) as error:
        raise JobFailed(f"the scoring job left no summary ({error})", job=job) from error
    if not isinstance(found, dict) or not (output / PREDICTIONS).is_file():
        raise JobFailed(f"the scoring job left no {PREDICTIONS}", job=job)
    return found


def single_file(path: Path) -> Path:
    """The one CSV or JSON Lines file that `path` is or holds. Raises `InvalidInput` for none or several."""
    if path.is_file():
        return path
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in (".csv", ".jsonl", ".ndjson"))
    if len(files) != 1:
        held = ", ".join(file.name for file in files[:5]) or "none"
        reason = f"one CSV or JSON Lines file is expected in the dataset, and there are {len(files)} ({held})"
        raise InvalidInput([Problem("input.uri", reason)])
    return files[0]
