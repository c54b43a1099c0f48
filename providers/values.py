"""The neutral values of the contract: what a user can ask of any cloud, and what a cloud answers.

Every `…Spec` is the input of one resource kind, every `…State` its outputs. Python names are snake_case;
on the Pulumi wire and in stack files the same names are camelCase (`time_limit` is `timeLimit`).
Nothing here belongs to one cloud; vendor settings go through `overrides` untouched.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

CloudName = str
"""`local`, `aws`, `azure`, `gcp`, or the name of a third party's adapter (entry point `mooring.clouds`)."""

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
"""SHA-256 of content: of one file's bytes, or of a folder as `providers.hashing.tree_digest` defines it."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
"""A name that fits every cloud before its own shortening: lower-case letters, digits and hyphens."""


ContractName = Literal["local", "sagemaker", "azureml", "vertex"]
"""A platform's way to hand a job to a script (docs/training-contract.md)."""


class Value(BaseModel):
    """Base of all values: immutable, no unknown fields, camelCase on the wire."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        protected_namespaces=(),
        defer_build=True,
    )

    def to_wire(self) -> dict[str, Any]:
        """The camelCase mapping that goes to Pulumi; fields that are None are left out."""
        return self.model_dump(by_alias=True, exclude_none=True, mode="json")


class Machine(Value):
    """A machine by what it has. The adapter picks the smallest instance of its cloud that has it all."""

    vcpus: float = Field(default=1, gt=0, description="Virtual CPUs.")
    memory_gib: float = Field(default=2, gt=0, description="Memory in GiB.")
    gpus: int = Field(default=0, ge=0, description="Number of GPUs.")
    gpu: str | None = Field(default=None, description="GPU model, such as 'T4'.")


class Scoped(Value):
    """What every resource of the `moor` package carries: where it lives."""

    cloud: CloudName = Field(description="The cloud; a change replaces.")
    region: str = Field(default="", description="The vendor's own region name; empty on `local`. A change replaces.")
    name: Name = Field(description="Name in the stack; the adapter derives the cloud's own name from it.")
    tags: dict[str, str] = Field(default_factory=dict, description="Tags the user wants on the resource.")
    overrides: dict[str, Any] = Field(
        default_factory=dict, description="Vendor settings passed through untouched to the create call of this cloud."
    )


ColumnType = Literal["number", "integer", "boolean", "string", "text", "date"]
"""What a dataset's column may be declared as."""

DataFormat = Literal["csv", "parquet", "jsonl", "folder", "file"]
"""Formats of data; `folder` and `file` are taken as they are, and not looked into."""


class SqlSource(Value):
    """A query whose rows become the data."""

    url: str = Field(min_length=1, description="SQLAlchemy URL of the database; may be secret.")
    query: str = Field(min_length=1, description="One statement that gives rows.")


class Paging(Value):
    """How an HTTP API hands out what it has in pages."""

    by: Literal["link", "next", "cursor", "page", "offset"] = Field(
        description="`link`: the next page is in the header Link; `next`: its address is in the body; `cursor`: a "
        "cursor in the body goes into the query; `page` and `offset`: pages or rows are counted in the query."
    )
    field: str = Field(default="", description="Where the next address or cursor is in the body, such as `meta.next`.")
    parameter: str = Field(default="", description="Query parameter; `cursor`, `page` or `offset` by default.")
    size: int | None = Field(default=None, ge=1, description="Rows of a page, sent as `sizeParameter`.")
    size_parameter: str = Field(default="limit", description="Query parameter for `size`.")
    first: int | None = Field(default=None, ge=0, description="First number: 1 for pages, 0 for offsets by default.")
    max_pages: int = Field(default=10_000, ge=1, description="More pages than this are an error.")


class HttpSource(Value):
    """An HTTP API whose JSON objects become the rows, or a file at an address."""

    url: str = Field(min_length=1, description="Address of the first page, or of a CSV, Parquet or JSON Lines file.")
    headers: dict[str, str] = Field(default_factory=dict, description="Headers to send; may be secret.")
    items: str = Field(default="", description="Where the rows are in the body, such as `data.items`.")
    paging: Paging | None = Field(default=None, description="How to get to the further pages.")


class DatasetSpec(Scoped):
    """Data to be kept in the stack's store, one version for each content. It comes from exactly one of `source`, `url`,
    `sql` and `http`."""

    source: str = Field(default="", description="Path of a file or folder, relative to the project's root.")
    url: str | None = Field(default=None, description="Address in the stack's own store, which is used as it is.")
    sql: SqlSource | None = Field(default=None, description="A query; its rows are kept when the spec changes.")
    http: HttpSource | None = Field(default=None, description="An HTTP API; its rows are kept when the spec changes.")
    as_of: str = Field(default="", description="Any label; a new one takes a new snapshot of `sql` or `http`.")
    requirements: list[str] = Field(default_factory=list, description="Pinned packages of database drivers.")
    format: DataFormat | None = Field(default=None, description="Format of the files; told by the ending when absent.")
    delimiter: str | None = Field(default=None, description="Delimiter of CSV files; told from the lines when absent.")
    column_types: dict[str, ColumnType] = Field(
        default_factory=dict, alias="schema", description="Declared types of columns; the others are told."
    )
    container: str = Field(default="", description="Bucket or storage container of the stack; empty on `local`.")
    source_hash: str | None = Field(default=None, description="Content hash; Check computes it.")


class DatasetState(Value):
    """Where the data is."""

    uri: str = Field(description="Address of the current version, readable by a job of this cloud.")
    version: Digest
    bytes: int = Field(ge=0)
    files: int = Field(ge=0)
    versions: list[Digest] = Field(default_factory=list, description="All versions kept, oldest first.")
    rows: int | None = Field(default=None, description="Rows of a table.")
    columns: int | None = Field(default=None, description="Columns of a table.")


class Channel(Value):
    """One input of a job: a name and the address of the data."""

    uri: str
    version: Digest | None = None


class Network(Value):
    """Who may reach it."""

    access: Literal["public", "private"] = "public"
    subnets: list[str] = Field(default_factory=list)
    security_groups: list[str] = Field(default_factory=list)


class Identity(Value):
    """The cloud identity that a job or a server runs as (role ARN, managed identity id, service account)."""

    principal: str = ""


class CodeSpec(Value):
    """The code a job runs. Empty: the kit's own training package."""

    source: str | None = Field(default=None, description="Folder, relative to the project's root, copied to the job.")
    entry_point: str | None = Field(default=None, description="Script inside `source`.")
    requirements: list[str] = Field(default_factory=list, description="Further pinned packages (PEP 508).")
    image: str | None = Field(
        default=None, description="Image by name or address; the cloud's scikit-learn one by default."
    )
    contract: ContractName | None = Field(
        default=None, description="Platform that the script expects; that of the cloud it runs on when absent."
    )
    metrics: dict[str, str] | None = Field(
        default=None, description="Metrics in the script's log: name to regular expression, whose group is the value."
    )
    source_hash: str | None = Field(default=None, description="Hash of the code and its image; Check computes it.")


class TrainingSpec(Scoped):
    """One run that trains one model. Any change is a new run; the old one is retired, not destroyed."""

    model: Name = Field(description="The model this run is for; the `Model` resource owns the run's record.")
    channels: dict[str, Channel] = Field(description="Inputs by channel name; `train` is the usual one.")
    hyperparameters: dict[str, Any] = Field(default_factory=dict, description="Handed to the script as `--name value`.")
    code: CodeSpec = Field(default_factory=CodeSpec)
    machine: Machine | str | None = Field(default=None, description="What it runs on, or the vendor's own name.")
    instances: int = Field(default=1, ge=1)
    environment: dict[str, str] = Field(default_factory=dict)
    time_limit: int = Field(default=3600, ge=1, description="Seconds after which the run is stopped and fails.")
    spot: bool = False
    identity: Identity = Field(default_factory=Identity)
    network: Network = Field(default_factory=Network)
    container: str = ""


JobStatus = Literal["pending", "running", "succeeded", "failed", "stopping", "stopped"]


class TrainingState(Value):
    """How a run ended."""

    run: str = Field(description="The run's id.")
    status: JobStatus
    artifact: str = Field(default="", description="Address of the artifact folder it wrote.")
    digest: Digest | None = None
    metrics: dict[str, float] = Field(default_factory=dict)
    started: str = Field(default="", description="RFC 3339 time.")
    ended: str = ""
    usage: dict[str, float] = Field(default_factory=dict, description="cpu_seconds, max_rss_bytes, wall_seconds.")


class ParameterRange(Value):
    """The values that one hyperparameter may take."""

    type: Literal["int", "float", "categorical"]
    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: list[str | float | int | bool] | None = None


class Objective(Value):
    """What tuning optimises."""

    metric: str
    direction: Literal["maximize", "minimize"] = "maximize"


class TuningSpec(TrainingSpec):
    """Several runs over a space of hyperparameters; the best one's artifact is the result."""

    space: dict[str, ParameterRange]
    objective: Objective
    strategy: Literal["random", "grid", "bayesian", "hyperband"] = "bayesian"
    trials: int = Field(default=10, ge=1)
    parallel_trials: int = Field(default=1, ge=1)
    seed: int | None = None


class TuningState(TrainingState):
    """How tuning ended; `artifact`, `digest`, `metrics` are the best trial's."""

    best_parameters: dict[str, Any] = Field(default_factory=dict)
    best_value: float | None = None
    completed_trials: int = 0


class ModelSpec(Scoped):
    """A model: the owner of versions and run records."""

    keep_versions: int = Field(default=5, ge=1, description="Retired versions to keep, besides those in use.")
    on_destroy: Literal["delete", "keep"] = "delete"
    container: str = ""


class ModelState(Value):
    """The registry's group."""

    group: str = Field(description="The cloud's own name of the group.")


class Limit(Value):
    """The range that a metric must be in."""

    min: float | None = Field(default=None, description="Lowest value allowed.")
    max: float | None = Field(default=None, description="Highest value allowed.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.min is None and self.max is None:
            raise PydanticCustomError("limit", "needs 'min', 'max' or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise PydanticCustomError("limit", f"'min' ({self.min:g}) is above 'max' ({self.max:g})")
        return self


class ModelVersionSpec(Scoped):
    """One immutable artifact in the registry. Any change of the bytes is a new version."""

    model: Name
    artifact: str = Field(description="Address of the artifact: of a run, of another stack's version, or a local path.")
    origin: Literal["run", "file", "promoted"] = "run"
    digest: Digest | None = Field(default=None, description="Digest the bytes must have; Check computes it for a file.")
    format: (
        Literal["mooring", "onnx", "skops", "joblib", "pickle", "xgboost", "lightgbm", "keras", "mlflow", "tar"] | None
    ) = None
    trust: bool = Field(default=False, description="Whether code in the artifact (pickle, joblib) may be executed.")
    thresholds: dict[str, float | Limit] = Field(
        default_factory=dict,
        description="Metric values that a model must reach to be registered: lowest ones, and highest ones of metrics "
        "that are better when low (`rmse`, `log_loss`); or `{min, max}`.",
    )
    metrics: dict[str, float] = Field(default_factory=dict)
    container: str = ""


class ModelVersionState(Value):
    """A registered version."""

    version: int = Field(ge=1, description="Number in the model's group, counted from 1.")
    digest: Digest
    uri: str = Field(description="Address of the artifact folder in this stack's store.")
    metrics: dict[str, float] = Field(default_factory=dict)
    signature: dict[str, Any] = Field(default_factory=dict, description="Columns, types, classes.")
    created: str = ""


class Deployment(Value):
    """One model version behind an endpoint."""

    name: Name
    model: Name
    digest: Digest = Field(description="The version, by its bytes.")
    weight: int = Field(default=100, ge=0, le=100, description="Share of the traffic in percent; all sum to 100.")
    machine: Machine | str | None = None
    replicas: int = Field(default=1, ge=0)
    environment: dict[str, str] = Field(default_factory=dict)


class Autoscaling(Value):
    """Replicas that follow the load; the counts it sets are not compared by Diff."""

    min_replicas: int = Field(default=1, ge=0)
    max_replicas: int = Field(default=1, ge=1)
    target_requests_per_replica: float | None = Field(default=None, gt=0, description="Requests/s.")


class Rollout(Value):
    """How an update shifts traffic from the old deployments to the new ones, and when it gives up."""

    strategy: Literal["all-at-once", "canary", "linear"] = "all-at-once"
    step_percent: int = Field(default=10, ge=1, le=100, description="Canary size, or the linear step.")
    step_seconds: float = Field(default=5, ge=0, description="Time each step is watched.")
    bake_seconds: float = Field(default=0, ge=0, description="Time all traffic is watched before the old one ends.")
    max_error_percent: float = Field(default=5, ge=0, le=100, description="Share of 5xx that rolls back.")
    max_latency_ms: float | None = Field(default=None, gt=0, description="p99 that rolls back.")
    ready_seconds: float = Field(default=60, gt=0, description="Time a new deployment has to become ready.")


class EndpointSpec(Scoped):
    """One stable address that answers predictions. All but cloud, region and name changes in place."""

    deployments: list[Deployment] = Field(min_length=1)
    mode: Literal["real-time", "serverless", "async"] = "real-time"
    autoscaling: Autoscaling | None = None
    rollout: Rollout = Field(default_factory=Rollout)
    network: Network = Field(default_factory=Network)
    identity: Identity = Field(default_factory=Identity)
    port: int | None = Field(default=None, ge=1, le=65535, description="Fixed port on `local`; a free one by default.")
    physical_name: str | None = Field(default=None, description="Name the user fixed; it deletes before replacing.")
    container: str = ""


class DeploymentState(Value):
    """One model version as it serves now."""

    name: str
    model: str
    version: int
    digest: Digest
    weight: int
    replicas: int = 1


EndpointStatus = Literal["creating", "healthy", "updating", "degraded", "rolling-back", "failed", "deleting"]


class EndpointState(Value):
    """An endpoint as it is now."""

    endpoint: str = Field(description="The cloud's own name.")
    url: str = Field(description="Base address.")
    predict_url: str = Field(description='Address that takes `{"instances": […]}`.')
    status: EndpointStatus
    deployments: list[DeploymentState] = Field(default_factory=list)
    reason: str = ""


class BatchSpec(Scoped):
    """Predictions for a whole dataset, written to the store. Any change is a new batch."""

    model: Name
    digest: Digest
    input: Channel
    machine: Machine | str | None = None
    instances: int = Field(default=1, ge=1)
    time_limit: int = Field(default=3600, ge=1)
    identity: Identity = Field(default_factory=Identity)
    network: Network = Field(default_factory=Network)
    container: str = ""


class BatchState(Value):
    """How a batch ended."""

    run: str
    status: JobStatus
    output: str = Field(default="", description="Address of the predictions, CSV with the input's row order.")
    rows: int = 0
    failed_rows: int = 0
