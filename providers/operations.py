"""The operations that run now: how long they may take, and how all of them are asked to stop.

Each runs in a thread of its own while the caller's thread waits, so that an answer can be given in time even
where an adapter does not come back.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from providers.errors import Cancelled
from providers.progress import Reporter

T = TypeVar("T")

GRACE = 4.0
"""Seconds that an adapter has to come back after a cancel; the engine is answered within five."""

_TICK = 0.25


class Operation:
    """One running operation. `id` is set as soon as there is one, so that a cancelled Create can return it."""

    def __init__(self, peer: str, timeout: float, reporter: Reporter) -> None:
        self.peer, self.timeout, self.reporter = peer, timeout, reporter
        self.cancel = threading.Event()
        self.deadline = time.monotonic() + timeout if timeout > 0 else None
        self.timed_out = False
        self.id = ""

    def stopped(self) -> str:
        """Why it was asked to stop, for a message."""
        return f"timed out after {self.timeout:g} s (customTimeouts)" if self.timed_out else "cancelled"


class Operations:
    """All operations of one servicer."""

    def __init__(self, grace: float = GRACE) -> None:
        self._running: set[Operation] = set()
        self._lock = threading.Lock()
        self._grace = grace

    def run(self, operation: Operation, body: Callable[[], T]) -> T:
        """Do `body` and return what it returns, or raise what it raises.

        Raises `Cancelled` with the operation's id when `body` has not come back `GRACE` seconds after it was
        asked to; it is then left to itself.
        """
        with self._lock:
            self._running.add(operation)
        try:
            worker = _Worker(body)
            worker.start()
            self._wait(operation, worker)
            return worker.result()
        finally:
            with self._lock:
                self._running.discard(operation)

    def cancel(self, peer: str = "") -> None:
        """Ask to stop what runs now: all of it, or what came over the connection `peer`. Later ones go on."""
        with self._lock:
            for operation in self._running:
                if not peer or not operation.peer or operation.peer == peer:
                    operation.cancel.set()

    def _wait(self, operation: Operation, worker: _Worker[Any]) -> None:
        given_up: float | None = None
        while not worker.done.wait(_TICK):
            now = time.monotonic()
            if operation.deadline is not None and now >= operation.deadline and not operation.cancel.is_set():
                operation.timed_out = True
                operation.cancel.set()
            if operation.cancel.is_set():
                given_up = given_up or now + self._grace
                if now >= given_up:
                    raise Cancelled(operation.stopped(), id=operation.id)
            operation.reporter.beat()


class _Worker(threading.Thread, Generic[T]):
    def __init__(self, body: Callable[[], T]) -> None:
        super().__init__(daemon=True, name="moor-operation")
        self._body, self._context = body, contextvars.copy_context()
        self.done = threading.Event()
        self._result: T
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._result = self._context.run(self._body)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._error = error
        finally:
            self.done.set()

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._result
