"""Training and tuning runs: what a job is handed, and what comes of it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from providers.values.base import ContractName, Digest, Machine, Name, Scoped, Value


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
