"""What a stack asks of its cloud's foundation, and what it gets: the bucket, identities and network of its resources.

A cloud that has one is a module `providers.<cloud>.foundation` with `provision(wanted) -> Foundation`, which registers
resources of the vendor's own Pulumi package. This module imports nothing of Pulumi: a preview of `local` stays quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pulumi


@dataclass(frozen=True)
class WatchedEndpoint:
    """An endpoint that alarms and logs are made for. `urn` is its resource's, `fixed_name` the cloud's own name if the
    user chose one."""

    name: str
    deployments: tuple[str, ...]
    urn: str = ""
    fixed_name: str = ""
    mode: Literal["real-time", "serverless", "async"] = "real-time"
    max_error_percent: float = 5.0
    max_latency_ms: float | None = None


@dataclass(frozen=True)
class WantedBudget:
    """What a month may cost. `monthly` is an amount as decimal text."""

    monthly: str
    currency: str
    notify: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """One stack, as far as its foundation depends on it.

    `account` is empty when the stack pins none. `private`: jobs and endpoints run in a network of their own, which the
    stack does not bring. `images` are addresses of container images that the stack names. `audit`: a record of who
    touched the stack's data is kept. `keeps`: what is stored is to outlive the stack (a model with `onDestroy: keep`).
    """

    project: str
    stack: str
    region: str
    account: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    tags_are_secret: bool = False
    private: bool = False
    budget: WantedBudget | None = None
    endpoints: tuple[WatchedEndpoint, ...] = ()
    images: tuple[str, ...] = ()
    audit: bool = False
    keeps: bool = False


@dataclass(frozen=True)
class PrivateNetwork:
    """Where private jobs and endpoints run."""

    subnets: pulumi.Output[list[str]]
    security_groups: pulumi.Output[list[str]]


@dataclass(frozen=True)
class Foundation:
    """What the stack's `moor` resources are given.

    `training` and `serving` are principals (`providers.values.Identity`). Everything in `ready` has to be there before
    anything uses them. `watch(name, physical_name, parent)` makes an endpoint's alarms once it exists.
    """

    container: pulumi.Output[str]
    training: pulumi.Output[str]
    serving: pulumi.Output[str]
    ready: Sequence[pulumi.Resource]
    watch: Callable[[str, pulumi.Input[str], pulumi.Resource], None]
    network: PrivateNetwork | None = None
    outputs: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
