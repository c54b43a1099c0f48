"""Training runs on this machine."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from providers.contract import Context
from providers.errors import InvalidInput, JobFailed, NotFound, Problem, Unavailable, did_you_mean
from providers.local import checks
from providers.local.environments import image_lists
from providers.local.jobs import checkpoints, code, script_command
from providers.local.jobs.job_layout import MANIFEST, Layout, copy_input, process_environment, training_environment
from providers.local.jobs.job_records import JobRecord, JobSpec, Step
from providers.local.runs import Run
from providers.values import CodeSpec, Machine, Scoped, TrainingSpec, TrainingState, Value

PACKAGES = ("mooring_transforms", "training")
"""The kit's packages that a training job finds on its PYTHONPATH."""

METRICS = "metrics.json"
"""Metrics in the model's or the output folder: a place that every contract has."""

S = TypeVar("S", bound=TrainingSpec)
T = TypeVar("T", bound=TrainingState)


class TrainingBase(Run[S, T]):
    """What a single run and a tuning share."""

    def image(self, spec: S) -> tuple[str, Sequence[str]]:
        """The image that the code names, by default the one that has the estimator."""
        chosen = image_lists.image_of_estimator(spec.hyperparameters.get("estimator") if not spec.code.source else "")
        return spec.code.image or chosen, spec.code.requirements

    def check(self, spec: S, context: Context) -> tuple[S, Sequence[Problem]]:
        """Hash the code, and list what this machine cannot do."""
        problems = [
            *checks.scope_problems(spec),
            *checks.machine_problems(spec.machine),
            *checks.placement_problems(spec.instances, spec.identity, spec.network, spec.spot),
            *checks.channel_problems(spec.channels),
            *checks.environment_problems(spec.environment),
            *checks.hyperparameter_problems(spec.hyperparameters),
            *image_lists.problems(spec.code.image, spec.code.requirements),
            *code_problems(spec.code, context.root),
            *script_command.problems(spec.code, dict(spec.hyperparameters)),
        ]
        if spec.code.source is None:
            problems += trainer_problems(spec)
        if problems:
            return spec, problems
        hashed = spec.code.model_copy(update={"source_hash": self._code_hash(spec, context.root)})
        return spec.model_copy(update={"code": hashed}), ()

    def _code_hash(self, spec: S, root: Path) -> str:
        if spec.code.source is None:
            source = code.code_hash(PACKAGES)
        else:
            source = code.source_hash(self.home, root / spec.code.source)
        image = image_lists.package_list(self.image(spec)[0]).read_bytes()
        return code.joined_hash(source.encode(), image)

    def fill(self, spec: S, context: Context, folder: Path) -> None:
        """Copy the user's code into the job's folder, and see that it is what Check saw; copy inputs for root."""
        for name, channel in spec.channels.items():
            source = self.store.path(channel.uri)
            if (private := Layout(folder).private_input(name, source)) != source:
                private.parent.mkdir(parents=True)
                copy_input(source, private)
        if spec.code.source is None:
            return
        if spec.code.source_hash and self._code_hash(spec, context.root) != spec.code.source_hash:
            raise Unavailable(f"{spec.code.source} changed while it was being deployed; run again")
        code.copy_source(context.root / spec.code.source, folder / "source")

    def job(self, id: str, spec: S, context: Context, python: Path) -> JobSpec:
        """The process that trains, and after it the one that makes an artifact of what it wrote."""
        layout, owner = Layout(self.jobs.folder(id)), self.owner(context)
        kit = str(code.code_folder(self.home, PACKAGES))
        resumable = checkpoints.checkpoint_folder(self.home, owner, spec.model)
        try:
            channels = {
                name: layout.private_input(name, self.store.path(channel.uri))
                for name, channel in spec.channels.items()
            }
        except NotFound as error:
            raise InvalidInput([Problem("channels", str(error))]) from error
        package = (str(python), "-m", "training.package", "--input", str(layout.model), "--trust")
        machine = spec.machine if isinstance(spec.machine, Machine) else None
        cwd = script_command.working_folder(spec.code, layout)
        return JobSpec(
            id=id,
            kind=self.kind,
            steps=(
                self.train_step(spec, layout, python, kit),
                Step(
                    (*package, "--output", str(layout.artifact)),
                    environment={"PYTHONPATH": kit},
                    unless=str(layout.model / MANIFEST),
                    needs=str(layout.model),
                    needs_reason=script_command.no_model(spec.code),
                ),
            ),
            environment={
                **process_environment(id, layout, python, machine),
                **spec.environment,
                **training_environment(layout, resumable, channels, spec.hyperparameters),
            },
            cwd=str(cwd),
            time_limit=spec.time_limit,
            owner=owner,
            folders=tuple(dict.fromkeys((*layout.made(), str(cwd)))) if cwd != layout.source else layout.made(),
            data=self.data(spec),
        )

    def train_step(self, spec: S, layout: Layout, python: Path, kit: str) -> Step:
        """The step that writes the model."""
        return trainer(spec, layout, python, kit)

    def unfinished(self, record: JobRecord) -> T:
        """A run without a result."""
        return self.parse_state(self._facts(record))

    def _facts(self, record: JobRecord) -> dict[str, Any]:
        return {
            "run": record.id,
            "status": record.status,
            "started": record.started,
            "ended": record.ended,
            "usage": dict(record.usage),
        }

    def collect(self, record: JobRecord, spec: S) -> T:
        """Keep the artifact in the store; metrics from the metrics file, else from the artifact."""
        layout = Layout(self.jobs.folder(record.id))
        artifact = layout.finished_artifact()
        if artifact is None:
            raise JobFailed(script_command.no_model(spec.code), job=record.id)
        places = (layout.metrics, layout.model / METRICS, layout.output / METRICS, artifact / METRICS)
        metrics = next((found for place in places if (found := read_metrics(place, record.id))), {})
        stored = self.store.put(artifact, self.key(record.owner, record.id), link=True)
        facts = self._facts(record) | {"artifact": stored.uri, "digest": stored.digest, "metrics": metrics}
        return self.parse_state(facts | self.further(layout))

    def further(self, layout: Layout) -> dict[str, Any]:
        """State beyond that of a single run."""
        return {}

    def address(self, state: T) -> str:
        """The artifact."""
        return state.artifact


class TrainingKind(TrainingBase[TrainingSpec, TrainingState]):
    """`TrainingRun` on this machine."""

    kind = "training"
    spec: ClassVar[type[Scoped]] = TrainingSpec
    state: ClassVar[type[Value]] = TrainingState


def trainer(spec: TrainingSpec, layout: Layout, python: Path, kit: str) -> Step:
    """The kit's own trainer, or the user's script in its copied folder."""
    arguments = checks.as_arguments(spec.hyperparameters)
    if spec.code.source is None:
        return Step((str(python), "-m", "training", *arguments), environment={"PYTHONPATH": kit})
    words, path = script_command.script_command(spec.code, layout, str(python), kit)
    return Step((*words, *arguments), environment={"PYTHONPATH": path})


def read_metrics(path: Path, job: str = "") -> dict[str, float]:
    """Metrics out of a JSON file of name to number; none when it is absent. Raises `JobFailed` for anything else.

    A metric that is not finite (NaN) is left out: neither JSON nor Pulumi can hold it.
    """
    try:
        found: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise JobFailed(f"the metrics file is not JSON ({error})", job=job) from error
    numbers = isinstance(found, Mapping) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in found.values()
    )
    if not numbers:
        if path.parent.joinpath(MANIFEST).exists() and isinstance(found, Mapping):  # an artifact may hold more
            return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}
        raise JobFailed('the metrics file must hold one JSON object of name to number: {"accuracy": 0.97}', job=job)
    return {name: float(value) for name, value in found.items() if math.isfinite(value)}


def trainer_problems(spec: TrainingSpec) -> list[Problem]:
    found = []
    if spec.code.entry_point:
        found.append(Problem("code.entryPoint", "it names a script inside `source`, and there is no source"))
    if not spec.hyperparameters.get("target") and spec.hyperparameters.get("task") != "ranking":
        near = did_you_mean("target", [name for name in spec.hyperparameters if name != "target"])
        hint = near if "did you mean" in near else ""
        found.append(Problem("hyperparameters.target", f"missing; it names the column to predict{hint}"))
    return found


def code_problems(spec: CodeSpec, root: Path) -> list[Problem]:
    """A source folder or entry point that is not there."""
    if spec.source is None:
        return []
    source = root / spec.source
    if not source.is_dir():
        near = did_you_mean(source.name, sorted(path.name for path in source.parent.glob("*") if path.is_dir()))
        what = "is a file; name its folder, and the file as entryPoint" if source.exists() else "does not exist" + near
        return [Problem("code.source", f"{spec.source} {what}")]
    scripts = sorted(name for name in code.source_files(source) if name.endswith((".py", ".sh")))
    if not spec.entry_point:
        return [Problem("code.entryPoint", f"missing; it names the script in {spec.source}{did_you_mean('', scripts)}")]
    if spec.entry_point not in scripts:
        reason = f"{spec.source} has no script '{spec.entry_point}'{did_you_mean(spec.entry_point, scripts)}"
        return [Problem("code.entryPoint", reason)]
    return []
