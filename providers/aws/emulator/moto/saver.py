"""Writes down what has changed, soon after, and off the way of requests.

What was answered is on disk `DEBOUNCE` seconds later plus the time that writing takes: milliseconds for the states of
tests and small stacks, half a second at most in all. A service whose state takes long to write is written less often:
it rests `REST` times as long as a write kept the processor busy (a bucket of 5,000 objects: about a second). Nothing is
synced to the medium: it survives the end of the process however it ends, not the loss of power.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback

from providers.aws.emulator.moto import gates, loading
from providers.aws.emulator.moto.asked import GLOBAL
from providers.aws.emulator.moto.snapshots import Key, Snapshots, Taken

DEBOUNCE = 0.05
REST = 4.0
_LONGEST_REST = 5.0
_LONGEST_END = 30.0
_TRIES = 5


class Saver:
    """A thread that writes the state of `services`."""

    def __init__(self, files: Snapshots, services: frozenset[str]) -> None:
        self._files, self._services = files, services
        self._changed: set[Key] = set()
        self._not_before: dict[Key, float] = {}
        self._told: set[str] = set()
        self._wake = threading.Condition()
        self._writing = threading.Lock()
        self._over = False
        self._thread = threading.Thread(target=self._run, name="saver", daemon=True)
        self._thread.start()

    def changed(self, service: str, region: str) -> None:
        """A service may have changed in a region: write it down soon."""
        keys = {key for key, _ in loading.in_memory({service}) if service in GLOBAL or key.region == region}
        self._note(keys)

    def seen(self, service: str) -> None:
        """A service has been asked something: what moto made up for the answer is kept as well."""
        self._note({key for key, _ in loading.in_memory({service}) if not self._files.written(key)})

    def settle(self) -> None:
        """Return when all that has changed by now is written down."""
        with self._wake:
            due, self._changed = self._changed, set()
        for key in sorted(due):
            if not self._write(key):
                self._note({key})
        with self._writing:
            pass  # what the thread is at just now

    def close(self) -> None:
        """Write all that is in memory, and end."""
        with self._wake:
            self._over = True
            self._wake.notify_all()
        self._thread.join(_LONGEST_END)
        for key, _ in loading.in_memory(self._services):
            self._write(key)

    def _note(self, keys: set[Key]) -> None:
        if not keys:
            return
        with self._wake:
            if not keys <= self._changed:
                self._changed |= keys
                self._wake.notify_all()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._changed and not self._over:
                    self._wake.wait()
                if not self._over:
                    self._wake.wait_for(lambda: self._over, DEBOUNCE)
                if self._over:
                    return
                now = time.monotonic()
                due = {key for key in self._changed if self._not_before.get(key, 0.0) <= now}
                self._changed -= due
            for key in sorted(due):
                began = time.thread_time()
                if self._write(key):
                    rest = min(REST * (time.thread_time() - began), _LONGEST_REST)
                else:
                    rest = _LONGEST_REST
                    self._note({key})
                self._not_before[key] = time.monotonic() + rest

    def _write(self, key: Key) -> bool:
        """Write one, if it is still there. False, and told once a service, when it cannot be."""
        try:
            with self._writing:
                taken = self._take(key)
                if taken is not None:
                    self._files.write(taken)
            return True
        except Exception:  # noqa: BLE001 - a full disk, or something that cannot be pickled
            self._tell(key)
            return False

    def _take(self, key: Key) -> Taken | None:
        for attempt in range(_TRIES):
            with gates.of(key.service).reading():
                backend = dict(loading.in_memory({key.service})).get(key)
                try:
                    return None if backend is None else self._files.take(key, backend)
                except RuntimeError:  # moto changes some things though it only reads
                    if attempt == _TRIES - 1:
                        raise
        return None

    def _tell(self, key: Key) -> None:
        if key.service not in self._told:
            self._told.add(key.service)
            print(f"mooring: the state of {key.service} in {key.region} cannot be written:", file=sys.stderr)
            traceback.print_exc(file=sys.stderr)
