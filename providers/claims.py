"""Which ids a state file is known to hold.

A thing is *claimed* once some state holds its id; unclaimed, it is what a killed deployment left and the next
one adopts. Between Create's reply and the engine's write of its state the process may still be killed, so the
claim is not made inside Create but as soon as it is known to be true: the engine shows the id itself (Diff,
Update, Read, Delete), it says that it has ended (Cancel, which also follows every normal operation), or it is
still alive some seconds after the reply, long after its write.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from providers.boundaries import boundary

log = logging.getLogger("mooring.provider")

DELAY = 5.0
"""Seconds after its reply when the engine, still alive, has written its state."""


GIVEN_UP = 60.0
"""Seconds after which a claim is given up whose engine does not answer any more."""


@dataclass
class _Pending:
    claim: Callable[[], None]
    since: float


def _age(pending: _Pending) -> float:
    return time.monotonic() - pending.since


class Claims:
    """Claims to be made, ids that a state holds, and ids that a Create of this deployment adopted."""

    def __init__(self, engine_alive: Callable[[], bool] = lambda: True, delay: float = DELAY) -> None:
        self._engine_alive, self._delay = engine_alive, delay
        self._pending: dict[str, _Pending] = {}
        self._held: set[str] = set()
        self._adopted: set[str] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def after_reply(self, id: str, claim: Callable[[], None], *, adopted: bool = False) -> None:
        """Note that Create is about to return `id` (a key of type and id; `claim` makes the claim)."""
        with self._lock:
            self._pending[id] = _Pending(claim, time.monotonic())
            if adopted:
                self._adopted.add(id)
            if self._thread is None:
                self._thread = threading.Thread(target=self._later, daemon=True, name="moor-claims")
                self._thread.start()

    def held(self, id: str) -> None:
        """Note that the engine showed `id`: its state holds it."""
        with self._lock:
            self._held.add(id)
            pending = self._pending.pop(id, None)
        if pending:
            self._make(id, pending)

    def is_held(self, id: str) -> bool:
        """Whether the engine's state holds `id`, as far as this deployment has shown."""
        with self._lock:
            return id in self._held

    def was_adopted(self, id: str) -> bool:
        """Whether a Create of this deployment adopted `id`: the new state names it, so that the deletion of
        an old record with the same id must leave it alone."""
        with self._lock:
            return id in self._adopted

    def settle(self) -> None:
        """The deployment has ended: make all claims, and forget what it showed."""
        with self._lock:
            pending, self._pending = self._pending, {}
            self._held.clear()
            self._adopted.clear()
        for id, claim in pending.items():
            self._make(id, claim)

    def forget(self) -> None:
        """A new deployment begins; whatever the one before left unclaimed was not settled."""
        with self._lock:
            self._pending.clear()
            self._held.clear()
            self._adopted.clear()

    def _later(self) -> None:
        """Make claims that are old enough while the engine lives; ends when nothing is pending."""
        while True:
            self._wake.wait(self._delay / 5)
            with self._lock:
                if not self._pending:
                    self._thread = None
                    return
                old = {i: p for i, p in self._pending.items() if _age(p) >= self._delay}
            if old and not self._engine_alive():
                with self._lock:  # unclaimed is safe: the engine's next deployment finds it, or shows that it holds it
                    self._pending = {i: p for i, p in self._pending.items() if i not in old or _age(p) < GIVEN_UP}
            elif old:
                for id, claim in old.items():
                    with self._lock:
                        due = self._pending.pop(id, None)
                    if due:
                        self._make(id, claim)

    def _make(self, id: str, pending: _Pending) -> None:
        try:
            pending.claim()
            boundary("claim:made")
        except Exception:
            # Unclaimed is safe: the state holds the id, and the next deployment shows it.
            log.debug("claim of %s failed", id, exc_info=True)
