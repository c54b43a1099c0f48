"""The settings' types. Keys are camelCase in YAML and snake_case here; values of the contract are reused.

What one entry may hold is said here; what must hold between entries (an endpoint's model exists, traffic
sums to 100) is in `infra.settings.rules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, PrivateAttr, Tag, model_validator

from infra.settings.trainer import TrainerOptions
from providers.values import (
    Autoscaling,
    CloudName,
    ColumnType,
    ContractName,
    DataFormat,
    Digest,
    HttpSource,
    Limit,
    Machine,
    Name,
    Network,
    Objective,
    ParameterRange,
    Rollout,
    SqlSource,
    Value,
)

ModelFormat = Literal["mooring", "onnx", "skops", "joblib", "pickle", "xgboost", "lightgbm", "keras", "mlflow", "tar"]
VendorSettings = dict[str, dict[str, Any]]
"""Vendor settings by cloud: `{aws: {…}, azure: {…}}`; those of the stack's own cloud are passed through."""


BESIDE_FILE = ("trust", "format", "digest")
"""Keys of `file` that may stand beside it when it is in its short form, a path."""


def _machine_form(value: object) -> str:
    return "by-name" if isinstance(value, str) else "by-size"


MachineChoice = Annotated[
    Annotated[Machine, Tag("by-size")] | Annotated[str, Tag("by-name")], Discriminator(_machine_form)
]
"""A machine by what it has, or by the vendor's own name."""


def _threshold_form(value: object) -> str:
    return "by-range" if isinstance(value, Mapping | Limit) else "by-value"


Threshold = Annotated[
    Annotated[Limit, Tag("by-range")] | Annotated[float, Tag("by-value")], Discriminator(_threshold_form)
]
"""A metric's limit: its lowest or highest value by the metric's own direction, or a range."""


class Dataset(Value):
    """Data that is kept in the stack's store, from exactly one of `path`, `url`, `sql`, `http`. Short form: the path
    alone."""

    path: str = Field(default="", description="File or folder, relative to the project's root.")
    url: str | None = Field(default=None, description="Address in the stack's own store, which is used as it is.")
    sql: SqlSource | None = Field(default=None, description="`{url, query}`: the rows of a query. May be secret.")
    http: HttpSource | None = Field(
        default=None, description="`{url, headers, items, paging}`: the rows of an HTTP API. May be secret."
    )
    as_of: str = Field(default="", description="Any label; a new one takes a new snapshot of `sql` or `http`.")
    requirements: list[str] = Field(default_factory=list, description="Pinned packages of database drivers (PEP 508).")
    format: DataFormat | None = Field(
        default=None, description="Told by the ending when absent; `file` and `folder` are not looked into."
    )
    delimiter: str | None = Field(default=None, description="Of CSV files; told from the lines when absent.")
    column_types: dict[str, ColumnType] = Field(
        default_factory=dict,
        alias="schema",
        description="Types of columns, checked in every row: `{age: number, joined: date}`; those left out are told.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, data: object) -> object:
        return {"path": data} if isinstance(data, str) else data


class Training(TrainerOptions):
    """A run that makes the model: Mooring's own trainer, or a script of the user (`source`, `entryPoint`)."""

    source: str | None = Field(default=None, description="Folder of an own training script.")
    entry_point: str | None = Field(default=None, description="Script inside `source`.")
    requirements: list[str] = Field(default_factory=list, description="Further pinned packages (PEP 508).")
    image: str | None = Field(default=None, description="Image of the job; the cloud's scikit-learn one by default.")
    hyperparameters: dict[str, Any] = Field(
        default_factory=dict, description="Handed to an own script as `--name value`."
    )
    contract: ContractName | None = Field(
        default=None, description="Platform that an own script is written for; that of the stack's cloud by default."
    )
    metrics: dict[str, str] = Field(
        default_factory=dict,
        description="Metrics in the log of an own script: name to a regular expression whose group is the value.",
    )
    machine: MachineChoice | None = Field(
        default=None, description="What it runs on: `{vcpus, memoryGib, gpus, gpu}`, or the vendor's own name."
    )
    instances: int = Field(default=1, ge=1, description="Number of machines.")
    time_limit: int = Field(default=3600, ge=1, description="Seconds after which the run is stopped and fails.")
    spot: bool = Field(default=False, description="Interruptible, cheaper machines.")
    environment: dict[str, str] = Field(default_factory=dict, description="Environment of the job; may be secret.")
    overrides: VendorSettings = Field(default_factory=dict, description="Vendor settings by cloud, passed through.")


class Tuning(Value):
    """A search over hyperparameters; the best trial becomes the model."""

    space: dict[str, ParameterRange] = Field(
        min_length=1,
        description="Range of each hyperparameter: `{type: int, low, high, log}`, `{type: float, …}` or "
        "`{type: categorical, choices}`.",
    )
    objective: Objective = Field(description="`{metric, direction}`, which is `maximize` (default) or `minimize`.")
    strategy: Literal["random", "grid", "bayesian", "hyperband"] = Field(
        default="bayesian", description="How the next trial is chosen."
    )
    trials: int = Field(default=10, ge=1, description="Number of runs.")
    parallel_trials: int = Field(default=1, ge=1, description="Runs at a time.")
    seed: int | None = Field(default=None, ge=0, description="Seed of the search.")


class FileSource(Value):
    """A model that exists: a file or a folder of the project."""

    path: str = Field(min_length=1, description="File or folder, relative to the project's root.")
    format: ModelFormat | None = Field(default=None, description="Told by the ending when absent.")
    trust: bool = Field(default=False, description="Whether code in it (pickle, joblib) may be executed.")
    digest: Digest | None = Field(default=None, description="Digest that the bytes must have.")


class Promoted(Value):
    """Another stack's version, by its bytes; written by `mooring promote`."""

    stack: str = Field(min_length=1, description="The stack it was promoted from.")
    model: Name = Field(description="The model's name in that stack.")
    digest: Digest
    uri: str = Field(min_length=1, description="Address of the artifact in that stack's store.")


class Model(Value):
    """A model, from exactly one source: `training`, `file` or `promoted`."""

    training: Training | None = Field(default=None, description="A run that makes it.")
    file: FileSource | None = Field(default=None, description="A file or folder that exists; short form: its path.")
    promoted: Promoted | None = Field(default=None, description="Another stack's version.")
    tuning: Tuning | None = Field(default=None, description="A search, with `training` beside it.")
    thresholds: dict[str, Threshold] = Field(
        default_factory=dict,
        description="Metric values that a model must reach to be registered: lowest ones, and highest ones of metrics "
        "that are better when low (`rmse`, `log_loss`); or `{min, max}`.",
    )
    keep_versions: int = Field(default=5, ge=1, description="Retired versions to keep, besides those in use.")
    on_destroy: Literal["delete", "keep"] = Field(
        default="delete", description="What becomes of the versions when the model is destroyed."
    )
    overrides: VendorSettings = Field(default_factory=dict, description="Vendor settings by cloud, passed through.")

    @model_validator(mode="before")
    @classmethod
    def _short_file(cls, data: object) -> object:
        """`file: path` with `trust`, `format`, `digest` beside it is `file: {path, trust, …}`."""
        if not isinstance(data, Mapping) or not isinstance(data.get("file"), str):
            return data
        beside = {key: data[key] for key in BESIDE_FILE if key in data}
        rest = {key: value for key, value in data.items() if key not in beside}
        return {**rest, "file": {"path": data["file"], **beside}}


class Endpoint(Value):
    """One stable address. It names one model, or several with their shares of the traffic in percent."""

    model: Name | None = Field(default=None, description="The model it serves.")
    models: dict[Name, Annotated[int, Field(ge=0, le=100)]] = Field(
        default_factory=dict, description="Instead of `model`: several, with their shares in percent."
    )
    pin: dict[Name, Digest] = Field(
        default_factory=dict, description="Versions held by digest; written by `mooring rollback`."
    )
    machine: MachineChoice | None = Field(
        default=None, description="What a server runs on: `{vcpus, memoryGib, gpus, gpu}`, or the vendor's own name."
    )
    replicas: int = Field(default=1, ge=0, description="Servers of each model.")
    mode: Literal["real-time", "serverless", "async"] = Field(default="real-time", description="How it is asked.")
    autoscaling: Autoscaling | None = Field(
        default=None, description="`{minReplicas, maxReplicas, targetRequestsPerReplica}`."
    )
    rollout: Rollout | None = Field(
        default=None,
        description="How an update shifts traffic, and when it is rolled back: `strategy`, `stepPercent`, "
        "`stepSeconds`, `bakeSeconds`, `maxErrorPercent`, `maxLatencyMs`, `readySeconds`.",
    )
    network: Network | None = Field(default=None, description="Who may reach it; the stack's `network` by default.")
    port: int | None = Field(default=None, ge=1, le=65535, description="Fixed port, on `local` only.")
    name: str | None = Field(default=None, min_length=1, description="The cloud's own name, fixed.")
    environment: dict[str, str] = Field(default_factory=dict, description="Environment of the server; may be secret.")
    overrides: VendorSettings = Field(default_factory=dict, description="Vendor settings by cloud, passed through.")

    def traffic(self) -> dict[str, int]:
        """Share of each model in percent, by name: the order of a mapping must not look like a change."""
        return {self.model: 100} if self.model else dict(sorted(self.models.items()))


class Batch(Value):
    """Predictions of one model for a whole dataset."""

    model: Name = Field(description="A name under `models`.")
    dataset: Name = Field(description="A name under `datasets`.")
    machine: MachineChoice | None = Field(default=None, description="What it runs on.")
    time_limit: int = Field(default=3600, ge=1, description="Seconds after which it is stopped and fails.")
    overrides: VendorSettings = Field(default_factory=dict, description="Vendor settings by cloud, passed through.")


class Budget(Value):
    """What the stack may cost a month, and who hears of it."""

    monthly: float = Field(gt=0, description="Amount a month.")
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$", description="ISO 4217 code.")
    notify: list[str] = Field(default_factory=list, description="E-mail addresses.")


class Settings(Value):
    """All of one stack's settings. The descriptions are those of `Pulumi.yaml`'s configuration schema."""

    cloud: CloudName = Field(
        min_length=1, description="Where the stack lives: local, aws, azure, gcp, or a third party's cloud."
    )
    region: str = Field(default="", description="The vendor's own region name; empty on local.")
    account: str = Field(
        default="", description="Account, subscription or project that the stack may be deployed to, and no other."
    )
    network: Network | None = Field(default=None, description="Who may reach jobs and endpoints, and through what.")
    budget: Budget | None = Field(default=None, description="Monthly budget: monthly, currency, notify.")
    audit: bool = Field(default=False, description="Whether a record is kept of who reads and writes the stack's data.")
    tags: dict[str, str] = Field(default_factory=dict, description="Tags on every resource.")
    overrides: dict[str, dict[str, dict[str, Any]]] = Field(
        default_factory=dict,
        description="Vendor settings for all resources of a kind, by cloud and kind: aws.endpoint, gcp.trainingRun.",
    )
    datasets: dict[Name, Dataset] = Field(
        default_factory=dict, description="Data, by name: path, url, sql or http; schema."
    )
    models: dict[Name, Model] = Field(
        default_factory=dict, description="Models, by name, each from training, file or promoted."
    )
    endpoints: dict[Name, Endpoint] = Field(
        default_factory=dict, description="Endpoints, by name: the models they serve and how."
    )
    batches: dict[Name, Batch] = Field(
        default_factory=dict, description="Batch predictions, by name: model and dataset."
    )
    _secret: frozenset[str] = PrivateAttr(default=frozenset())

    def is_secret(self, key: str) -> bool:
        """Whether anything under the top-level `key` came from a `secure:` value. Pulumi tells no more."""
        return key in self._secret

    def with_secrets(self, keys: frozenset[str]) -> Settings:
        """The same settings, knowing which top-level keys hold secrets."""
        copy = self.model_copy()
        copy._secret = keys
        return copy
