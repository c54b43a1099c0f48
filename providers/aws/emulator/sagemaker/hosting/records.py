"""Endpoints in the state, and what of them the runtime keeps in memory.

Beside what a Describe shows, the body of an endpoint holds `_serving` (the configuration that it serves by, as it was
then, its slots, and the router's port) and `_pending` (what is under way: `id`, `kind`, and what that needs to know).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from providers.aws.emulator.sagemaker.hosting import live
from providers.aws.emulator.state import Thing

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

KIND = "endpoints"
SERVING, PENDING = "_serving", "_pending"
IN_PROGRESS = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
"""Statuses in which an endpoint can be neither updated nor deleted."""


def find(service: SageMaker, region: str, name: str) -> Thing | None:
    """The endpoint; None when there is none."""
    return service.state.find(KIND, region, name)


def edit(service: SageMaker, region: str, name: str, how: Callable[[Thing], object]) -> Thing | None:
    """Change it in place, nobody else meanwhile; the runtime goes by it from now on. None when it is gone."""
    body = service.state.edit(KIND, region, name, how)
    live.of(service).forget(region, name)
    return body


def change(service: SageMaker, region: str, name: str, **changes: Any) -> Thing | None:
    """Lay `changes` over it; a member that becomes None is removed."""

    def lay(body: Thing) -> None:
        body.update(changes)
        for member in [member for member, value in body.items() if value is None]:
            del body[member]

    return edit(service, region, name, lay)


def put(service: SageMaker, region: str, name: str, body: Thing) -> None:
    """Write a new one."""
    service.state.put(KIND, region, name, body)
    live.of(service).forget(region, name)


def remove(service: SageMaker, region: str, name: str) -> None:
    """Forget it."""
    service.state.remove(KIND, region, name)
    live.of(service).forget(region, name)


def everywhere(service: SageMaker) -> Iterator[tuple[str, str, Thing]]:
    """Region, name and body of all endpoints."""
    return service.state.everywhere(KIND)


def id_of(region: str, name: str) -> str:
    """The endpoint's id in the local cloud. SageMaker's names are told apart without their case."""
    return f"{region}-{name.lower()}"


def roots(service: SageMaker) -> set[str]:
    """The model folders that endpoints are served from, or will be."""
    return {
        str(slot["root"])
        for _, _, body in everywhere(service)
        for part in (SERVING, PENDING)
        for slot in (body.get(part) or {}).get("slots") or ()
    }
