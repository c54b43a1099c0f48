"""Events of the Automation API as events of `infra.engine.api`."""

from __future__ import annotations

import re
import threading
import time
from typing import Any, Literal, cast

from pulumi.automation.events import DiagnosticEvent, EngineEvent, StepEventMetadata

from infra.engine.api import LogEvent, OnEvent, Op, StepEvent

COLOUR_TAG = re.compile(r"<\{%.*?%\}>")
SEVERITIES: dict[str, Literal["debug", "info", "warning", "error"]] = {
    "debug": "debug",
    "info": "info",
    "info#err": "info",
    "warning": "warning",
    "error": "error",
}
Phase = Literal["planned", "started", "done", "failed"]


class Translator:
    """Hands on what the CLI's engine says, and keeps steps, counts and errors for the result."""

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._began: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()
        self.steps: list[StepEvent] = []
        self.changes: dict[str, int] = {}
        self.errors: list[str] = []

    def __call__(self, event: EngineEvent) -> None:
        """Take in one event; called from the Automation API's threads."""
        with self._lock:
            if (before := event.resource_pre_event) is not None:
                self._step(before.metadata, "planned" if before.planning else "started")
            elif (after := event.res_outputs_event) is not None:
                if not after.planning:
                    self._step(after.metadata, "done")
            elif (failed := event.res_op_failed_event) is not None:
                self._step(failed.metadata, "failed")
            elif (diagnostic := event.diagnostic_event) is not None:
                self._diagnostic(diagnostic)
            elif (policy := event.policy_event) is not None:
                mandatory = policy.enforcement_level == "mandatory"
                text = f"policy {policy.policy_pack_name}/{policy.policy_name}: {plain(policy.message)}"
                self._log("error" if mandatory else "warning", text, policy.resource_urn or "")
            elif (summary := event.summary_event) is not None:
                self.changes = {operation(op): count for op, count in summary.resource_changes.items()}

    def _step(self, metadata: StepEventMetadata, phase: Phase) -> None:
        step = translate(metadata, phase, self._seconds(metadata, phase))
        if phase != "started":
            self.steps.append(step)
        self._on_event(step)

    def _seconds(self, metadata: StepEventMetadata, phase: Phase) -> float:
        key = (metadata.urn, operation(metadata.op))
        if phase == "started":
            self._began[key] = time.monotonic()
        return time.monotonic() - self._began.get(key, time.monotonic())

    def _diagnostic(self, event: DiagnosticEvent) -> None:
        text = plain(f"{event.prefix or ''}{event.message}").strip()
        if text:
            self._log(SEVERITIES.get(event.severity, "info"), text, event.urn or "", bool(event.ephemeral))

    def _log(
        self, severity: Literal["debug", "info", "warning", "error"], text: str, urn: str, ephemeral: bool = False
    ) -> None:
        if severity == "error":
            about = "::".join(urn.split("::")[2:]) if urn else ""
            self.errors.append(f"{about}: {_without_prefix(text)}" if about else _without_prefix(text))
            return  # shown once, at the end
        self._on_event(LogEvent(severity, text, urn, ephemeral))


def translate(metadata: StepEventMetadata, phase: Phase, seconds: float = 0.0) -> StepEvent:
    """One step."""
    detailed = {path: diff.diff_kind.value for path, diff in (metadata.detailed_diff or {}).items()}
    return StepEvent(
        urn=metadata.urn,
        type=metadata.type,
        name=metadata.urn.rpartition("::")[2],
        op=operation(metadata.op),
        phase=phase,
        diff=tuple(metadata.diffs or ()),
        detailed=detailed,
        old=_inputs(metadata.old),
        new=_inputs(metadata.new),
        seconds=seconds,
    )


def operation(op: Any) -> Op:
    """The op by the name that `preview --json` has for it."""
    name = str(getattr(op, "value", op))
    return cast(Op, {"discard": "read-discard"}.get(name, name))


def plain(text: str) -> str:
    """Without the tags that stand for colours."""
    return COLOUR_TAG.sub("", text)


def _inputs(state: Any) -> dict[str, Any] | None:
    return dict(state.inputs or {}) if state is not None else None


def _without_prefix(text: str) -> str:
    return text.removeprefix("error: ").strip()
