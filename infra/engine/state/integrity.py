"""The rules that every Pulumi engine relies on in a state (`deploy.Snapshot.VerifyIntegrity`)."""

from __future__ import annotations

import hashlib
from collections import Counter

from infra.engine.errors import EngineError, IntegrityError, ValueFormatError
from infra.engine.state import urn as urns
from infra.engine.state.checkpoint import Snapshot
from infra.engine.state.resource import Resource


def verify(snapshot: Snapshot) -> None:
    """Raise `IntegrityError` naming the first resource that breaks a rule.

    A parent, a provider, and whatever a resource depends on come before it; no URN is there twice but for
    copies that wait for deletion; the manifest's magic fits its version.
    """
    version = snapshot.manifest.version
    if snapshot.manifest.magic != (hashlib.sha256(version.encode()).hexdigest() if version else ""):
        raise IntegrityError("the state's manifest does not fit its version (magic cookie mismatch): it was damaged")
    seen: set[str] = set()
    providers: set[str] = set()
    for resource in snapshot.resources:
        if not resource.custom and resource.id:
            raise IntegrityError(f"resource {resource.urn} is a component, but has an id")
        _check_provider(resource, providers)
        for what, urn in resource.referenced():
            if urn not in seen:
                raise IntegrityError(_missing(snapshot, resource, what, urn))
        if urns.is_provider_type(resource.type):
            providers.add(urns.provider_ref(resource.urn, resource.id))
        seen.add(resource.urn)
    for urn, count in Counter(r.urn for r in snapshot.resources if not r.delete).items():
        if count > 1:
            raise IntegrityError(f"resource {urn} is in the state {count} times")


def belongs_to(snapshot: Snapshot, project: str, stack: str) -> None:
    """Raise `EngineError` when a resource is of another project or stack, naming it."""
    for resource in snapshot.resources:
        parts = urns.parse(resource.urn)
        if (parts.project, parts.stack) != (project, stack):
            raise EngineError(
                f"{resource.urn} belongs to project '{parts.project}', stack '{parts.stack}', "
                f"not to project '{project}', stack '{stack}'"
            )


def _check_provider(resource: Resource, providers: set[str]) -> None:
    if not resource.provider or resource.provider in providers:
        return
    try:
        urns.parse_provider_ref(resource.provider)
    except ValueFormatError as error:
        raise IntegrityError(f"resource {resource.urn}: {error}") from None
    if not resource.pending_replacement:
        raise IntegrityError(f"resource {resource.urn} refers to unknown provider {resource.provider}")


def _missing(snapshot: Snapshot, resource: Resource, what: str, urn: str) -> str:
    later = any(other.urn == urn for other in snapshot.resources)
    return f"resource {resource.urn}: its {what} {urn} {'comes after it' if later else 'is not in the state'}"
