"""Tuning on this machine: one job that runs `training.tune`, which runs the trials."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from providers.contract import Context
from providers.errors import Problem
from providers.local import checks
from providers.local.jobs import script_command
from providers.local.jobs.job_layout import Layout
from providers.local.jobs.job_records import Step
from providers.local.training import TrainingBase, trainer
from providers.values import ParameterRange, Scoped, TuningSpec, TuningState, Value

CONFIG = "tuning.json"
ABOVE = Path("..")
"""The job's folder as its current folder sees it: where that will be is not known while it is filled."""


class TuningKind(TrainingBase[TuningSpec, TuningState]):
    """`TuningRun` on this machine."""

    kind = "tuning"
    spec: ClassVar[type[Scoped]] = TuningSpec
    state: ClassVar[type[Value]] = TuningState

    def check(self, spec: TuningSpec, context: Context) -> tuple[TuningSpec, Sequence[Problem]]:
        """As for a training run, and the space."""
        spec, problems = super().check(spec, context)
        return spec, [*problems, *space_problems(spec)]

    def fill(self, spec: TuningSpec, context: Context, folder: Path) -> None:
        """The user's code, and the configuration of the tuning."""
        super().fill(spec, context, folder)
        command = None
        if spec.code.source is not None:
            words, _ = script_command.script_command(spec.code, Layout(ABOVE), "python", "")
            command = list(words)
        config = {
            "space": {name: limits.to_wire() for name, limits in spec.space.items()},
            "objective": spec.objective.to_wire(),
            "strategy": spec.strategy,
            "trials": spec.trials,
            "parallelTrials": spec.parallel_trials,
            "seed": spec.seed,
            "hyperparameters": {name: whole(value) for name, value in spec.hyperparameters.items()},
            "command": command,
        }
        (folder / CONFIG).write_text(json.dumps(config, indent=1), encoding="utf-8")

    def train_step(self, spec: TuningSpec, layout: Layout, python: Path, kit: str) -> Step:
        """The tuning driver; a user's script finds its own folder as well."""
        single = trainer(spec, layout, python, kit)
        search = [kit] if spec.code.source is None else [single.environment["PYTHONPATH"], kit]
        return Step(
            (str(python), "-m", "training.tune"),
            environment={"PYTHONPATH": ":".join(search), "MOORING_TUNING_FILE": str(layout.folder / CONFIG)},
        )

    def further(self, layout: Layout) -> dict[str, Any]:
        """The best trial's parameters and value."""
        summary = json.loads((layout.output / CONFIG).read_bytes())
        return {name: summary[name] for name in ("best_parameters", "best_value", "completed_trials")}


def whole(value: Any) -> Any:
    """A whole number without a point: Pulumi has only floats."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def space_problems(spec: TuningSpec) -> list[Problem]:
    """What is wrong with the space, the objective or the counts."""
    found = checks.hyperparameter_problems(spec.space, "space")
    if not spec.space:
        found.append(
            Problem(
                "space", "empty; name a hyperparameter and its range: {n_estimators: {type: int, low: 10, high: 200}}"
            )
        )
    for name, limits in spec.space.items():
        if name in spec.hyperparameters:
            found.append(
                Problem(f"space.{name}", "it is among the hyperparameters too, with one value; keep one of them")
            )
        if reason := _range_problem(limits):
            found.append(Problem(f"space.{name}", reason))
    if spec.parallel_trials > spec.trials:
        reason = f"{spec.parallel_trials} at a time, and there are {spec.trials} trials"
        found.append(Problem("parallelTrials", reason))
    if spec.strategy == "hyperband" and "train" not in spec.channels:
        found.append(
            Problem("strategy", "hyperband trains on shares of the CSV in the channel 'train', which is missing")
        )
    return found


def _range_problem(limits: ParameterRange) -> str:
    if limits.type == "categorical":
        if not limits.choices:
            return "a categorical one needs choices: [a, b]"
        return "a categorical one has choices, no low and high" if limits.low is not None else ""
    if limits.low is None or limits.high is None:
        return f"{limits.type} needs low and high"
    if limits.choices:
        return f"{limits.type} has low and high, no choices"
    if limits.low >= limits.high:
        return f"low ({limits.low:g}) must be below high ({limits.high:g})"
    if limits.type == "int" and not (limits.low.is_integer() and limits.high.is_integer()):
        return f"low ({limits.low:g}) and high ({limits.high:g}) must be whole numbers for an int"
    if limits.log and limits.low <= 0:
        return f"low ({limits.low:g}) must be above 0 on a logarithmic scale"
    return ""
