"""Who depends on whom in a state (Pulumi's `pkg/resource/graph`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from infra.engine.state import urn as urns
from infra.engine.state.resource import Resource


def provider_urn(resource: Resource) -> str:
    """The URN of a resource's provider, empty for none."""
    return urns.parse_provider_ref(resource.provider)[0] if resource.provider else ""


def needs(resource: Resource) -> set[str]:
    """URNs of all that must exist before this resource: provider, parent, dependencies of every kind."""
    found = {urn for _, urn in resource.referenced()}
    if resource.provider:
        found.add(provider_urn(resource))
    return found


def dependents(
    resources: Sequence[Resource], root: Resource, *, ignore: Collection[str] = (), children: bool = False
) -> list[Resource]:
    """All that depends on `root`, directly or not, in dependency order; children only where asked for."""
    try:
        start = next(i for i, r in enumerate(resources) if r is root) + 1
    except StopIteration:
        return []
    reached = {root.urn}
    found: list[Resource] = []
    for candidate in resources[start:]:
        if candidate.urn in ignore or not _depends(candidate, reached, children):
            continue
        reached.add(candidate.urn)
        found.append(candidate)
    return found


def _depends(candidate: Resource, on: set[str], children: bool) -> bool:
    if candidate.provider and provider_urn(candidate) in on:
        return True
    return any(urn in on for kind, urn in candidate.referenced() if children or kind != "parent")


def ordered(resources: Iterable[Resource]) -> list[Resource]:
    """The same resources with all that one names before it; an order that is right already is kept."""
    given = list(resources)
    at: dict[str, list[Resource]] = {}
    for resource in given:
        at.setdefault(resource.urn, []).append(resource)
    done: set[int] = set()
    result: list[Resource] = []

    def visit(resource: Resource, trail: frozenset[int]) -> None:
        if id(resource) in done or id(resource) in trail:
            return
        for urn in _needed(resource):
            for needed in at.get(urn, ()):
                visit(needed, trail | {id(resource)})
        done.add(id(resource))
        result.append(resource)

    for resource in given:
        visit(resource, frozenset())
    return result


def _needed(resource: Resource) -> list[str]:
    found = [urn for _, urn in resource.referenced()]
    return [provider_urn(resource), *found] if resource.provider else found


def deletion_waves(condemned: Sequence[Resource]) -> list[list[Resource]]:
    """Resources to delete, in waves: what depends on something goes in an earlier wave than that.

    Those of one wave do not depend on one another and may be deleted at the same time.
    """
    by_urn: dict[str, list[Resource]] = {}
    for resource in condemned:
        by_urn.setdefault(resource.urn, []).append(resource)
    depth: dict[int, int] = {}

    def level(resource: Resource, trail: frozenset[int]) -> int:
        known = depth.get(id(resource))
        if known is not None:
            return known
        below = [
            level(needed, trail | {id(resource)}) + 1
            for urn in needs(resource)
            for needed in by_urn.get(urn, ())
            if needed is not resource and id(needed) not in trail
        ]
        depth[id(resource)] = max(below, default=0)
        return depth[id(resource)]

    waves: dict[int, list[Resource]] = {}
    for resource in condemned:
        waves.setdefault(level(resource, frozenset()), []).append(resource)
    return [waves[n] for n in sorted(waves, reverse=True)]
