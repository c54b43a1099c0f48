"""What is known of the operation so far: one row a resource, made from the engine's events.

Both displays read it. Events come from many threads; every method may be called from any of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from infra.engine.api import Event, LogEvent, Op, StepEvent
from mooring.display.symbols import QUIET

Phase = Literal["planned", "started", "progress", "done", "failed"]

REPLACING: frozenset[Op] = frozenset({"replace", "create-replacement", "delete-replaced"})


@dataclass
class Row:
    """One resource. `steps` are its steps that came to an end or were planned, in order."""

    urn: str
    type: str
    name: str
    op: Op
    phase: Phase
    message: str = ""
    fraction: float | None = None
    began: float = 0.0
    seconds: float = 0.0
    steps: list[StepEvent] = field(default_factory=list)

    @property
    def running(self) -> bool:
        """Whether something is being done to it now."""
        return self.phase in ("started", "progress")

    @property
    def quiet(self) -> bool:
        """Whether nothing changes about it, nothing fails, and nothing runs."""
        return self.op in QUIET and self.phase not in ("failed", "started", "progress")


class Board:
    """Rows by URN in order of appearance, and messages."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._rows: dict[str, Row] = {}
        self._messages: list[LogEvent] = []

    def add(self, event: Event) -> None:
        """Take in one event."""
        with self._lock:
            if isinstance(event, LogEvent):
                self._log(event)
            else:
                self._step(event)

    def _log(self, event: LogEvent) -> None:
        row = self._rows.get(event.urn)
        if event.ephemeral:
            if row is not None:
                row.message = event.message.strip()
        else:
            self._messages.append(event)

    def _step(self, event: StepEvent) -> None:
        now = self._clock()
        row = self._rows.get(event.urn)
        if row is None:
            row = Row(event.urn, event.type, event.name, event.op, event.phase, began=now)
            self._rows[event.urn] = row
        if event.phase == "started":
            row.began, row.message, row.fraction = now, "", None
        if event.phase == "progress":
            row.fraction = event.fraction if event.fraction is not None else row.fraction
        row.message = event.message.strip() or ("" if event.phase in ("done", "planned") else row.message)
        row.op, row.phase = _shown_op(row, event), event.phase
        if event.phase in ("planned", "done", "failed"):
            row.steps.append(event)
            row.seconds += event.seconds or (now - row.began if event.phase != "planned" else 0.0)

    def rows(self) -> list[Row]:
        """A copy of the list of rows."""
        with self._lock:
            return list(self._rows.values())

    def messages(self) -> list[LogEvent]:
        """All messages that stay, in order."""
        with self._lock:
            return list(self._messages)

    def elapsed(self, row: Row) -> float:
        """Seconds that a row has run, or took."""
        return self._clock() - row.began if row.running else row.seconds


def _shown_op(row: Row, event: StepEvent) -> Op:
    """The op that a row shows: a replacement's steps are one `replace` unless one of them runs now."""
    if event.phase in ("started", "progress", "failed"):
        return event.op
    seen = {step.op for step in row.steps} | {event.op}
    return "replace" if seen & REPLACING and event.op in REPLACING else event.op


def tree(rows: list[Row]) -> Iterator[tuple[Row, int]]:
    """Rows depth first with their depth, parents by the type chain of the URN, each row once."""
    children: dict[str, list[Row]] = {}
    for row in rows:
        children.setdefault(_parent_urn(row, rows), []).append(row)

    def walk(urn: str, depth: int) -> Iterator[tuple[Row, int]]:
        for row in children.get(urn, ()):
            yield row, depth
            yield from walk(row.urn, depth + 1)

    yield from walk("", 0)


def _parent_urn(row: Row, rows: list[Row]) -> str:
    """The URN of the row that is most likely the parent: a URN tells the parent's type, not its name.

    Of several of that type the one whose name the child's begins with is taken, else the first.
    """
    chain, _, _ = _qualified_type(row.urn).rpartition("$")
    candidates = [other for other in rows if chain and _qualified_type(other.urn) == chain and other is not row]
    if not candidates:
        stack = next((other.urn for other in rows if other.type == "pulumi:pulumi:Stack"), "")
        return stack if stack != row.urn else ""
    named = [other for other in candidates if row.name.startswith(other.name)]
    return max(named, key=lambda other: len(other.name)).urn if named else candidates[0].urn


def _qualified_type(urn: str) -> str:
    parts = urn.split("::")
    return parts[2] if len(parts) >= 4 else ""
