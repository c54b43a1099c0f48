"""What the runtime holds in memory, so that an invocation reads no file: one object a service."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from providers.aws.emulator.log_stream import LogStream
from providers.aws.emulator.sagemaker.hosting.connections import Connections
from providers.aws.emulator.sagemaker.hosting.counting import Captured, Counted, InFlight
from providers.aws.emulator.sagemaker.hosting.target import Target

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

Key = tuple[str, str]
"""Region and name of an endpoint."""


class Live:
    """Targets by endpoint, connections to their routers, and what was counted but not yet written. `streams` are those
    of CloudWatch Logs by region, endpoint and file, for whoever holds `logging`."""

    def __init__(self) -> None:
        self.connections = Connections()
        self.counted = Counted()
        self.captured = Captured()
        self.in_flight = InFlight()
        self.streams: dict[tuple[str, str, str], LogStream] = {}
        self.logging = threading.Lock()
        self._targets: dict[Key, Target] = {}
        self._lock = threading.Lock()
        self._changes = 0

    def target(self, region: str, name: str, read: Callable[[], Target | None]) -> Target | None:
        """The endpoint as it can be invoked, from `read` where it is not known yet. None for one that cannot be."""
        found = self._targets.get((region, name))
        if found is not None:
            return found
        changes = self._changes
        fresh = read()
        with self._lock:
            if fresh is not None and changes == self._changes:  # else it may be old already
                self._targets[region, name] = fresh
        return fresh

    def forget(self, region: str, name: str) -> None:
        """The endpoint has changed."""
        with self._lock:
            self._changes += 1
            self._targets.pop((region, name), None)


_lives: weakref.WeakKeyDictionary[SageMaker, Live] = weakref.WeakKeyDictionary()
_making = threading.Lock()


def of(service: SageMaker) -> Live:
    """What is held for this service."""
    found = _lives.get(service)
    if found is None:
        with _making:
            found = _lives.setdefault(service, Live())
    return found
