"""Runs one operation of an engine with a display, and ends it with a summary or a document."""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from infra.engine.api import OnEvent, Result
from mooring.cli import exits
from mooring.cli.interrupts import cancellable
from mooring.cli.streams import is_unicode, writable
from mooring.display.document import operation_document
from mooring.display.style import style_of
from mooring.display.summary import changed_steps, difference_lines, error_lines, summary_lines

if TYPE_CHECKING:
    from mooring.display.live import LiveDisplay
    from mooring.display.plain import PlainDisplay

Operation = Callable[[OnEvent, threading.Event], Result]


@dataclass
class Outcome:
    """The result, and whether the user stopped the operation."""

    result: Result
    cancelled: bool = False
    pins: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    """Errors that somebody logged and that are no part of `result.errors`."""

    @property
    def code(self) -> int:
        """The exit status that says how it went."""
        if self.cancelled:
            return exits.INTERRUPTED
        return exits.OK if self.result.ok else exits.FAILED


def make_display(stream: TextIO, *, passing: bool = False) -> LiveDisplay | PlainDisplay:
    """The live tree on a terminal, plain lines anywhere else. `passing`: the tree vanishes at the end."""
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        from mooring.display.live import LiveDisplay

        return LiveDisplay(stream, passing=passing)
    from mooring.display.plain import PlainDisplay

    return PlainDisplay(stream)


def operate(operation: Operation, *, as_json: bool, passing: bool = False) -> Outcome:
    """Run `operation`; its progress goes to stdout, or to stderr when stdout is for JSON."""
    if not passing:
        gc.enable()
    display = make_display(sys.stderr if as_json else sys.stdout, passing=passing)
    with display, cancellable(display.notice) as cancel:
        result = operation(display.on_event, cancel)
    if not result.steps:
        result.steps = [step for row in display.board.rows() for step in row.steps]
    told = [event.message.strip() for event in display.board.messages() if event.severity == "error"]
    whole = "\n".join(result.errors)
    untold = [message for message in dict.fromkeys(told) if message and message not in whole]
    # An interrupt that came when everything was already done changed nothing about the outcome.
    return Outcome(result, cancelled=cancel.is_set() and not result.ok, messages=untold)


def conclude(verb: str, stack: str, outcome: Outcome, *, as_json: bool, outputs: bool = True) -> int:
    """Print the end of `verb` and return its exit status."""
    result = outcome.result
    try:
        if as_json:
            print_json(operation_document(verb, stack, result, cancelled=outcome.cancelled, pins=outcome.pins))
        else:
            style = style_of(sys.stdout)
            differing = [step for step in changed_steps(result.steps) if step.detailed or step.diff]
            for line in [*difference_lines(differing, style), *summary_lines(result, style, outputs=outputs)]:
                print(line)
    finally:  # nobody may be reading stdout any more
        errors(outcome)
    return outcome.code


def errors(outcome: Outcome) -> None:
    """The operation's errors on stderr."""
    writable(sys.stdout)
    for line in error_lines([*outcome.messages, *outcome.result.errors], style_of(sys.stderr)):
        print(line, file=sys.stderr)


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(document, indent=2, ensure_ascii=not is_unicode(sys.stdout), default=str))
