"""One registration from its arrival to its answer: planned, executed, remembered."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

import grpc

from infra.engine.deployment import Deployment
from infra.engine.execute import Executor, StepFailed, Stopped, secret_outputs
from infra.engine.planning.goal import Goal, ReadGoal
from infra.engine.planning.imports import Importer
from infra.engine.planning.planner import Planner
from infra.engine.providers.default_providers import DefaultProviders
from infra.engine.providers.rpc import RpcFailure
from infra.engine.state import graph
from infra.engine.state import urn as urns
from infra.engine.state.resource import Resource
from infra.engine.values.values import Properties, contains_unknowns
from providers.errors import MooringError


@dataclass(frozen=True)
class Outcome:
    """What a registration came to. `unknown`: it was left out, its outputs are not known."""

    state: Resource
    status: Literal["success", "failed", "skipped"] = "success"
    unknown: bool = False


class Registrar:
    """Serves registrations, from as many threads as there are. What fails is told once, to the events."""

    def __init__(self, deployment: Deployment, defaults: DefaultProviders) -> None:
        self.deployment = deployment
        self._planner = Planner(deployment)
        self._executor = Executor(deployment)
        self._importer = Importer(deployment)
        self._lock = threading.Lock()
        self._root_outputs: Properties | None = None
        defaults.register = self.register

    def register(self, goal: Goal) -> Outcome:
        """A resource that the program wants. Raises `RpcFailure` (UNAVAILABLE) once the user asked to stop."""
        self._refuse_when_stopping()
        urn = urns.make(self.deployment.ref.stack, self.deployment.ref.project, goal.parent, goal.type, goal.name)
        blank = Resource(urn=urn, type=goal.type)
        if self._needs_failed(goal):
            with self.deployment.planning:
                self.deployment.marks.failed.add(urn)
            self.deployment.events.log("info", "skipped: something that it depends on has failed", urn)
            return Outcome(blank, "skipped")
        try:
            return self._register(goal)
        except StepFailed as failed:
            return Outcome(failed.step.new or blank, "failed")
        except Stopped:
            raise _stopping() from None
        except (MooringError, RpcFailure) as error:
            self.deployment.marks.failed.add(urn)
            self.deployment.events.error(str(error), urn)
            return Outcome(blank, "failed")

    def _register(self, goal: Goal) -> Outcome:
        registration = self._planner.begin(goal)
        registration.forced = self.deployment.interrupted.get(registration.new.urn) in ("updating", "deleting")
        if self._importer.due(registration):
            self._importer.run(registration)
        steps = self._planner.decide(registration)
        self._executor.run(steps)
        new = next((s.new for s in reversed(steps) if s.new is not None), registration.new)
        return Outcome(new, unknown=any(s.skipped for s in steps))

    def read(self, goal: ReadGoal) -> Resource:
        """A resource that the program looks at. Raises `RpcFailure`, told already."""
        self._refuse_when_stopping()
        try:
            steps = self._planner.read(goal)
            self._executor.run(steps)
        except Stopped:
            raise _stopping() from None
        except StepFailed as failed:
            raise RpcFailure(grpc.StatusCode.UNKNOWN, failed.message) from failed
        found = steps[0].new
        assert found is not None  # a read always has the record that it fills in
        return found

    def outputs(self, urn: str, outputs: Properties) -> None:
        """A component's outputs. Those of the stack are kept until it is known how the operation ended."""
        if urns.type_of(urn) == urns.ROOT_STACK_TYPE:
            with self._lock:
                self._root_outputs = outputs
            return
        new = self.deployment.news.get(urn)
        if new is None or urn in self.deployment.marks.skipped:
            return
        self._set_outputs(new, outputs)

    def finish_outputs(self, *, failed: bool) -> None:
        """Give the stack its outputs; after a failure, those that were not registered stay as they were."""
        outputs = self._root_outputs
        new = self.deployment.news.get(urns.root(self.deployment.ref.stack, self.deployment.ref.project))
        if outputs is None or new is None:
            return
        if failed:
            old = self.deployment.olds.get(new.urn)
            known = {k: v for k, v in outputs.items() if not contains_unknowns(v)}
            outputs = {**((old.outputs if old else None) or {}), **known}
        self._set_outputs(new, outputs)

    def _set_outputs(self, new: Resource, outputs: Properties) -> None:
        if not self.deployment.dry_run:
            outputs = {k: v for k, v in outputs.items() if not contains_unknowns(v)}
        self.deployment.journal.set_outputs(new, secret_outputs(new, outputs))

    def _needs_failed(self, goal: Goal) -> bool:
        failed = self.deployment.marks.failed
        if not failed:
            return False
        probe = Resource(
            urn="",
            type=goal.type,
            parent=goal.parent,
            provider=goal.provider,
            dependencies=list(goal.dependencies),
            property_dependencies={k: list(v) for k, v in goal.property_dependencies.items()},
            deleted_with=goal.deleted_with,
        )
        if failed & graph.needs(probe):
            return True
        return not self.deployment.dry_run and contains_unknowns(goal.properties)

    def _refuse_when_stopping(self) -> None:
        if self.deployment.stopping:
            raise _stopping()


def _stopping() -> RpcFailure:
    return RpcFailure(grpc.StatusCode.UNAVAILABLE, "the operation was cancelled")
