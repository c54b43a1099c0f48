"""Endpoints: the versions that they serve, and their traffic."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from providers.values.base import Digest, Machine, Name, Scoped, Value
from providers.values.jobs import Identity, Network


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
