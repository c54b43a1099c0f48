"""`moor:index:TrainingRun` and `moor:index:TuningRun` for the program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi import Input, Output

from infra.moor.base import MoorResource, inputs_of


class TrainingRun(MoorResource):
    """One run that trains one model. Any change but of tags is a new run; the old one is retired."""

    cloud: Output[str]
    region: Output[str]
    name: Output[str]
    model: Output[str]
    run: Output[str]
    status: Output[str]
    artifact: Output[str]
    digest: Output[str]
    metrics: Output[Mapping[str, Any]]
    started: Output[str]
    ended: Output[str]
    usage: Output[Mapping[str, Any]]

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        cloud: Input[str],
        model: Input[str],
        channels: Input[Mapping[str, Any]],
        name: Input[str] | None = None,
        region: Input[str] | None = None,
        hyperparameters: Input[Mapping[str, Any]] | None = None,
        code: Any = None,
        machine: Any = None,
        instances: Input[int] | None = None,
        environment: Input[Mapping[str, Any]] | None = None,
        time_limit: Input[int] | None = None,
        spot: Input[bool] | None = None,
        identity: Any = None,
        network: Any = None,
        container: Input[str] | None = None,
        tags: Input[Mapping[str, Any]] | None = None,
        overrides: Input[Mapping[str, Any]] | None = None,
    ) -> None:
        """
        :param model: name of the `Model` this run is for.
        :param channels: inputs by name, each a `Channel` (`uri`, `version`); `train` is the usual one.
        :param hyperparameters: handed to the script as `--name value`.
        :param code: a `CodeSpec`; the kit's own training package by default.
        :param machine: a `Machine`, or the vendor's own instance name.
        :param time_limit: seconds after which the run is stopped and fails.
        :param name: name in the stack; the resource's name by default.
        """
        super().__init__("TrainingRun", resource_name, inputs_of(locals()), opts)


class TuningRun(MoorResource):
    """Several runs over a space of hyperparameters; `artifact`, `digest`, `metrics` are the best trial's."""

    cloud: Output[str]
    region: Output[str]
    name: Output[str]
    model: Output[str]
    run: Output[str]
    status: Output[str]
    artifact: Output[str]
    digest: Output[str]
    metrics: Output[Mapping[str, Any]]
    started: Output[str]
    ended: Output[str]
    usage: Output[Mapping[str, Any]]
    best_parameters: Output[Mapping[str, Any]] = pulumi.property("bestParameters")
    best_value: Output[float] = pulumi.property("bestValue")
    completed_trials: Output[int] = pulumi.property("completedTrials")

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        cloud: Input[str],
        model: Input[str],
        channels: Input[Mapping[str, Any]],
        space: Input[Mapping[str, Any]],
        objective: Any,
        name: Input[str] | None = None,
        region: Input[str] | None = None,
        strategy: Input[str] | None = None,
        trials: Input[int] | None = None,
        parallel_trials: Input[int] | None = None,
        seed: Input[int] | None = None,
        hyperparameters: Input[Mapping[str, Any]] | None = None,
        code: Any = None,
        machine: Any = None,
        instances: Input[int] | None = None,
        environment: Input[Mapping[str, Any]] | None = None,
        time_limit: Input[int] | None = None,
        spot: Input[bool] | None = None,
        identity: Any = None,
        network: Any = None,
        container: Input[str] | None = None,
        tags: Input[Mapping[str, Any]] | None = None,
        overrides: Input[Mapping[str, Any]] | None = None,
    ) -> None:
        """
        :param space: a `ParameterRange` for each hyperparameter to search.
        :param objective: an `Objective`: the metric and its direction.
        :param strategy: `random`, `grid`, `bayesian` (default) or `hyperband`.
        :param trials: number of runs; `parallel_trials` of them at a time.

        The rest is as for `TrainingRun`.
        """
        super().__init__("TuningRun", resource_name, inputs_of(locals()), opts)
