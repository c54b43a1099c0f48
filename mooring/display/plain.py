"""One line an event: for logs, CI, and pipes."""

from __future__ import annotations

import contextlib
import threading
from types import TracebackType
from typing import TextIO

from infra.engine.api import Event, LogEvent, StepEvent
from mooring.display.board import Board
from mooring.display.style import style_of
from mooring.display.symbols import QUIET, look, short_type

SEVERITY_COLOURS = {"debug": "dim", "info": "", "warning": "yellow", "error": "red"}


def is_scaffold(type: str) -> bool:
    """Whether a type only holds others together: the stack, our components, providers. Nothing is done for them."""
    return type.startswith(("pulumi:pulumi:", "pulumi:providers:", "mooring:infra:"))


def title(urn: str) -> str:
    """`TrainingRun iris`: what a person calls a resource."""
    parts = urn.split("::")
    return f"{parts[2].rpartition(':')[2]} {parts[-1]}" if len(parts) >= 4 else urn


def message_text(event: LogEvent) -> str:
    """A message with what it is about."""
    label = "warning: " if event.severity == "warning" else ""
    about = f"{title(event.urn)}: " if event.urn else ""
    return f"{label}{about}{event.message.rstrip()}"


class PlainDisplay:
    """Writes to `stream` as events come; `board` keeps them for the summary."""

    def __init__(self, stream: TextIO) -> None:
        self.board = Board()
        self._stream = stream
        self._style = style_of(stream)
        self._last: dict[str, str] = {}
        self._lock = threading.Lock()
        self._heard = True

    def __enter__(self) -> PlainDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()

    def on_event(self, event: Event) -> None:
        """Take in one event and write its line, if it has one."""
        self.board.add(event)
        line = self._log_line(event) if isinstance(event, LogEvent) else self._step_line(event)
        if line:
            self.notice(line)

    def notice(self, text: str) -> None:
        """Write a line of our own. A deployment goes on when nobody reads any more (`mooring up | head -1`)."""
        with self._lock:
            try:
                if self._heard:
                    print(text, file=self._stream, flush=True)
            except OSError:
                self._heard = False

    def _log_line(self, event: LogEvent) -> str:
        message = event.message.rstrip()
        if event.severity in ("debug", "error") or not message:
            return ""  # errors are told once, at the end
        if event.ephemeral and not self._fresh(event.urn, message):
            return ""
        colour = SEVERITY_COLOURS[event.severity]
        text = message_text(event)
        return "    " + (self._style(text, colour) if colour else text)

    def _step_line(self, event: StepEvent) -> str:
        looks = look(event.op)
        if event.phase != "failed" and (event.phase == "planned" or event.op in QUIET or is_scaffold(event.type)):
            return ""  # what is planned is shown as a whole at the end
        if event.phase == "progress":
            share = f" {event.fraction:.0%}" if event.fraction is not None else ""
            text = f"{event.message}{share}".strip()
            return f"    {title(event.urn)}: {text}" if text and self._fresh(event.urn, text) else ""
        words = {"started": looks.doing, "done": looks.done, "failed": f"{looks.doing} failed"}
        text = f" {looks.mark:<2} {short_type(event.type)} {event.name} {words[event.phase]}"
        if event.phase == "done" and event.op != "replace":  # its time is that of the steps which it consists of
            text += f" ({event.seconds:.1f}s)"
        return self._style(text, "red" if event.phase == "failed" else looks.colour)

    def _fresh(self, urn: str, text: str) -> bool:
        """Whether `text` differs from the last progress of this resource."""
        known = self._last.get(urn)
        self._last[urn] = text
        return known != text
