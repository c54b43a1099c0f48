"""What goes: resources that the program no longer has, those that were replaced, and all of them in `destroy`."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from infra.engine.deployment import Deployment
from infra.engine.execute import Executor, StepFailed, Stopped
from infra.engine.planning import steps
from infra.engine.state import graph
from infra.engine.state import urn as urns
from infra.engine.state.resource import Resource


class Deleter:
    """Deletes in waves: dependents first, what is independent at the same time."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._executor = Executor(deployment)
        self._stays: set[str] = set()

    def leftovers(self) -> None:
        """Delete what an `up` leaves over."""
        marks = self._deployment.marks
        left = [r for r in self._deployment.previous if r.delete or not marks.operated_on(r.urn)]
        # What was deleted to be made again, and was not, is only forgotten; what was replaced is deleted already.
        left = [r for r in left if not (r.delete and id(r) in marks.condemned) and not self._implicitly_kept(r)]
        self._run(self._targeted(left))

    def everything(self) -> None:
        """Delete all there is, but for what is protected and what that rests on."""
        previous = self._deployment.previous
        chosen = self._targeted(previous)
        protected = [r for r in chosen if r.protect and not r.delete]
        self._stays = _foundations(previous, protected)
        self._run([r for r in chosen if r.delete or r.urn not in self._stays])
        if protected:
            names = ", ".join(sorted(f"{urns.type_of(r.urn)} '{urns.name(r.urn)}'" for r in protected))
            self._deployment.events.error(
                f"{len(protected)} protected resource(s) stay, with what they rest on: {names}. To destroy "
                "them, remove the `protect` option from the program and deploy that first"
            )

    def _implicitly_kept(self, resource: Resource) -> bool:
        """Under `--target`, providers and the stack stay even where the program did not register them."""
        if not self._deployment.targets or resource.delete:
            return False
        return urns.type_of(resource.urn) == urns.ROOT_STACK_TYPE or urns.is_provider_type(resource.type)

    def _targeted(self, resources: list[Resource]) -> list[Resource]:
        """Those that `--target` names, and their dependents, which must be named too or asked for."""
        deployment = self._deployment
        if not deployment.targets:
            return resources
        previous = deployment.previous
        allowed: set[int] = set()
        for resource in previous:  # also one that stays: what depends on it and goes must be named as well
            if resource.urn in deployment.targets:
                allowed.add(id(resource))
                allowed |= {id(r) for r in graph.dependents(previous, resource, children=True)}
        chosen = [r for r in resources if id(r) in allowed]
        if not deployment.options.target_dependents:
            missing = [r for r in chosen if r.urn not in deployment.targets]
            for resource in missing:
                deployment.events.error(
                    f"Resource '{resource.urn}' will be destroyed but was not specified in --target list: add it, or "
                    "use --target-dependents",
                    resource.urn,
                )
            if missing:
                return []
        return chosen

    def _run(self, condemned: list[Resource]) -> None:
        marks = self._deployment.marks
        # With what was replaced as well: whatever is deleted with that is gone with its former self.
        marks.deletes |= {r.urn for r in condemned}
        blocked: set[str] = set()
        for wave in graph.deletion_waves(condemned):
            ready = [r for r in wave if r.urn not in blocked]
            for resource in wave:
                if resource not in ready:
                    blocked |= graph.needs(resource)
            failed = self._wave(ready)
            for resource in failed:
                blocked |= graph.needs(resource)

    def _wave(self, resources: list[Resource]) -> list[Resource]:
        """Delete these; which of them are still there."""
        if len(resources) == 1:
            return resources if not self._one(resources[0]) else []
        if not resources:
            return []
        with ThreadPoolExecutor(max(1, self._deployment.options.parallel), "delete") as pool:
            return [r for r, gone in zip(resources, pool.map(self._one, resources), strict=True) if not gone]

    def _one(self, resource: Resource) -> bool:
        try:
            self._executor.run([steps.delete(resource)])
        except (StepFailed, Stopped):
            return False
        return True


def _foundations(resources: Iterable[Resource], kept: Iterable[Resource]) -> set[str]:
    """URNs of `kept` and of all that they rest on, down to the stack."""
    by_urn = {r.urn: r for r in resources if not r.delete}
    found: set[str] = set()
    waiting = [r.urn for r in kept]
    while waiting:
        urn = waiting.pop()
        if urn not in found and urn in by_urn:
            found.add(urn)
            waiting += graph.needs(by_urn[urn])
    return found
