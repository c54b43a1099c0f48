"""A preview as one document, in the form of `pulumi preview --json` (Pulumi's `display.PreviewDigest`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from infra.engine.api import LogEvent
from infra.engine.planning.steps import Step
from infra.engine.state import urn as urns
from infra.engine.state.resource import Resource, encode_resource
from infra.engine.values.encoding import Encoder, loads
from infra.engine.values.signatures import SECRET_MASK
from infra.engine.values.values import mask


def entry(step: Step) -> dict[str, Any] | None:
    """A step's entry, as it is before the step is applied; None for what is not listed.

    Listed are the stack itself and all that changes, a replacement once.
    """
    if not step.logical or (step.op == "same" and not _noteworthy(step)):
        return None
    found: dict[str, Any] = {"op": step.op, "urn": step.urn}
    if step.resource.provider:
        found["provider"] = step.resource.provider
    if step.old is not None:
        found["oldState"] = _state(step.old)
    if step.new is not None and step.op != "delete":
        found["newState"] = _state(step.new)
    if step.changed_keys:
        found["diffReasons"] = list(step.changed_keys)
    if step.replace_keys:
        found["replaceReasons"] = list(step.replace_keys)
    found["detailedDiff"] = (
        {path: {"kind": diff.kind, "inputDiff": diff.input_diff} for path, diff in step.detailed.items()}
        if step.detailed is not None
        else None
    )
    return found


def document(
    entries: Iterable[Mapping[str, Any]],
    diagnostics: Iterable[LogEvent],
    config: Mapping[str, str],
    secret_keys: frozenset[str],
    changes: Mapping[str, int],
    seconds: float,
) -> dict[str, Any]:
    """The whole document. The duration is in nanoseconds, as Pulumi's is."""
    found: dict[str, Any] = {}
    if config:
        found["config"] = {k: SECRET_MASK if k in secret_keys else v for k, v in sorted(config.items())}
    steps = list(entries)
    if steps:
        found["steps"] = steps
    messages = [_diagnostic(event) for event in diagnostics]
    if messages:
        found["diagnostics"] = messages
    found["duration"] = int(seconds * 1e9)
    if changes:
        found["changeSummary"] = dict(changes)
    return found


def _noteworthy(step: Step) -> bool:
    if urns.type_of(step.urn) == urns.ROOT_STACK_TYPE:
        return True
    return step.old is not None and step.new is not None and step.old.protect != step.new.protect


def _state(resource: Resource) -> dict[str, Any]:
    shown = resource.copy(
        inputs=mask(resource.inputs or {}), outputs=mask(resource.outputs or {}), replacement_trigger=None
    )
    state: dict[str, Any] = loads(encode_resource(shown, Encoder(None), None, set()))
    return state


def _diagnostic(event: LogEvent) -> dict[str, Any]:
    found: dict[str, Any] = {"urn": event.urn} if event.urn else {}
    return {**found, "message": f"{event.message}\n", "severity": event.severity}
