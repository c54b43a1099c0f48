"""The emulator's process ends when it is told to, whichever of its threads hears it."""

from __future__ import annotations

import ctypes
import os
import signal
import time

from running_emulator import StartEmulator


def test_a_signal_that_another_thread_gets_ends_it_too(start_emulator: StartEmulator) -> None:
    running = start_emulator()
    pid = running.pid
    time.sleep(0.5)  # its main thread waits by then
    other = max(int(thread) for thread in os.listdir(f"/proc/{pid}/task") if int(thread) != pid)
    ctypes.CDLL(None).tgkill(pid, other, signal.SIGTERM)
    assert running._process is not None
    assert running._process.wait(10) == 0
