"""Lists that only grow (metrics, log events): what is long in them is written once, in blocks, not at each change."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from providers.aws.emulator.moto import contents
from providers.aws.emulator.moto.contents import Content

BLOCK = 1000


class Growing(list[Any]):
    """A list of plain things that are not changed once they are in it."""

    def __init__(self) -> None:
        super().__init__()
        self._sealed: list[Content] = []

    def parts(self, service: str) -> tuple[list[Content], list[Any]]:
        """Full blocks, written down in the service's store, and what comes after them."""
        if len(self) < BLOCK * len(self._sealed):  # somebody shortened it after all
            self._sealed = []
        for start in range(BLOCK * len(self._sealed), len(self) - BLOCK + 1, BLOCK):
            block = pickle.dumps(self[start : start + BLOCK], protocol=5)
            self._sealed.append(contents.of(service).write(block))
        return list(self._sealed), self[BLOCK * len(self._sealed) :]

    @classmethod
    def joined(cls, service: str, sealed: list[Content], rest: list[Any]) -> Growing:
        """The list of these parts. Raises OSError when a block is not there."""
        made = cls()
        for block in sealed:
            made.extend(pickle.loads(contents.of(service).read(block)))
        made._sealed = sealed
        made.extend(rest)
        return made


def install_metrics() -> None:
    """Have moto keep metrics in such a list. Once a process."""
    from moto.cloudwatch.models import CloudWatchBackend

    _grow(CloudWatchBackend, "metric_data")


def install_events() -> None:
    """Have moto keep log events in such lists. Once a process."""
    from moto.logs.models import LogStream

    _grow(LogStream, "events")


def _grow(owner: Any, attribute: str) -> None:
    make: Callable[..., None] = owner.__init__

    def start(self: Any, *arguments: Any, **named: Any) -> None:
        make(self, *arguments, **named)
        setattr(self, attribute, Growing())

    owner.__init__ = start
