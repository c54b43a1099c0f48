"""Bringing state in line with what is there: `refresh`, `--refresh`, and what a killed deployment left."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from infra.engine.deployment import Deployment
from infra.engine.events import shown
from infra.engine.execute import Stopped, secret_outputs
from infra.engine.planning import replacements
from infra.engine.planning.steps import Step
from infra.engine.providers.provider_types import DiffUnavailable, InitFailed, Live, Target
from infra.engine.providers.rpc import RpcFailure
from infra.engine.state import urn as urns
from infra.engine.state.resource import Resource, now
from infra.engine.values import diffs, property_diff
from providers.errors import MooringError


class Refresher:
    """Reads resources of the state from their providers, several at a time."""

    def __init__(self, deployment: Deployment, *, tell_same: bool = True) -> None:
        self._deployment, self._tell_same = deployment, tell_same

    def run(self, only: Collection[str] | None = None) -> None:
        """Refresh what `--target` includes, or only these URNs. Failures are told; the rest goes on."""
        chosen = [r for r in self._deployment.previous if self._wanted(r, only)]
        if not chosen:
            return
        with ThreadPoolExecutor(max(1, self._deployment.options.parallel), "refresh") as pool:
            gone = [r for r, there in zip(chosen, pool.map(self._one, chosen), strict=True) if not there]
        self._forget_gone({r.urn for r in gone if not r.delete})

    def _wanted(self, resource: Resource, only: Collection[str] | None) -> bool:
        if not resource.custom or urns.is_provider_type(resource.type) or resource.pending_replacement:
            return False
        return resource.urn in only if only is not None else self._deployment.included(resource)

    def _one(self, old: Resource) -> bool:
        """Refresh one; whether it is still there."""
        deployment = self._deployment
        step = Step("refresh", old.urn, old, old)
        if deployment.stopping:
            return True
        if not deployment.dry_run:
            deployment.events.started(step)
        try:
            there = self._read(step, old)
        except Stopped:
            return True
        except (MooringError, RpcFailure) as failure:
            deployment.marks.failed.add(old.urn)
            deployment.events.failed(step, str(failure))
            deployment.events.error(str(failure), old.urn)
            return True
        self._count(step, there)
        return there

    def _read(self, step: Step, old: Resource) -> bool:
        deployment = self._deployment
        provider = replacements.provider_of(deployment, old)
        target = Target(old.urn, old.id, old.custom_timeouts.get("read", 0.0))
        errors: list[str] = []
        live: Live | None
        try:
            live = provider.read(target, old.inputs or {}, old.outputs or {})
        except InitFailed as failed:
            live, errors = failed.live, failed.reasons
            deployment.events.log(
                "warning", "Refreshed resource is in an unhealthy state:\n* " + "\n* ".join(errors), old.urn
            )
        if live is None or not live.id:
            step.new = None
            deployment.journal.note(None, [old])
            return False
        new = old.copy(id=live.id, inputs=live.inputs if live.inputs is not None else old.inputs, init_errors=errors)
        new.outputs = secret_outputs(new, live.outputs)
        changed = not (
            property_diff.equal(old.inputs or {}, new.inputs or {})
            and property_diff.equal(old.outputs or {}, new.outputs or {})
        )
        if changed or errors != old.init_errors:
            new.modified = now() if changed else old.modified
            step.new = new
            self._explain(step, old, new)
            deployment.journal.note(new, [old])
        return True

    def _explain(self, step: Step, old: Resource, new: Resource) -> None:
        """The difference as the program would see it: from what is there to what state had, turned round."""
        if old.external:
            return
        provider = replacements.provider_of(self._deployment, old)
        try:
            diff = provider.diff(
                Target(old.urn, new.id), new.inputs or {}, new.outputs or {}, old.inputs or {}, old.ignore_changes
            )
        except DiffUnavailable:
            return
        if diff.changes == "unknown":
            diff = diffs.of_inputs(new.inputs or {}, old.inputs or {})
        diff = diff.inverted()
        step.changed_keys, step.detailed = diff.changed_keys, diff.detailed

    def _count(self, step: Step, there: bool) -> None:
        """Tell of it as what it amounts to: deleted, updated, or the same."""
        deployment = self._deployment
        if not there:
            step.op = "delete"
        elif step.new is not step.old:
            step.op = "update"
        else:
            step.op = "same"
        if step.op == "same" and not self._tell_same:
            return
        if deployment.dry_run:
            deployment.events.plan(step)
        elif shown(step):
            deployment.events.done(step)

    def _forget_gone(self, gone: set[str]) -> None:
        """Whatever named a resource that is gone no longer does; its children lose their parent's place."""
        if not gone:
            return
        for resource in self._deployment.journal.current():
            named = {urn for _, urn in resource.referenced()}
            if not named & gone:
                continue
            new = resource.copy(
                dependencies=[u for u in resource.dependencies if u not in gone],
                property_dependencies={
                    k: [u for u in v if u not in gone] for k, v in resource.property_dependencies.items()
                },
                replace_with=[u for u in resource.replace_with if u not in gone],
                deleted_with="" if resource.deleted_with in gone else resource.deleted_with,
                parent="" if resource.parent in gone else resource.parent,
            )
            self._deployment.journal.note(new, [resource])
