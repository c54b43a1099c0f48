"""`import`: an existing resource taken into the state without running the program."""

from __future__ import annotations

import os

from infra.engine.deployment import Deployment
from infra.engine.errors import EngineError
from infra.engine.execute import StepFailed, Stopped
from infra.engine.planning import replacements
from infra.engine.planning.goal import Goal
from infra.engine.planning.imports import Importer
from infra.engine.planning.steps import Step
from infra.engine.program.registrar import Registrar
from infra.engine.providers.default_providers import DefaultProviders
from infra.engine.providers.provider_types import Target
from infra.engine.providers.rpc import RpcFailure
from infra.engine.state import urn as urns
from infra.engine.state.resource import Resource


def take(deployment: Deployment, type: str, name: str, id: str) -> None:
    """Read the resource `id` and record it, protected. What fails is told.

    Raises `EngineError` when the stack has a resource of that name already.
    """
    if type.count(":") != 2:
        raise EngineError(f"'{type}' is not a type token: expected <package>:<module>:<type>")
    ref = deployment.ref
    root = urns.root(ref.stack, ref.project)
    urn = urns.make(ref.stack, ref.project, root, type, name)
    if urn in deployment.olds:
        raise EngineError(f"the stack has {type} '{name}' already ({urn})")
    try:
        provider = _provider(deployment, root, urns.package_of(type))
    except RpcFailure:
        # What went wrong with it was told.
        return
    new = Resource(
        urn=urn, type=type, custom=True, parent=root, provider=provider, import_id=id, protect=True
    )  # fmt: skip
    try:
        Importer(deployment).step(Step("import", urn, None, new))
    except (StepFailed, Stopped):
        return
    _validate(deployment, new)
    # As `pulumi import` leaves it: an id to import belongs to the program's options only.
    deployment.journal.forget_import_id(new)


def _validate(deployment: Deployment, new: Resource) -> None:
    """Warn of what the provider would not accept of the inputs that it has just read."""
    inputs = new.inputs or {}
    try:
        checked = replacements.provider_of(deployment, new).check(Target(new.urn), inputs, inputs, os.urandom(32))
    except RpcFailure as failure:
        deployment.events.log("warning", f"the imported inputs could not be checked: {failure}", new.urn)
        return
    for prop, reason in checked.failures:
        deployment.events.log("warning", f"imported, but not valid as it is: {prop}: {reason}", new.urn)


def _provider(deployment: Deployment, root: str, package: str) -> str:
    """The reference of the package's default provider, taken from the state or made; the stack's root too."""
    defaults = DefaultProviders(deployment)
    registrar = Registrar(deployment, defaults)
    if root in deployment.olds:
        deployment.marks.seen.add(root)
    else:
        parts = urns.parse(root)
        registrar.register(Goal(type=parts.type, name=parts.name, custom=False, properties={}))
    for old in deployment.olds.values():
        if old.type == f"pulumi:providers:{package}" and urns.is_default_provider(old.urn):
            deployment.host.ensure(old)
            return urns.provider_ref(old.urn, old.id)
    return defaults.reference(package, "", "")
