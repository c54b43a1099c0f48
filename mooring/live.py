"""Ask the cloud itself about a stack's things: endpoints, versions, jobs. State tells the ids, the adapter the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra.engine.api import StackRef
from mooring.inventory import Item, of_kind
from providers import registry
from providers.contract import KINDS, Adapter, Found, HasVersions, Kind, Orphan, Ownership
from providers.errors import MooringError, NotFound, NotSupported
from providers.values import EndpointState, ModelVersionState

JOBS = ("TrainingRun", "TuningRun", "BatchPrediction")


@dataclass(frozen=True)
class Job:
    """One run, search or batch that the cloud knows. `name` is the logical name."""

    kind: str
    name: str
    id: str
    urn: str
    status: str
    started: str = ""
    ended: str = ""


def kind_of(adapter: Adapter, type: str) -> Kind[Any, Any]:
    """The adapter's kind for a Pulumi type name. Raises `NotSupported`."""
    kind = adapter.kind(KINDS[type])
    if kind is None:
        raise NotSupported(f"cloud '{adapter.cloud}' has no {type}")
    return kind


def owner_of(ref: StackRef, urn: str = "") -> Ownership:
    """The tags to look for; without a URN those of the whole stack."""
    return Ownership(ref.project, ref.stack, urn, "")


def endpoint_state(item: Item) -> EndpointState:
    """How an endpoint is now. Raises `NotFound` when the cloud has lost it."""
    read = kind_of(registry.adapter(item.cloud), "Endpoint").read(item.id)
    if read is None or read[1] is None:
        raise NotFound(
            f"endpoint {item.name} is in the stack's state, and {item.cloud} does not have it any more; "
            "`mooring refresh` notes that, `mooring up` makes it again"
        )
    state: EndpointState = read[1]
    return state


def versions(found: list[Item], model: str) -> list[ModelVersionState]:
    """All versions of a model that still exist, oldest first. Raises `NotFound`, `NotSupported`."""
    from mooring.inventory import pick

    item = pick(of_kind(found, "Model"), model, "model", "--model")
    kind = kind_of(registry.adapter(item.cloud), "Model")
    if not isinstance(kind, HasVersions):
        raise NotSupported(f"cloud '{item.cloud}' keeps no list of versions to choose from")
    return kind.versions(item.id)


def jobs(ref: StackRef, cloud: str) -> Iterator[Job]:
    """All jobs of a stack, newest first within a kind."""
    adapter = registry.adapter(cloud)
    for type in JOBS:
        kind = adapter.kind(KINDS[type])
        for found in kind.find(owner_of(ref)) if kind is not None else ():
            read = kind.read(found.id) if kind is not None else None
            if read is not None:
                state = read[1]
                status, started, ended = (str(getattr(state, part, "")) for part in ("status", "started", "ended"))
                yield Job(type, _name(found), found.id, found.owner.urn, status, started, ended)


def orphans(ref: StackRef, cloud: str, held: list[Item]) -> Iterator[Orphan]:
    """What carries the stack's tags and belongs to nothing that its state holds.

    What was retired (an earlier version, its run) is none: its model keeps it, and `find` does not tell it.
    """
    adapter = registry.adapter(cloud)
    ids = {(item.kind, item.id) for item in held}
    for type, field in KINDS.items():
        kind = adapter.kind(field)
        for found in kind.find(owner_of(ref)) if kind is not None else ():
            if (type, found.id) in ids:
                continue
            reason = "no state holds it" if found.claimed else "it was begun and never finished"
            yield Orphan(type, found.id, found.owner, reason)


def logs_of(cloud: str, type: str, id: str, *, follow: bool, tail: int | None) -> Iterator[str]:
    """Lines of a thing's log. Raises `NotSupported`."""
    from providers.contract import HasLogs

    kind = kind_of(registry.adapter(cloud), type)
    if not isinstance(kind, HasLogs):
        raise NotSupported(f"cloud '{cloud}' keeps no log of a {type}")
    return kind.logs(id, follow=follow, tail=tail)


def ask(item: Item, rows: list[dict[str, Any]], timeout: float) -> dict[str, Any]:
    """The endpoint's reply to `rows`. Raises `NotSupported`, and what the adapter raises."""
    from providers.contract import Predicts

    kind = kind_of(registry.adapter(item.cloud), "Endpoint")
    if not isinstance(kind, Predicts):
        raise NotSupported(f"cloud '{item.cloud}' cannot be asked for predictions from here")
    return kind.predict(item.id, rows, timeout=timeout)


def problem_of(error: MooringError) -> str:
    """One line of an error."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _name(found: Found) -> str:
    return found.owner.urn.rpartition("::")[2]
