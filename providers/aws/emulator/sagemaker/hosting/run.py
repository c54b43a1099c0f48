"""An endpoint that is made, changed or deleted: from what was asked for to what is so, across restarts.

What is asked for stands in the endpoint's `_pending` before anything is done. The supervisor carries it out and goes on
whatever becomes of this process; the thread here follows it, watches the alarms, and writes down what came of it.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.sagemaker import tags
from providers.aws.emulator.sagemaker.hosting import (
    alarms,
    deployment,
    fleet,
    logs,
    model_folder,
    outcome,
    records,
    summaries,
)
from providers.aws.emulator.sagemaker.hosting.records import PENDING, SERVING
from providers.aws.emulator.state import Thing
from providers.aws.emulator.work import Halted
from providers.errors import Unavailable
from providers.local.supervisor import client

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

POLL_SECONDS, ALARM_SECONDS = 0.5, 0.25
PATIENCE = 20
"""Times that a supervisor is asked which does not answer, once a second."""
_STATUS = {"shifting": "ActivatingTraffic", "baking": "Baking", "finishing": "Baking"}
"""The status of a variant in a phase of the rollout."""


class EndpointRun:
    """What is pending of one endpoint."""

    def __init__(self, service: SageMaker, region: str, name: str) -> None:
        self._service, self._region, self._name = service, region, name
        self._id = records.id_of(region, name)

    def begin(self) -> None:
        """Have a thread see to it."""
        body = records.find(self._service, self._region, self._name)
        pending = (body or {}).get(PENDING)
        if pending:
            self._service.work.begin(f"endpoint:{self._id}:{pending['id']}", self._run)

    def _run(self) -> None:
        body = records.find(self._service, self._region, self._name)
        if body is None or not body.get(PENDING):
            return
        try:
            if body[PENDING]["kind"] == "delete":
                self._delete(body)
            else:
                self._ended(*self._follow(self._apply(self._slots(body))))
        except fleet.CannotDeploy as error:
            self._ended("failed", str(error))
        except Halted:
            raise
        except Exception as error:  # a defect, or no supervisor: the endpoint must not be in progress for ever
            if self._service.work.halt.is_set():
                raise Halted from error
            traceback.print_exc(file=sys.stderr)
            self._ended("failed", f"InternalServerError: {error}")

    # What is served

    def _slots(self, body: Thing) -> list[fleet.Slot]:
        pending: dict[str, Any] = body[PENDING]
        if pending.get("slots"):
            held: list[fleet.Slot] = pending["slots"]
            return held
        slots = fleet.build(self._service, self._region, pending["config"], pending["desired"])
        self._note(slots=slots)
        return slots

    def _note(self, **facts: Any) -> None:
        """Write down more of what is pending."""

        def note(body: Thing) -> None:
            if body.get(PENDING):
                body[PENDING] |= facts

        records.edit(self._service, self._region, self._name, note)

    def _apply(self, slots: list[fleet.Slot]) -> str:
        """Have the supervisor begin, unless it has; the id of its operation."""
        body = records.find(self._service, self._region, self._name)
        if body is None or not body.get(PENDING):
            raise Halted
        pending = body[PENDING]
        record = self._call("endpoint.get", id=self._id)
        if pending.get("operation") and record is not None and _knows(record, pending["operation"]):
            return str(pending["operation"])
        owner = {"project": ACCOUNT, "stack": self._region, "urn": str(body["EndpointArn"]), "inputs": ""}
        spec = {"endpoint": self._name, "config": pending["config"]["EndpointConfigName"]}
        if record is None:
            self._call("endpoint.reserve", id=self._id, fixed=True, owner=owner, port=None, spec=spec)
        instances = sum(int(slot["replicas"]) for slot in slots)
        rules = deployment.rollout(pending.get("deployment"), instances, fleet.startup_seconds(pending["config"]))
        operation = self._call(
            "endpoint.apply", timeout=90.0, id=self._id, slots=slots, rollout=rules,
            autoscaling=None, port=None, owner=owner, spec=spec,
        )  # fmt: skip
        self._note(operation=operation)
        return str(operation)

    # Following the supervisor

    def _follow(self, operation: str) -> tuple[str, str]:
        """How the operation ended (`done`, `rolled-back`, `failed`, `stuck`), and why."""
        body = records.find(self._service, self._region, self._name) or {}
        pending: Mapping[str, Any] = body.get(PENDING) or {}
        names = deployment.alarm_names(pending.get("deployment"))
        ends = float(pending.get("since") or time.time()) + deployment.time_limit(pending.get("deployment"))
        seen, shown, told = -1, "", str(pending.get("reason") or "")
        while True:
            if self._service.work.halt.is_set():
                raise Halted
            seconds = ALARM_SECONDS if names else POLL_SECONDS
            record = self._call("endpoint.poll", id=self._id, seen=seen, seconds=seconds)
            if record is None:
                return "failed", "The endpoint's servers were removed from outside."
            seen, last, now = record["sequence"], record.get("last") or {}, record.get("operation")
            if now is None or now["id"] != operation:
                known = last.get("id") == operation
                return (last["result"], told or last["reason"]) if known else ("failed", "The update was replaced.")
            if record["stalled"]:
                return "stuck", str(now.get("reason") or "its servers could not be changed")
            phase = str(now["phase"])
            if phase != shown:
                self._show(phase)
                shown = phase
            if not told and phase in ("starting", "smoke", "shifting", "baking"):
                told = self._turn_back(names if phase in ("shifting", "baking") else [], ends)

    def _turn_back(self, names: list[str], ends: float) -> str:
        """Turn the update back where an alarm or the time says so; why, or nothing."""
        reason = ""
        if found := alarms.tripped(self._service.clients.get("cloudwatch", self._region), names):
            reason = alarms.reason(found)
        elif time.time() > ends:
            reason = "The update was rolled back because it exceeded its MaximumExecutionTimeoutInSeconds."
        if reason:
            self._note(reason=reason)  # before the deed, so that it is known after a restart
            self._call("endpoint.abort", id=self._id, reason=reason)
        return reason

    def _show(self, phase: str) -> None:
        """A phase of the rollout in AWS's words."""

        def show(body: Thing) -> None:
            pending = body.get(PENDING)
            if not pending:
                return
            if phase == "reverting" and body.get(SERVING):
                body["EndpointStatus"] = "RollingBack"
            elif body.get("PendingDeploymentSummary"):
                status = _STATUS.get(phase, "Creating")
                body["PendingDeploymentSummary"] = summaries.pending(
                    pending["config"], pending["desired"], status, pending["since"]
                )

        records.edit(self._service, self._region, self._name, show)

    def _call(self, op: str, timeout: float = 60.0, **args: Any) -> Any:
        """Ask the supervisor, again for a while when it does not answer: it goes on in any case."""
        tries = 0
        while True:
            try:
                return client.call(self._service.home, op, timeout=timeout, **args)
            except Unavailable:
                tries += 1
                if tries >= PATIENCE or self._service.work.halt.wait(1.0):
                    raise

    # What came of it

    def _ended(self, result: str, reason: str) -> None:
        record = self._call("endpoint.get", id=self._id) if result != "failed" else None
        port = int(record["port"]) if record is not None else 0

        def end(body: Thing) -> None:
            outcome.note(body, result, reason, port)

        records.edit(self._service, self._region, self._name, end)
        model_folder.prune(self._service.home, records.roots(self._service))

    def _delete(self, body: Thing) -> None:
        logs.collect(self._service, self._region, self._name)
        self._call("endpoint.delete", timeout=120.0, id=self._id)
        with self._service.state.transaction():
            records.remove(self._service, self._region, self._name)
            tags.forget(self._service.state, self._region, str(body["EndpointArn"]))
            logs.forget(self._service, self._region, self._name)
        model_folder.prune(self._service.home, records.roots(self._service))


def _knows(record: Mapping[str, Any], operation: str) -> bool:
    """Whether the supervisor is at this operation, or was last."""
    return operation in ((record.get("operation") or {}).get("id"), (record.get("last") or {}).get("id"))
