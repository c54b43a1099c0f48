"""Ctrl-C once asks the operation to stop cleanly, twice ends the process at once. SIGTERM counts as the first."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from mooring.cli import exits

SOFTLY = "stopping: what runs now is finished or stopped, then the state is saved; press Ctrl-C again to end at once"
AT_ONCE = "ended at once; the next `mooring up` goes on from what is saved (`mooring cancel` removes a stale lock)"


@contextmanager
def cancellable(notice: Callable[[str], None]) -> Iterator[threading.Event]:
    """Yields the event that the first interrupt sets. Does nothing to signals outside the main thread."""
    cancel = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield cancel
        return

    def on_signal(number: int, frame: FrameType | None) -> None:
        if not cancel.is_set():
            cancel.set()
            # The display's lock may be held by the very code that the signal interrupted: say it from elsewhere.
            threading.Thread(target=notice, args=(SOFTLY,), daemon=True).start()
        elif number == signal.SIGINT:
            os.write(sys.stderr.fileno(), f"\n{AT_ONCE}\n".encode())
            os._exit(exits.INTERRUPTED)

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
