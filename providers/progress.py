"""What a long operation tells its user: throttled while much happens, repeated while nothing does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Literal, Protocol

Severity = Literal["debug", "info", "warning", "error"]

INTERVAL = 0.25
"""Least seconds between two messages of one operation; what comes in between is replaced by what follows it."""

HEARTBEAT = 10.0
"""Most seconds without a message while an operation goes on."""


class Log(Protocol):
    """Where messages for the user go. `ephemeral` ones belong to a live display and are not kept."""

    def __call__(self, severity: Severity, message: str, urn: str = "", ephemeral: bool = False) -> None: ...


class Reporter:
    """Progress of one operation. Called from its own thread; `beat` from the thread that waits for it."""

    def __init__(self, log: Log, urn: str, redact: Callable[[str], str] = lambda text: text) -> None:
        self._log, self._urn, self._redact = log, urn, redact
        self._lock = threading.Lock()
        self._started = self._sent = time.monotonic()
        self._pending: str | None = None
        self._last = "working"
        self._any = False

    def __call__(self, message: str, fraction: float | None = None) -> None:
        """Report `message`; `fraction` is 0 to 1."""
        text = self._redact(message) + (f" ({fraction:.0%})" if fraction is not None else "")
        with self._lock:
            if text == self._last:
                return
            self._last = self._pending = text
            due = not self._any or time.monotonic() - self._sent >= INTERVAL
        if due:
            self._send()

    def beat(self) -> None:
        """Send what is held back, or that it still goes on."""
        now = time.monotonic()
        with self._lock:
            if self._pending is None and now - self._sent >= HEARTBEAT:
                self._pending = f"{self._last}, {now - self._started:.0f} s so far"
            due = self._pending is not None and now - self._sent >= INTERVAL
        if due:
            self._send()

    def _send(self) -> None:
        with self._lock:
            text, self._pending = self._pending, None
            self._sent, self._any = time.monotonic(), True
        if text is not None:
            self._log("info", text, self._urn, True)
