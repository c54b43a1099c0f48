"""What a tuning job's request asks for, checked as AWS does: the objectives, the ranges and the training jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.aws.emulator.errors import validation
from providers.aws.emulator.sagemaker.tuning import optuna_search, ranges
from providers.aws.emulator.sagemaker.tuning.optuna_search import Resources
from providers.aws.emulator.sagemaker.tuning.ranges import Category, Range
from providers.aws.emulator.sagemaker.tuning.search import categories, combinations

OBJECTIVE = "_tuning_objective_metric"
"""Hyperparameter that tells a training job which of its metrics counts."""
EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
"""Static hyperparameters that Hyperband's `MaxResource` may be taken from."""
_COPIED = (
    "RoleArn", "InputDataConfig", "VpcConfig", "OutputDataConfig", "StoppingCondition", "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining", "CheckpointConfig", "RetryStrategy",
    "Environment",
)  # fmt: skip


@dataclass(frozen=True)
class Definition:
    """One training job definition: its name (empty where there is but one), objective, ranges and request."""

    name: str
    objective: Mapping[str, str]
    ranges: list[Range]
    body: Mapping[str, Any]

    def training_job(self, name: str, values: Mapping[str, str]) -> dict[str, Any]:
        """The request of `CreateTrainingJob` that tries `values`."""
        algorithm = dict(self.body["AlgorithmSpecification"])
        static = self.body.get("StaticHyperParameters") or {}
        return {
            "TrainingJobName": name,
            "HyperParameters": {**static, **values, OBJECTIVE: self.objective["MetricName"]},
            "AlgorithmSpecification": algorithm,
            "ResourceConfig": _machines(self.body),
            **{member: self.body[member] for member in _COPIED if member in self.body},
        }

    def regex(self) -> str:
        """The expression that finds the objective in a log."""
        found = self.body["AlgorithmSpecification"].get("MetricDefinitions") or ()
        return next(str(one["Regex"]) for one in found if one["Name"] == self.objective["MetricName"])


def definitions(given: Mapping[str, Any]) -> list[Definition]:
    """Those of a request. Raises ApiError for what is missing, doubled or contradicts itself."""
    config = given["HyperParameterTuningJobConfig"]
    single, several = given.get("TrainingJobDefinition"), given.get("TrainingJobDefinitions")
    if bool(single) == bool(several):
        raise validation("Exactly one of TrainingJobDefinition and TrainingJobDefinitions must be given")
    if single:
        objective = config.get("HyperParameterTuningJobObjective") or single.get("TuningObjective")
        wanted = config.get("ParameterRanges") or single.get("HyperParameterRanges")
        return [_definition(single, objective, wanted)]
    if config.get("HyperParameterTuningJobObjective") or config.get("ParameterRanges"):
        raise validation("With TrainingJobDefinitions the objective and the ranges are given in each definition")
    found = [_definition(one, one.get("TuningObjective"), one.get("HyperParameterRanges")) for one in several or ()]
    names = [one.name for one in found]
    if "" in names or len(set(names)) < len(names):
        raise validation("Each of the TrainingJobDefinitions must have a DefinitionName of its own")
    if len({one.objective["Type"] for one in found}) > 1:
        raise validation("The objectives of all TrainingJobDefinitions must be of the same Type")
    return found


def _definition(
    body: Mapping[str, Any], objective: Mapping[str, str] | None, wanted: Mapping[str, Any] | None
) -> Definition:
    if not objective:
        raise validation("An objective is required for the hyperparameter tuning job: Type and MetricName")
    algorithm = body["AlgorithmSpecification"]
    if objective["MetricName"] not in [one["Name"] for one in algorithm.get("MetricDefinitions") or ()]:
        raise validation(
            "A metric is required for this hyperparameter tuning job objective. "
            "Provide a metric in the metric definitions."
        )
    found = ranges.parse(wanted or {})
    static = body.get("StaticHyperParameters") or {}
    if both := sorted(one.name for one in found if one.name in static):
        raise validation(f"Hyperparameters cannot be both static and tunable: {', '.join(both)}")
    _machines(body)
    return Definition(str(body.get("DefinitionName") or ""), objective, found, body)


def _machines(body: Mapping[str, Any]) -> dict[str, Any]:
    """`ResourceConfig` of the training jobs; of several machines to choose from, the first."""
    if body.get("ResourceConfig"):
        return dict(body["ResourceConfig"])
    given = dict(body.get("HyperParameterTuningResourceConfig") or {})
    choices = given.pop("InstanceConfigs", None) or [{}]
    given.pop("AllocationStrategy", None)
    found = {**given, **choices[0]}
    if not found.get("InstanceType"):
        raise validation("ResourceConfig or HyperParameterTuningResourceConfig must name an instance type")
    return {"InstanceCount": 1, "VolumeSizeInGB": 1, **found}


def check_strategy(config: Mapping[str, Any], found: list[Definition]) -> None:
    """Raise ApiError for what the strategy does not go with, and for a search without an end."""
    strategy, limits = config["Strategy"], config["ResourceLimits"]
    criteria = config.get("TuningJobCompletionCriteria") or {}
    if (criteria.get("ConvergenceDetected") or {}).get("CompleteOnConvergence") == "Enabled":
        raise validation("ConvergenceDetected is not emulated; use BestObjectiveNotImproving")
    if strategy in ("Bayesian", "Hyperband"):
        optuna_search.need()
    if strategy == "Grid":
        _check_grid(found, limits.get("MaxNumberOfTrainingJobs"))
    elif not limits.get("MaxNumberOfTrainingJobs") and not limits.get("MaxRuntimeInSeconds"):
        raise validation("ResourceLimits must have MaxNumberOfTrainingJobs or MaxRuntimeInSeconds")
    if strategy == "Hyperband":
        if config.get("TrainingJobEarlyStoppingType") == "Auto":
            raise validation("TrainingJobEarlyStoppingType must be OFF to use the Hyperband strategy")
        for one in found:
            resources(config, one)
    elif config.get("StrategyConfig"):
        raise validation("StrategyConfig is for the Hyperband strategy only")


def _check_grid(found: list[Definition], most: int | None) -> None:
    for one in found:
        if any(not isinstance(each, Category) for each in one.ranges):
            raise validation("The Grid strategy supports categorical hyperparameters only")
    total = sum(combinations(categories(one.ranges)) for one in found)
    if most is not None and most != total:
        raise validation(
            f"MaxNumberOfTrainingJobs {most} must be the number of combinations with the Grid strategy: {total}"
        )


def resources(config: Mapping[str, Any], definition: Definition) -> Resources:
    """What Hyperband gives a trial. Raises ApiError where that is not said, nor to be taken from the epochs."""
    given = (config.get("StrategyConfig") or {}).get("HyperbandStrategyConfig") or {}
    static = definition.body.get("StaticHyperParameters") or {}
    epochs = next((static[name] for name in EPOCHS if str(static.get(name, "")).isdigit()), None)
    most = given.get("MaxResource") or (int(epochs) if epochs else None)
    if not most:
        raise validation("MaxResource of the Hyperband strategy is not given, and no static hyperparameter has it: "
                         + ", ".join(EPOCHS))  # fmt: skip
    least = int(given.get("MinResource") or 1)
    if least > most:
        raise validation(f"MinResource {least} must not be greater than MaxResource {most}")
    return Resources(least, int(most))
