"""What `CreateHyperParameterTuningJob` is asked for: out of a neutral spec, in SageMaker's words.

A trial has no entry point of its own in this call, so the kit's trainer goes the way of a script, in the stack's own
image: an archive with `start.sh`. Trials share nothing, so they keep no checkpoints.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from providers.aws.code_upload import ARCHIVE, CHANNEL, PROGRAM
from providers.aws.training_request import MOST_METRICS, Request, metric_definitions, runs_uri, training_request
from providers.contract import Ownership
from providers.errors import Problem
from providers.local.checks import as_text
from providers.values import ParameterRange, TuningSpec
from training.jobs.sagemaker import decoded_value, metric_regex

STRATEGIES = {"random": "Random", "grid": "Grid", "bayesian": "Bayesian", "hyperband": "Hyperband"}
EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
"""Hyperparameters out of which AWS takes how long Hyperband's longest trial is."""
MOST_TRIALS, MOST_PARALLEL, MOST_RANGES, MOST_CHOICES = 750, 100, 30, 30
SHORTEST_TUNING = 120
"""Seconds: less AWS does not take as the limit of a whole tuning job."""
_SHARED = ("RoleArn", "ResourceConfig", "StoppingCondition", "Environment", "VpcConfig", "EnableManagedSpotTraining")


def tuning_request(name: str, spec: TuningSpec, owner: Ownership, code: str) -> Request:
    """The request without name and tags. `code` is as for `training_request`."""
    single = training_request(spec, owner, code)
    algorithm = {key: value for key, value in single["AlgorithmSpecification"].items() if key != "ContainerEntrypoint"}
    algorithm["MetricDefinitions"] = _definitions(spec)
    runs = runs_uri(spec, owner)
    limits: Request = {"MaxParallelTrainingJobs": spec.parallel_trials,
                       "MaxRuntimeInSeconds": max(SHORTEST_TUNING, spec.time_limit)}  # fmt: skip
    if spec.strategy != "grid":
        limits["MaxNumberOfTrainingJobs"] = spec.trials
    return {
        "HyperParameterTuningJobConfig": {
            "Strategy": STRATEGIES[spec.strategy],
            "HyperParameterTuningJobObjective": {
                "Type": spec.objective.direction.capitalize(),
                "MetricName": spec.objective.metric,
            },
            "ResourceLimits": limits,
            "ParameterRanges": parameter_ranges(spec),
            **({"RandomSeed": spec.seed} if spec.seed is not None else {}),
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": _static(spec, single["HyperParameters"], code),
            "AlgorithmSpecification": algorithm,
            "InputDataConfig": [one for one in single["InputDataConfig"] if one["ChannelName"] != CHANNEL],
            "OutputDataConfig": {**single["OutputDataConfig"], "S3OutputPath": f"{runs}{name}/trials"},
            **{key: single[key] for key in _SHARED if key in single},
        },
    }  # fmt: skip


def _static(spec: TuningSpec, given: Mapping[str, str], code: str) -> dict[str, str]:
    if spec.code.source is not None:
        return dict(given)
    own = {"sagemaker_program": PROGRAM, "sagemaker_submit_directory": code + ARCHIVE}
    texts = {name: json.dumps(value) for name, value in given.items()}  # a script's values are JSON
    return texts | {name: json.dumps(value) for name, value in own.items()}


def _definitions(spec: TuningSpec) -> list[dict[str, str]]:
    """Those of a single run, the objective among them."""
    known = metric_definitions(spec)
    own = {"Name": spec.objective.metric, "Regex": metric_regex(spec.objective.metric)}
    first = [one for one in known if one["Name"] == own["Name"]] or [own]
    return [*first, *(one for one in known if one["Name"] != own["Name"])][:MOST_METRICS]


def parameter_ranges(spec: TuningSpec) -> dict[str, list[dict[str, Any]]]:
    """The space. A grid has choices only: of whole numbers all that are in the range."""
    found: dict[str, list[dict[str, Any]]] = {
        "IntegerParameterRanges": [],
        "ContinuousParameterRanges": [],
        "CategoricalParameterRanges": [],
    }
    for name, limits in spec.space.items():
        if limits.type == "categorical" or spec.strategy == "grid":
            values = [_choice(value) for value in choices(limits)]
            found["CategoricalParameterRanges"].append({"Name": name, "Values": values})
            continue
        assert limits.low is not None
        assert limits.high is not None
        low, high = (as_text(int(value) if limits.type == "int" else value) for value in (limits.low, limits.high))
        scale = "Logarithmic" if limits.log else "Linear"
        kind = "IntegerParameterRanges" if limits.type == "int" else "ContinuousParameterRanges"
        found[kind].append({"Name": name, "MinValue": low, "MaxValue": high, "ScalingType": scale})
    return found


def choices(limits: ParameterRange) -> list[Any]:
    """All values of a range that can be counted; none of one that cannot."""
    if limits.type == "categorical":
        return list(limits.choices or ())
    if limits.type == "int" and limits.low is not None and limits.high is not None:
        return list(range(int(limits.low), int(limits.high) + 1))
    return []


def _choice(value: Any) -> str:
    """One choice as SageMaker hands it to a script, which reads JSON: `"text"`, `"true"`, `3`."""
    return (
        as_text(value) if isinstance(value, int | float) and not isinstance(value, bool) else json.dumps(as_text(value))
    )


def tuned(spec: TuningSpec, given: Mapping[str, str]) -> dict[str, Any]:
    """What the best trial was given, as the space has it."""
    found: dict[str, Any] = {}
    for name, text in given.items():
        limits = spec.space.get(name)
        if limits is None:
            continue
        if limits.type == "categorical":
            found[name] = next((one for one in limits.choices or () if _choice(one) == text), decoded_value(text))
        else:
            found[name] = int(float(text)) if limits.type == "int" else float(text)
    return found


def strategy_problems(spec: TuningSpec) -> list[Problem]:
    """What SageMaker's strategies do not take."""
    found = []
    for name, limit, path in (
        (spec.trials, MOST_TRIALS, "trials"),
        (spec.parallel_trials, MOST_PARALLEL, "parallelTrials"),
        (len(spec.space), MOST_RANGES, "space"),
    ):
        if name > limit:
            found.append(Problem(path, f"{name}; AWS takes {limit} at most"))
    if spec.strategy == "grid":
        found += _grid_problems(spec)
    if spec.strategy == "hyperband":
        if spec.code.source is None:
            reason = (
                "on aws hyperband stops a script that tells its objective after each epoch, and the trainer has none"
            )
            found.append(Problem("strategy", reason))
        elif not any(name in spec.hyperparameters for name in EPOCHS):
            found.append(
                Problem("hyperparameters", f"hyperband needs the epochs of a whole trial: {', '.join(EPOCHS)}")
            )
    return found


def _grid_problems(spec: TuningSpec) -> list[Problem]:
    found, total = [], 1
    for name, limits in spec.space.items():
        count = len(choices(limits))
        total *= count
        if limits.type == "float":
            found.append(Problem(f"space.{name}", "a grid has no float; make it categorical, and name the choices"))
        elif count > MOST_CHOICES:
            found.append(Problem(f"space.{name}", f"{count} values; AWS takes {MOST_CHOICES} at most"))
    if not found and total > spec.trials:
        found.append(
            Problem("trials", f"{spec.trials}, and AWS tries all {total} combinations of a grid; set it to that")
        )
    return found
