"""What a program prints, turned into messages.

The program runs in this process, and so does whatever shows its progress; both write to `sys.stdout`. Which
of the two it is follows from a context variable, which the Pulumi SDK carries into its threads.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, TextIO

_SINK: ContextVar[Callable[[str], None] | None] = ContextVar("program_output", default=None)


class _Switch:
    """Stands in for `sys.stdout` or `sys.stderr` while a program runs."""

    def __init__(self, real: TextIO) -> None:
        self._real, self._line = real, ""

    def write(self, text: str) -> int:
        sink = _SINK.get()
        if sink is None:
            return self._real.write(text)
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            sink(line)
        return len(text)

    def flush(self) -> None:
        if _SINK.get() is None:
            self._real.flush()

    def end(self) -> None:
        """Send a last line that was not ended."""
        sink, line, self._line = _SINK.get(), self._line, ""
        if sink is not None and line:
            sink(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@contextlib.contextmanager
def captured(sink: Callable[[str], None]) -> Iterator[None]:
    """Within, what is printed goes to `sink`, one call a line."""
    out, err = _Switch(sys.stdout), _Switch(sys.stderr)
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, err
    token = _SINK.set(sink)
    try:
        yield
    finally:
        out.end()
        err.end()
        _SINK.reset(token)
        sys.stdout, sys.stderr = before


@contextlib.contextmanager
def outside_program() -> Iterator[None]:
    """Within, what is printed is not the program's."""
    token = _SINK.set(None)
    try:
        yield
    finally:
        _SINK.reset(token)
