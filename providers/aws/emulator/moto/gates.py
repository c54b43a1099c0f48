"""One gate a service: many may read at once, one may change. moto itself is not made for several threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """A lock that readers share. Whoever waits to change something goes before readers who come after.

    Not to be taken twice by one thread.
    """

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._readers = 0
        self._waiting = 0
        self._changing = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold it together with others who read."""
        with self._turn:
            while self._changing or self._waiting:
                self._turn.wait()
            self._readers += 1
        try:
            yield
        finally:
            with self._turn:
                self._readers -= 1
                if not self._readers:
                    self._turn.notify_all()

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold it alone."""
        with self._turn:
            self._waiting += 1
            try:
                while self._changing or self._readers:
                    self._turn.wait()
                self._changing = True
            finally:
                self._waiting -= 1
        try:
            yield
        finally:
            with self._turn:
                self._changing = False
                self._turn.notify_all()


_SHARED = {"s3control": "s3"}
"""Services that work on another's state."""
_gates: dict[str, Gate] = {}
_lock = threading.Lock()


def of(backend: str) -> Gate:
    """The gate of a service, by moto's name of it."""
    with _lock:
        return _gates.setdefault(_SHARED.get(backend, backend), Gate())
