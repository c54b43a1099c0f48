"""What a deployment tells, and what it adds up to: events to the caller, counts, errors, diagnostics."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, Literal

from infra.engine import preview_document
from infra.engine.api import LogEvent, OnEvent, Result, StepEvent
from infra.engine.planning.steps import Step
from infra.engine.program.program_output import outside_program
from infra.engine.state import urn as urns
from infra.engine.values.property_diff import equal
from infra.engine.values.values import mask

Severity = Literal["debug", "info", "warning", "error"]


class Events:
    """Collects and passes on, one event at a time. A caller that fails to show one cannot stop a deployment."""

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._lock = threading.RLock()
        self._started: dict[int, float] = {}
        self._running: dict[str, Step] = {}
        self.result = Result()
        self.entries: list[dict[str, Any]] = []
        self.diagnostics: list[LogEvent] = []

    def log(self, severity: Severity, message: str, urn: str = "", *, ephemeral: bool = False) -> None:
        """A message of the program, a provider, or the engine."""
        event = LogEvent(severity, message, urn, ephemeral)
        with self._lock:
            if not ephemeral and severity != "debug":
                self.diagnostics.append(event)
            self._send(event)

    def provider_log(self, severity: str, message: str, urn: str = "", ephemeral: bool = False) -> None:
        """The same, with the signature that providers in process are given."""
        if ephemeral and urn in self._running:
            with self._lock:
                self._send(_event(self._running[urn], "progress", message=message))
            return
        known: Mapping[str, Severity] = {"debug": "debug", "warning": "warning", "error": "error"}
        self.log(known.get(severity, "info"), message, urn, ephemeral=ephemeral)

    def error(self, message: str, urn: str = "") -> None:
        """Something that makes the operation fail."""
        name = f"{_label(urn)}: " if urn else ""
        with self._lock:
            self.result.errors.append(f"{name}{message}")
        self.log("error", message, urn)

    def started(self, step: Step) -> None:
        """A step begins."""
        with self._lock:
            self._started[id(step)] = time.monotonic()
            self._running[step.urn] = step
            if shown(step):
                self._send(_event(step, "started"))

    def done(self, step: Step) -> None:
        """A step has ended well; in a preview, it is what would be done."""
        with self._lock:
            seconds = self._end(step)
            if not shown(step):
                return
            self._count(step)
            event = _event(step, "done", seconds=seconds)
            self.result.steps.append(event)
            self._send(event)

    def plan(self, step: Step) -> None:
        """What a preview would do, told before it is applied to the preview's own state."""
        with self._lock:
            if not shown(step):
                return
            event = _event(step, "planned")
            if step.op != "read":
                self._count(step)
            listed = preview_document.entry(step)
            if listed is not None:
                self.entries.append(listed)
            self.result.steps.append(event)
            self._send(event)

    def seen(self, step: Step) -> None:
        """A preview has read a resource, which counts if something of it is new."""
        with self._lock:
            self._count(step)

    def _count(self, step: Step) -> None:
        if not step.logical or (step.op == "read" and not _read_anew(step)):
            return
        self.result.changes[step.op] = self.result.changes.get(step.op, 0) + 1

    def failed(self, step: Step, message: str) -> None:
        """A step has failed."""
        with self._lock:
            seconds = self._end(step)
            event = _event(step, "failed", message=message, seconds=seconds)
            self.result.steps.append(event)
            self._send(event)

    def _end(self, step: Step) -> float:
        self._running.pop(step.urn, None)
        return time.monotonic() - self._started.pop(id(step), time.monotonic())

    def _send(self, event: Any) -> None:
        with outside_program():
            try:
                self._on_event(event)
            except Exception:  # noqa: BLE001
                # A broken display (a closed pipe) must not leave a deployment half-way.
                return


def shown(step: Step) -> bool:
    """Whether a step is told of: default providers are nobody's business, nor is what only tidies the state."""
    return (
        step.op != "remove-pending-replace"
        and not urns.is_default_provider(step.urn)
        and not (step.skipped or step.quiet)
    )


def _event(step: Step, phase: Literal["planned", "started", "progress", "done", "failed"], **more: Any) -> StepEvent:
    parts = urns.parse(step.urn)
    detailed = {path: diff.kind for path, diff in (step.detailed or {}).items()}
    return StepEvent(
        urn=step.urn,
        type=parts.type,
        name=parts.name,
        op=step.op,
        phase=phase,
        diff=tuple(detailed) or tuple(dict.fromkeys((*step.changed_keys, *step.replace_keys))),
        detailed=detailed,
        old=mask(step.old.inputs or {}) if step.old is not None else None,
        new=mask(step.new.inputs or {}) if step.new is not None else None,
        **more,
    )


def _read_anew(step: Step) -> bool:
    """Whether a read has found a resource other than it was; one that is read for the first time is no change."""
    old, new = step.old, step.new
    return old is not None and new is not None and not equal(old.outputs or {}, new.outputs or {})


def _label(urn: str) -> str:
    parts = urns.parse(urn)
    return f"{parts.type} {parts.name}"
