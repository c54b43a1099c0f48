"""What else must go when a resource is deleted before its replacement is made.

A dependent must be replaced too when, with unknowns in place of what it takes from the condemned resource, its
provider says so (Pulumi's `calculateDependentReplacements`).
"""

from __future__ import annotations

from infra.engine.deployment import Deployment
from infra.engine.errors import StateCorrupt
from infra.engine.providers.provider_client import Provider
from infra.engine.providers.provider_types import DiffUnavailable, Target
from infra.engine.state import graph
from infra.engine.state import urn as urns
from infra.engine.state.resource import Resource
from infra.engine.values import diffs
from infra.engine.values.values import UNKNOWN

Dependent = tuple[Resource, tuple[str, ...]]


def of(deployment: Deployment, root: Resource) -> list[Dependent]:
    """Dependents to be deleted before `root`, in dependency order, each with the properties that say so."""
    condemned = {root.urn}
    found: list[Dependent] = []
    for dependent in graph.dependents(deployment.previous, root, ignore=deployment.marks.processed()):
        keys = _keys(deployment, dependent, condemned)
        if keys is not None:
            condemned.add(dependent.urn)
            found.append((dependent, keys))
    named = [r for r in deployment.olds.values() if root.urn in r.replace_with or r.deleted_with == root.urn]
    known = {id(r) for r, _ in found}
    return found + [(r, ()) for r in named if id(r) not in known and r is not root]


def _keys(deployment: Deployment, resource: Resource, condemned: set[str]) -> tuple[str, ...] | None:
    """Why `resource` must be replaced along with the condemned ones; None when it need not."""
    if not resource.custom or resource.external:
        return None
    if resource.provider and graph.provider_urn(resource) in condemned:
        return ()
    if resource.deleted_with in condemned:
        return ()
    affected = {k for k, needed in resource.property_dependencies.items() if condemned & set(needed)}
    old = resource.inputs or {}
    if not affected & set(old):
        return None
    new = {k: UNKNOWN if k in affected else v for k, v in old.items()}
    if urns.is_provider_type(resource.type):
        diff = deployment.host.diff(resource, new)
    else:
        provider = provider_of(deployment, resource)
        try:
            target = Target(resource.urn, resource.id)
            diff = provider.diff(target, old, resource.outputs or {}, new, resource.ignore_changes)
        except DiffUnavailable:
            return None
        if diff.changes == "unknown":
            diff = diffs.of_inputs(old, new)
    diff = diffs.with_replacements(diff, diffs.ReplaceRules(resource.replace_on_changes))
    return diff.replace_keys if diff.replaces else None


def provider_of(deployment: Deployment, resource: Resource) -> Provider:
    """The provider of a resource in state, as it was configured then. Raises `StateCorrupt`."""
    found = deployment.host.get(resource.provider)
    if found is not None:
        return found
    urn, id = urns.parse_provider_ref(resource.provider)
    for old in deployment.previous:
        if old.urn == urn and old.id == id:
            return deployment.host.ensure(old)
    raise StateCorrupt(f"the state does not hold the provider {resource.provider} that {resource.urn} names")
