"""Does what was planned: calls the providers, and has every effect written down before and after.

What a step means is Pulumi's `step.go`. A provider's plain failure leaves the state as it was; one that comes
with an id (`InitFailed`) is a resource that exists, with `initErrors` for the next deployment to resume.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from infra.engine.deployment import Deployment
from infra.engine.planning import replacements
from infra.engine.planning.steps import Step
from infra.engine.providers.provider_client import Provider
from infra.engine.providers.provider_types import InitFailed, Live, Target
from infra.engine.providers.rpc import RpcFailure
from infra.engine.state import urn as urns
from infra.engine.state.journal import fields_changed
from infra.engine.state.resource import OperationType, Resource, now
from infra.engine.values.property_diff import equal
from infra.engine.values.signatures import UNKNOWN_STRING
from infra.engine.values.values import Properties, Secret, mark_secret
from providers.errors import MooringError


class StepFailed(Exception):
    """A step has failed, and was told so. `message` is the provider's."""

    def __init__(self, step: Step, message: str) -> None:
        self.step, self.message = step, message
        super().__init__(message)


class Stopped(Exception):
    """The user asked to stop, and the step was not begun."""


class Executor:
    """Runs steps, in the calling thread. Thread-safe."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._journal = deployment.journal
        self._apply: dict[str, Callable[[Step], None]] = {
            "same": self._same,
            "create": self._create,
            "create-replacement": self._create,
            "update": self._update,
            "replace": lambda step: None,
            "delete": self._delete,
            "delete-replaced": self._delete,
            "discard-replaced": self._delete,
            "remove-pending-replace": self._remove,
            "read": self._read,
            "read-replacement": self._read,
        }

    def run(self, steps: Sequence[Step]) -> None:
        """Run a chain in order. Raises `StepFailed` at the first that fails, `Stopped` when none may begin."""
        with self._deployment.slots:
            for step in steps:
                self.step(step)

    def step(self, step: Step) -> None:
        """Run one step."""
        events = self._deployment.events
        if self._deployment.stopping:
            raise Stopped
        if self._deployment.dry_run:
            events.plan(step)
            self._tell(step, lambda: self._apply[step.op](step))
            if step.op == "read":
                events.seen(step)
            return
        events.started(step)
        self._tell(step, lambda: self._apply[step.op](step))
        events.done(step)

    def _tell(self, step: Step, apply: Callable[[], None]) -> None:
        try:
            apply()
        except (RpcFailure, InitFailed, MooringError) as failure:
            message = str(failure) or type(failure).__name__
            self._deployment.marks.failed.add(step.urn)
            self._deployment.events.failed(step, message)
            self._deployment.events.error(message, step.urn)
            raise StepFailed(step, message) from failure

    # What changes nothing in the world is noted, and written with the next thing that does.

    def _same(self, step: Step) -> None:
        new = step.resource
        if step.skipped or step.old is None:
            return
        old = step.old
        new.id, new.outputs = old.id, old.outputs
        if urns.is_provider_type(new.type) and not step.untargeted:
            self._deployment.host.same(new.urn, new.id, old.inputs or {})
        self._settle(new)
        if not fields_changed(old, new):
            new.modified = old.modified
            self._journal.replace_unchanged(old, new)
            return
        self._journal.note(new, [old])

    def _create(self, step: Step) -> None:
        new = step.resource
        if not new.custom:
            new.outputs = new.outputs or {}
            self._made(step, None)
            return
        if urns.is_provider_type(new.type):
            live = self._deployment.host.create(new.urn, new.inputs or {}, preview=self._deployment.dry_run)
            new.id, new.outputs = live.id, live.outputs
            self._made(step, None)
            return
        provider = self._provider(new)
        target = Target(new.urn, timeout=new.custom_timeouts.get("create", 0.0))
        self._effect(
            step, "creating", lambda: provider.create(target, new.inputs or {}, preview=self._deployment.dry_run)
        )

    def _update(self, step: Step) -> None:
        new, old = step.resource, step.old
        if old is None:
            raise AssertionError(f"an update of nothing: {step.urn}")
        new.id = old.id
        if not new.custom:
            new.outputs = old.outputs
            self._made(step, None)
            return
        if urns.is_provider_type(new.type):
            live = self._deployment.host.update(new.urn, new.id, new.inputs or {})
            new.outputs, new.modified = live.outputs, now()
            self._made(step, None)
            return
        provider = self._provider(new)
        target = Target(new.urn, old.id, new.custom_timeouts.get("update", 0.0))
        before, outputs, after = old.inputs or {}, old.outputs or {}, new.inputs or {}
        dry_run, ignored = self._deployment.dry_run, step.ignore_changes
        self._effect(
            step,
            "updating",
            lambda: provider.update(target, before, outputs, after, ignored, preview=dry_run),
        )

    def _effect(self, step: Step, type: OperationType, call: Callable[[], Live]) -> None:
        """Call a provider for an effect, with the intent and the result written around it."""
        new = step.resource
        operation = None if self._deployment.dry_run else self._journal.begin(type, new)
        try:
            live = call()
        except InitFailed as failed:
            self._take(new, failed.live)
            if step.op == "update" and step.old is not None:
                # What there is was not made with the new inputs; the next deployment sees them as a change.
                new.inputs = step.old.inputs
            new.init_errors = failed.reasons
            self._stamp(step)
            self._made(step, operation)
            raise
        except BaseException:
            if operation is not None:
                self._journal.end(operation)
            raise
        self._take(new, live)
        self._stamp(step)
        self._made(step, operation)

    def _made(self, step: Step, operation: object) -> None:
        """Record that the new resource is there, and what becomes of the old one."""
        new, old = step.resource, step.old
        self._settle(new)
        gone: list[Resource] = []
        marked: Resource | None = None
        if old is not None and step.pending_delete:
            marked = old
        elif old is not None and (step.op == "update" or old.pending_replacement):
            gone = [old]

        def change() -> None:
            if marked is not None:
                marked.delete = True

        if not new.created:
            new.created = new.modified = now()
        if operation is None and marked is None:
            self._journal.note(new, gone)
        else:
            self._journal.end(operation, new=new, done=gone, change=change)  # type: ignore[arg-type]

    def _stamp(self, step: Step) -> None:
        new = step.resource
        new.modified = now()
        if step.op != "update" or not new.created:
            new.created = new.modified

    def _take(self, new: Resource, live: Live) -> None:
        new.id, new.outputs = live.id, live.outputs

    def _read(self, step: Step) -> None:
        new, old = step.resource, step.old
        if new.id == UNKNOWN_STRING:
            new.outputs = {}
        else:
            provider = self._provider(new)
            live = provider.read(Target(new.urn, new.id), new.inputs or {}, new.inputs or {})
            if live is None:
                raise MooringError(f"resource '{new.id}' does not exist")
            self._take(new, live)
        if old is not None:
            same = equal(old.inputs or {}, new.inputs or {}) and equal(old.outputs or {}, new.outputs or {})
            new.created, new.modified = old.created, old.modified if same else now()
        self._settle(new, read=True)
        if old is not None and step.pending_delete:
            self._journal.end(None, new=new, change=lambda: setattr(old, "delete", True))
        else:
            self._journal.note(new, [] if old is None else [old])

    def _delete(self, step: Step) -> None:
        old = step.resource
        if step.op == "delete" and old.protect:
            raise MooringError(
                f'resource "{old.urn}" cannot be deleted because it is protected: remove the `protect` option from '
                "the resource in your program and deploy that first"
            )
        if self._deployment.dry_run:
            # A preview writes nothing; what follows sees the resource as an `up` would.
            old.pending_replacement = old.pending_replacement or step.pending_replacement
            return
        operation = self._journal.begin("deleting", old) if self._has_effect(old) else None
        try:
            if operation is not None:
                target = Target(old.urn, old.id, old.custom_timeouts.get("delete", 0.0))
                self._provider(old).delete(target, old.inputs or {}, old.outputs or {})
        except BaseException:
            self._journal.end(operation)
            raise

        def change() -> None:
            if step.pending_replacement:
                old.pending_replacement = True

        gone = [] if step.pending_replacement else [old]
        if operation is None and gone:
            self._journal.note(None, gone)
        else:
            self._journal.end(operation, done=gone, change=change)

    def _has_effect(self, old: Resource) -> bool:
        """Whether deleting it means anything to its provider."""
        if not old.custom or old.external or old.retain_on_delete or urns.is_provider_type(old.type):
            return False
        return not (old.deleted_with and old.deleted_with in self._deployment.marks.deletes)

    def _remove(self, step: Step) -> None:
        self._journal.note(None, [step.resource])

    def _provider(self, resource: Resource) -> Provider:
        return replacements.provider_of(self._deployment, resource)

    def _settle(self, new: Resource, *, read: bool = False) -> None:
        """Mark what must be secret, and let others find the resource."""
        new.outputs = secret_outputs(new, new.outputs)
        found = self._deployment.reads if read else self._deployment.news
        found[new.urn] = new


def secret_outputs(resource: Resource, given: Properties | None) -> Properties:
    """Outputs of a resource with those secret that the program names, or whose input of that name is."""
    outputs = given or {}
    leaked = [k for k, v in (resource.inputs or {}).items() if isinstance(v, Secret) and k in outputs]
    return mark_secret(outputs, [*resource.additional_secret_outputs, *leaked])
