"""Durable changes of a snapshot by many threads at once, sharing writes.

A change is applied to the snapshot in memory; the thread whose change comes first while no write is under way
leads: it encodes and writes everything applied so far, and all whose changes are in it return together. So n
concurrent steps cost two or three synced writes, not n.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from infra.engine.configuration.secrets import SecretsManager
from infra.engine.errors import StateWriteFailed
from infra.engine.state import checkpoint
from infra.engine.state.checkpoint import Manifest, Snapshot
from infra.engine.state.resource import now
from infra.engine.state.store import StateStore


class GroupCommit:
    """Writes one snapshot to its store. Thread-safe."""

    def __init__(self, store: StateStore, snapshot: Snapshot, secrets: SecretsManager | None) -> None:
        self.snapshot = snapshot
        self.writes = 0
        """How many writes there were, for tests and benchmarks."""
        self._store, self._secrets = store, secrets
        self._changed = threading.Condition()
        self._applied = 0
        self._settled = 0
        self._failures: dict[int, BaseException] = {}
        self._writing = False

    def commit(self, mutate: Callable[[Snapshot], None]) -> None:
        """Apply `mutate` to the snapshot under a lock, and return once a synced write holds its effect.

        Raises what `mutate` raises, and `StateWriteFailed` when the write failed: the change is then in memory
        only, and goes along with the next write that succeeds.
        """
        with self._changed:
            mutate(self.snapshot)
            self._applied += 1
            mine = self._applied
            while self._writing and self._settled < mine:
                self._changed.wait()
            if self._settled >= mine:
                self._raise_failure(mine)
                return
            self._writing = True
        failure = self._lead()
        if failure is not None:
            with self._changed:
                self._failures.pop(mine, None)
            raise failure

    def _lead(self) -> BaseException | None:
        failure: BaseException | None = None
        first = last = 0
        try:
            with self._changed:
                first, last = self._settled + 1, self._applied
                self.snapshot.manifest = Manifest(time=now())
                data = checkpoint.dump(self.snapshot, self._secrets, self._store.layout.qualified)
            self._store.write(data)
        except BaseException as error:  # noqa: BLE001 - handed to every thread whose change was in this write
            failure = error
        with self._changed:
            if failure is not None:
                self._failures.update(dict.fromkeys(range(first, last + 1), failure))
            self._settled = max(self._settled, last)
            self.writes += 1
            self._writing = False
            self._changed.notify_all()
        return failure

    def _raise_failure(self, mine: int) -> None:
        """For a thread whose change somebody else wrote."""
        failure = self._failures.pop(mine, None)
        if isinstance(failure, Exception):
            raise failure
        if failure is not None:
            # The writing thread was interrupted; the interrupt itself is for that thread only.
            raise StateWriteFailed("writing the state was interrupted") from failure
