"""What goes on between calls: one thread a thing, told to halt when the emulator ends."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable

from providers.errors import MooringError


class Work:
    """Threads by key. A key that is at work already is left to it."""

    def __init__(self) -> None:
        self.halt = threading.Event()
        self._threads: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()

    def begin(self, key: str, task: Callable[[], None]) -> None:
        """Have a thread do `task`, unless one does this key's already."""
        with self._lock:
            if self.halt.is_set() or key in self._threads:
                return
            thread = threading.Thread(target=self._run, args=(key, task), name=key, daemon=True)
            self._threads[key] = thread
        thread.start()

    def is_busy(self, key: str) -> bool:
        """Whether somebody is at it."""
        with self._lock:
            return key in self._threads

    def wait(self, key: str, seconds: float = 10.0) -> None:
        """Return when nobody is at it, or after so long."""
        with self._lock:
            thread = self._threads.get(key)
        if thread is not None:
            thread.join(seconds)

    def reason_of(self, error: Exception) -> str:
        """What a job says that failed for a cause which is not its own. One that nobody foresaw is told in the log.

        Raises `Halted` when the emulator ends: its end may be the cause.
        """
        if self.halt.is_set():
            raise Halted from error
        if not isinstance(error, MooringError | OSError):
            traceback.print_exception(error, file=sys.stderr)
        return f"InternalServerError: {error}"[:1024]

    def stop(self, seconds: float = 5.0) -> None:
        """Tell all to halt, and wait for them together so long at most."""
        self.halt.set()
        with self._lock:
            threads = list(self._threads.values())
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(seconds / max(1, len(threads)))

    def _run(self, key: str, task: Callable[[], None]) -> None:
        try:
            task()
        except Halted:
            pass  # the next emulator goes on with it
        except Exception:  # noqa: BLE001 - one broken task must not be silent, nor end the others
            if not self.halt.is_set():
                traceback.print_exc(file=sys.stderr)
        finally:
            with self._lock:
                self._threads.pop(key, None)


class Halted(Exception):
    """The emulator ends; what was under way stays as it is written down."""
