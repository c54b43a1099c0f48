"""The parts of a stack, as Pulumi components over the resources of the package `moor`.

`Storage` keeps the data, `Training` makes one model's version, `Hosting` serves it, `Scoring` predicts for a whole
dataset, `Monitoring` tells where to look. Resources carry the names of the settings they come from; Pulumi tells
them apart by type and parent. A version and its run depend on their `Model`, which is therefore destroyed last
and purges what they left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import Input, Output, ResourceOptions

from infra import moor
from infra.moor.base import wire
from infra.placement import Placement
from infra.settings import Batch, Dataset, Endpoint, Model
from infra.settings import Training as TrainingSettings
from providers.values import CodeSpec, Limit

CODE = ("source", "entry_point", "requirements", "image", "contract", "metrics")
"""Settings of a training that say which code runs, and how."""


@dataclass(frozen=True)
class StorageArgs:
    """The data of the stack, by name."""

    placement: Placement
    datasets: Mapping[str, Dataset]


class Storage(pulumi.ComponentResource):
    """The stack's data: `datasets` has a resource for each."""

    datasets: Mapping[str, moor.Dataset]

    def __init__(self, name: str, args: StorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("mooring:infra:Storage", name, None, opts)
        self.datasets = {
            key: moor.Dataset(
                key,
                **_data_inputs(dataset),
                **args.placement.of("dataset"),
                opts=ResourceOptions(parent=self),
            )
            for key, dataset in args.datasets.items()
        }
        self.register_outputs({key: dataset.version for key, dataset in self.datasets.items()})


def _data_inputs(dataset: Dataset) -> dict[str, Any]:
    """What says where data comes from, and what it must be. Queries and APIs are secret as they are."""
    secret = {"sql": dataset.sql, "http": dataset.http}
    return {
        "source": dataset.path or None,
        "url": dataset.url,
        "as_of": dataset.as_of or None,
        "requirements": dataset.requirements or None,
        "format": dataset.format,
        "delimiter": dataset.delimiter,
        "schema": dataset.column_types or None,
        **{key: Output.secret(wire(value)) for key, value in secret.items() if value is not None},
    }


@dataclass(frozen=True)
class TrainingArgs:
    """One model and what it is made from."""

    placement: Placement
    model: Model
    datasets: Mapping[str, moor.Dataset]


class Training(pulumi.ComponentResource):
    """One model: its run (or search), if it is trained here, and its current `version`."""

    model: moor.Model
    version: moor.ModelVersion

    def __init__(self, name: str, args: TrainingArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("mooring:infra:Training", name, None, opts)
        self.model = moor.Model(
            name,
            keep_versions=_if_set(args.model, "keep_versions"),
            on_destroy=_if_set(args.model, "on_destroy"),
            **args.placement.of("model"),
            opts=ResourceOptions(parent=self),
        )
        children = ResourceOptions(parent=self, depends_on=[self.model])
        self.version = moor.ModelVersion(
            name,
            model=name,
            **self._source(name, args, children),
            thresholds=_plain(args.model.thresholds) or None,
            **args.placement.of("modelVersion", args.model.overrides),
            opts=children,
        )
        self.register_outputs({"version": self.version.version, "digest": self.version.digest})

    def _source(self, name: str, args: TrainingArgs, opts: ResourceOptions) -> dict[str, Any]:
        """Where the version's bytes come from."""
        if promoted := args.model.promoted:
            return {"artifact": promoted.uri, "origin": "promoted", "digest": promoted.digest}
        if file := args.model.file:
            given = {"format": file.format, "digest": file.digest, "trust": file.trust or None}
            return {"artifact": file.path, "origin": "file", **given}
        run = self._run(name, args, opts)
        return {"artifact": run.artifact, "origin": "run", "digest": run.digest, "metrics": run.metrics}

    def _run(self, name: str, args: TrainingArgs, opts: ResourceOptions) -> moor.TrainingRun | moor.TuningRun:
        training, tuning = args.model.training, args.model.tuning
        if training is None:
            raise ValueError(f"model '{name}' has no source; settings exclude this")
        inputs = _run_inputs(name, training, args)
        if tuning is None:
            return moor.TrainingRun(name, **inputs, **args.placement.of("trainingRun", training.overrides), opts=opts)
        search = {key: getattr(tuning, key) for key in sorted(tuning.model_fields_set)}
        return moor.TuningRun(name, **inputs, **search, **args.placement.of("tuningRun", training.overrides), opts=opts)


def _plain(thresholds: Mapping[str, float | Limit]) -> dict[str, Any]:
    """Thresholds as resource inputs: numbers, and ranges as mappings."""
    return {
        name: given.model_dump(exclude_none=True) if isinstance(given, Limit) else given
        for name, given in thresholds.items()
    }


def _run_inputs(name: str, training: TrainingSettings, args: TrainingArgs) -> dict[str, Any]:
    """What a training run and a search have in common."""
    data = args.datasets[training.dataset]
    code = {key: getattr(training, key) for key in CODE}
    code = {key: value for key, value in code.items() if value}
    secret = args.placement.secret("models")
    return {
        "model": name,
        "channels": {"train": {"uri": data.uri, "version": data.version}},
        "hyperparameters": secret({**_hyperparameters(training), **_reading(training, args)}),
        "code": CodeSpec(**code) if code else None,
        "environment": secret(training.environment),
        "network": args.placement.network(),
        **{key: _if_set(training, key) for key in ("machine", "instances", "time_limit", "spot")},
    }


def _reading(training: TrainingSettings, args: TrainingArgs) -> dict[str, Any]:
    """What Mooring's own trainer has to know of the dataset beside its bytes."""
    dataset = args.placement.settings.datasets.get(training.dataset)
    if training.source is not None or dataset is None:
        return {}
    told = {"schema": dataset.column_types, "delimiter": dataset.delimiter}
    told["data_format"] = dataset.format if dataset.format in ("csv", "parquet", "jsonl") else None
    return {key: value for key, value in told.items() if value}


def _hyperparameters(training: TrainingSettings) -> dict[str, Any]:
    """What the script gets as `--name value`; an own script gets nothing that its user did not write."""
    if training.source is not None:
        own = {key: _if_set(training, key) for key in ("target", "seed")}
        return {**{key: value for key, value in own.items() if value is not None}, **training.hyperparameters}
    target = {} if training.target is None else {"target": training.target}
    return {**training.parameters, **target, **training.arguments(), "seed": training.seed}


@dataclass(frozen=True)
class HostingArgs:
    """One endpoint and the models it may serve."""

    placement: Placement
    endpoint: Endpoint
    models: Mapping[str, Training]


class Hosting(pulumi.ComponentResource):
    """One `endpoint`, which serves each model's current version, or the one it is pinned to."""

    endpoint: moor.Endpoint

    def __init__(self, name: str, args: HostingArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("mooring:infra:Hosting", name, None, opts)
        settings = args.endpoint
        traffic = settings.traffic()
        self.endpoint = moor.Endpoint(
            name,
            deployments=[self._deployment(model, weight, args) for model, weight in traffic.items()],
            physical_name=settings.name,
            network=args.placement.network(settings.network),
            **{key: _if_set(settings, key) for key in ("mode", "autoscaling", "rollout", "port")},
            **args.placement.of("endpoint", settings.overrides),
            opts=ResourceOptions(parent=self, depends_on=[args.models[model].version for model in traffic]),
        )
        self.register_outputs({"url": self.endpoint.url})

    def _deployment(self, model: str, weight: int, args: HostingArgs) -> dict[str, Any]:
        settings = args.endpoint
        digest: Input[str] = settings.pin.get(model) or args.models[model].version.digest
        given = {key: _if_set(settings, key) for key in ("machine", "replicas")}
        environment = args.placement.secret("endpoints")(settings.environment)
        return {
            "name": model, "model": model, "digest": digest, "weight": weight, "environment": environment, **given
        }  # fmt: skip


@dataclass(frozen=True)
class ScoringArgs:
    """One batch prediction: which model, which data."""

    placement: Placement
    batch: Batch
    models: Mapping[str, Training]
    datasets: Mapping[str, moor.Dataset]


class Scoring(pulumi.ComponentResource):
    """Predictions for a whole dataset: one `batch`."""

    batch: moor.BatchPrediction

    def __init__(self, name: str, args: ScoringArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("mooring:infra:Scoring", name, None, opts)
        data, version = args.datasets[args.batch.dataset], args.models[args.batch.model].version
        self.batch = moor.BatchPrediction(
            name,
            model=args.batch.model,
            digest=version.digest,
            input={"uri": data.uri, "version": data.version},
            network=args.placement.network(),
            **{key: _if_set(args.batch, key) for key in ("machine", "time_limit")},
            **args.placement.of("batchPrediction", args.batch.overrides),
            opts=ResourceOptions(parent=self, depends_on=[version]),
        )
        self.register_outputs({"output": self.batch.output})


@dataclass(frozen=True)
class MonitoringArgs:
    """What is to be watched, on which cloud."""

    placement: Placement
    endpoints: Mapping[str, Hosting]


class Monitoring(pulumi.ComponentResource):
    """Where to look: `metrics` has each endpoint's address in Prometheus' text format. A cloud's alarms are here."""

    metrics: Mapping[str, Output[str]]

    def __init__(self, name: str, args: MonitoringArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("mooring:infra:Monitoring", name, None, opts)
        self.metrics = {key: Output.concat(hosting.endpoint.url, "/metrics") for key, hosting in args.endpoints.items()}
        if foundation := args.placement.foundation:
            for key, hosting in args.endpoints.items():
                foundation.watch(key, hosting.endpoint.endpoint, self)
        self.register_outputs(dict(self.metrics))


def _if_set(settings: Any, field: str) -> Any:
    """The value that the user wrote, None for a default: defaults are the provider's, and may change there."""
    return getattr(settings, field) if field in settings.model_fields_set else None
