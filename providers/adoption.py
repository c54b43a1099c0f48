"""Begin a resource, or take up what an earlier, killed deployment began of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from providers.contract import Context, Found, Kind
from providers.errors import MooringError
from providers.values import Scoped

log = logging.getLogger("mooring.provider")


@dataclass(frozen=True)
class Begun:
    """What there is now. `adopted`: an earlier deployment began it. `as_asked`: with the same inputs."""

    id: str
    adopted: bool
    as_asked: bool = True


def begin(
    kind: Kind[Any, Any], spec: Scoped, context: Context, *, in_place: bool, is_held: Callable[[str], bool]
) -> Begun:
    """Adopt the newest usable thing of this URN that no state holds, else create one.

    What was asked for with other inputs is adopted only where inputs change `in_place`; all else that an
    interrupted deployment left of this URN is removed, so that nothing is there twice or orphaned.
    """
    left = leftovers(kind, context, is_held)
    chosen = next((found for found in left if found.usable and _fits(found, context, in_place)), None)
    for found in left:
        if found is not chosen:
            retire(kind, found.id, context)
    if chosen is None:
        return Begun(kind.create(spec, context), adopted=False)
    context.progress("taking up what an interrupted deployment began", None)
    return Begun(chosen.id, adopted=True, as_asked=chosen.owner.inputs == context.owner.inputs)


def leftovers(kind: Kind[Any, Any], context: Context, is_held: Callable[[str], bool]) -> list[Found]:
    """What interrupted deployments began of this URN and no state holds, newest first."""
    left = []
    for found in kind.find(context.owner):
        if found.claimed:
            continue
        if is_held(found.id):
            kind.claim(found.id)  # a kill came before the claim; without it `create` might take it for a leftover
        else:
            left.append(found)
    return left


def _fits(found: Found, context: Context, in_place: bool) -> bool:
    return in_place or found.owner.inputs == context.owner.inputs


def retire(kind: Kind[Any, Any], id: str, context: Context) -> None:
    """Remove what nobody will hold: claimed first, so that a kill in between does not leave it adoptable."""
    try:
        kind.claim(id)
        kind.delete(id, context)
    except MooringError as failed:
        log.warning("could not remove %s: %s", id, failed)


def live_inputs(kind: Kind[Any, Any], id: str) -> Mapping[str, Any]:
    """What `id` was last asked to be, as far as its cloud tells; empty where it does not."""
    read = kind.read(id)
    return read[0].to_wire() if read and read[0] is not None else {}
