"""What the tests of state share: resources, a stack of them, and what a store holds."""

from __future__ import annotations

from typing import Any

from infra.engine.state.checkpoint import Snapshot
from infra.engine.state.resource import Resource
from infra.engine.state.store import StateStore

STACK = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"


def thing(name: str, **fields: Any) -> Resource:
    """A custom resource of the stack."""
    urn = f"urn:pulumi:dev::shop::pkg:index:Thing::{name}"
    return Resource(**{"urn": urn, "type": "pkg:index:Thing", "custom": True, "id": name, "parent": STACK} | fields)


def stack_of(*resources: Resource) -> Snapshot:
    """A state with the root and these."""
    return Snapshot(resources=[Resource(STACK, "pulumi:pulumi:Stack"), *resources])


def names(store: StateStore) -> list[str]:
    """The names of what the state on disk holds, besides the root."""
    return [r.urn.rsplit("::", 1)[-1] for r in StateStore(store.layout.backend, "shop", "dev").load(None).resources[1:]]
