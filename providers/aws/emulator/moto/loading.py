"""What happens when a service of moto's is first touched: ours is put into its places, and what is kept is loaded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.moto import alarms, contents, growing, metric_reads, resource_policies, sns_delivery
from providers.aws.emulator.moto.snapshots import Key, Snapshots

_INSTALL: dict[str, tuple[Callable[[], None], ...]] = {
    "cloudwatch": (growing.install_metrics, alarms.install, metric_reads.install),
    "logs": (growing.install_events,),
    "s3": (contents.install, resource_policies.install),
    "sns": (sns_delivery.install,),
}


def install(snapshots: Snapshots) -> None:
    """Have moto do so. Once a process."""
    from moto.core.base_backend import BackendDict, backend_lock
    from moto.core.common_models import BaseModel

    create: Callable[[Any, str], None] = BackendDict._create_account_specific_backend
    loaded: set[str] = set()
    loading: set[str] = set()

    def create_or_load(backends: Any, account: str) -> None:
        service = _service(backends)
        if service not in loaded:
            with backend_lock:  # reentrant: what is being loaded may ask for itself
                if service not in loaded and service not in loading:
                    loading.add(service)
                    for put in _INSTALL.get(service, ()):
                        put()
                    snapshots.load(service, backends)
                    _settle(service, backends)
                    loaded.add(service)
        create(backends, account)

    BackendDict._create_account_specific_backend = create_or_load
    # moto remembers every object that it ever made, for a page that is not served here
    BaseModel.__new__ = staticmethod(lambda cls, *arguments, **named: object.__new__(cls))


def in_memory(services: Collection[str]) -> Iterator[tuple[Key, Any]]:
    """The backends of these services that there are in this process."""
    from moto.core.base_backend import BackendDict

    for backends in list(BackendDict._instances):
        service = _service(backends)
        if service in services:
            for account, regions in list(backends.items()):
                for region, backend in list(regions.items()):
                    yield Key(service, account, region), backend


def touch(service: str) -> None:
    """Load what is kept of a service, if nobody has yet."""
    from moto.backends import get_backend

    get_backend(service)[ACCOUNT]


def _service(backends: Any) -> str:
    """moto's name of the service whose backends these are."""
    return str(backends.backend.__module__.split(".")[1])


def _settle(service: str, backends: Any) -> None:
    """What some services know beside their backends."""
    kept = [(account, region, one) for account, regions in list(backends.items()) for region, one in regions.items()]
    if service == "s3":
        for account, region, backend in kept:
            for bucket in [*backend.buckets, *backend.table_buckets]:
                backends.bucket_accounts[bucket] = (region, account)
    if service == "logs":
        from moto.logs.models import LogEvent

        streams = [one for _, _, backend in kept for group in backend.groups.values() for one in group.streams.values()]
        last = (stream.events[-1].event_id for stream in streams if stream.events)
        LogEvent._event_id = max([LogEvent._event_id, *(number + 1 for number in last)])
