"""The JSON that `--json` prints for an operation. These shapes are documented in docs/cli.md and stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from infra.engine.api import Result, StepEvent
from mooring.display.changes import changes_of
from mooring.display.values import mask


def step_document(step: StepEvent) -> dict[str, Any]:
    """One step: `{urn, type, name, op, seconds, diff: {path: {kind, old, new}}}`."""
    document: dict[str, Any] = {"urn": step.urn, "type": step.type, "name": step.name, "op": step.op}
    if step.phase == "failed":
        document["failed"] = step.message or True
    if step.seconds:
        document["seconds"] = round(step.seconds, 3)
    if differences := changes_of(step):
        document["diff"] = {change.path: change.as_json() for change in differences}
    return document


def operation_document(
    verb: str, stack: str, result: Result, *, cancelled: bool = False, pins: Sequence[str] = ()
) -> dict[str, Any]:
    """How an operation ended. `result` is `succeeded`, `failed` or `cancelled`."""
    how = "cancelled" if cancelled else ("succeeded" if result.ok else "failed")
    return {
        "operation": verb,
        "stack": stack,
        "result": how,
        "changes": dict(result.changes),
        "steps": [step_document(step) for step in result.steps],
        "outputs": mask(result.outputs, result.secret_outputs),
        "pins": list(pins),
        "errors": list(result.errors),
        "seconds": round(result.seconds, 3),
    }
