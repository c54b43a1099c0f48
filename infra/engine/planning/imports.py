"""Taking over what exists already: the `import_` option, and `import_resource`.

A resource is imported when the program gives an id and state does not have it under that id. It is read from
its provider, written to state, and then compared with what the program wants, as any resource is.
"""

from __future__ import annotations

from infra.engine.deployment import Deployment
from infra.engine.execute import StepFailed, Stopped, secret_outputs
from infra.engine.planning import replacements
from infra.engine.planning.planner import Registration
from infra.engine.planning.steps import Step
from infra.engine.planning.targets import implicit
from infra.engine.providers.provider_types import InitFailed, Target
from infra.engine.providers.rpc import RpcFailure
from infra.engine.state import urn as urns
from infra.engine.state.resource import now
from providers.errors import MooringError


class Importer:
    """Imports registrations that ask for it."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def due(self, registration: Registration) -> bool:
        """Whether the registration is an import."""
        goal, old = registration.goal, registration.old
        if not goal.custom or not goal.id or urns.is_provider_type(goal.type):
            return False
        if not (implicit(registration.new.urn) or self._deployment.included(registration.new)):
            return False
        return old is None or old.external or (old.import_id or old.id) != goal.id

    def run(self, registration: Registration) -> None:
        """Import; afterwards the registration's old resource is the imported one, to be compared with what is
        wanted. Raises `StepFailed`, `Stopped`."""
        new, old = registration.new, registration.old
        imported = new.copy()
        replacing = old is not None
        step = Step("import-replacement" if replacing else "import", new.urn, old, imported, pending_delete=replacing)
        self.step(step)
        registration.old, registration.imported = imported, True
        new.created, new.modified = imported.created, imported.modified
        self._deployment.olds[new.urn] = imported

    def step(self, step: Step) -> None:
        """Read the resource, and record it. Raises `StepFailed`, `Stopped`."""
        deployment = self._deployment
        if deployment.stopping:
            raise Stopped
        events = deployment.events
        if deployment.dry_run:
            events.plan(step)
        else:
            events.started(step)
        try:
            with deployment.slots:
                self._read(step)
        except (MooringError, RpcFailure) as failure:
            deployment.marks.failed.add(step.urn)
            events.failed(step, str(failure))
            events.error(str(failure), step.urn)
            raise StepFailed(step, str(failure)) from failure
        if not deployment.dry_run:
            events.done(step)

    def _read(self, step: Step) -> None:
        deployment, new = self._deployment, step.resource
        provider = replacements.provider_of(deployment, new)
        operation = None if deployment.dry_run else deployment.journal.begin("importing", new)
        try:
            live = provider.read(Target(new.urn, new.import_id), None, {})
        except InitFailed as failed:
            live, new.init_errors = failed.live, failed.reasons
        except BaseException:
            if operation is not None:
                deployment.journal.end(operation)
            raise
        problem = ""
        if live is None:
            problem = f"resource '{new.import_id}' does not exist"
        elif live.inputs is None:
            problem = f"the provider of '{urns.package_of(new.type)}' does not support importing resources"
        if problem or live is None:
            if operation is not None:
                deployment.journal.end(operation)
            raise MooringError(problem)
        new.id, new.inputs, new.outputs = live.id, live.inputs or {}, live.outputs
        new.outputs = secret_outputs(new, live.outputs)
        new.created = new.modified = now()
        self._record(step, operation)

    def _record(self, step: Step, operation: object) -> None:
        old, new = step.old, step.resource

        def change() -> None:
            if old is not None and not old.external:
                old.delete = True

        gone = [old] if old is not None and old.external else []
        self._deployment.journal.end(operation, new=new, done=gone, change=change)  # type: ignore[arg-type]
        self._deployment.news[new.urn] = new
