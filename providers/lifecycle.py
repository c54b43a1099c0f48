"""What Create, Update, Read and Delete do with a kind of an adapter, apart from any message format.

An operation that fails says in what it leaves the resource: an ordinary `MooringError` means that nothing has
changed, `InitFailed` that something is there under its id and the next deployment goes on with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from providers.adoption import begin, live_inputs, retire
from providers.boundaries import boundary
from providers.claims import Claims
from providers.contract import Context, Kind
from providers.diffing import IN_PLACE, RUNS
from providers.errors import Cancelled, JobFailed, MooringError, NotFound, PartialFailure, RolledBack
from providers.failures import InitFailed, message
from providers.operations import Operation
from providers.outputs import echoed, outputs
from providers.properties import at, canonical, put, without_defaults
from providers.values import BatchState, EndpointState, Scoped, TrainingState, Value

log = logging.getLogger("mooring.provider")

_GOING_ON = frozenset({"pending", "running", "stopping"})


@dataclass(frozen=True)
class Resource:
    """One resource and its kind. `inputs` are its checked inputs, `id` the cloud's own (empty before Create)."""

    type_name: str
    cloud: str
    kind: Kind[Any, Any]
    inputs: Mapping[str, Any]
    id: str = ""

    @property
    def full_id(self) -> str:
        """The Pulumi id: with the cloud in front, so that import and delete know their adapter."""
        return f"{self.cloud}:{self.id}"

    @property
    def key(self) -> str:
        """What names it among all resources of one servicer."""
        return f"{self.type_name}/{self.full_id}"

    def with_id(self, id: str) -> Resource:
        """The same with the id it has got."""
        return Resource(self.type_name, self.cloud, self.kind, self.inputs, id)

    @property
    def in_place(self) -> bool:
        """Whether a change of what it is about updates it (a run or a version is another one instead)."""
        return self.type_name in IN_PLACE


def create(
    resource: Resource,
    spec: Scoped,
    context: Context,
    operation: Operation,
    claims: Claims,
    is_held: Callable[[str], bool],
) -> tuple[str, dict[str, Any]]:
    """Adopt or begin it and see it through. Returns the full id and the outputs.

    `is_held` says of a resource's key whether some engine has shown that its state holds it.
    """
    kind = resource.kind
    keyed = resource.with_id
    try:
        begun = begin(kind, spec, context, in_place=resource.in_place, is_held=lambda id: is_held(keyed(id).key))
    except (PartialFailure, Cancelled) as stopped:
        if not stopped.id:
            raise
        hold(keyed(stopped.id), claims)
        raise _init_failed(keyed(stopped.id), _words(stopped, operation)) from stopped
    made = keyed(begun.id)
    operation.id = begun.id
    boundary("create:begun")
    try:
        if begun.as_asked:
            state = kind.wait(begun.id, spec, context)
        else:
            state = kind.update(begun.id, live_inputs(kind, begun.id), spec, context)
    except (JobFailed, RolledBack):
        retire(kind, begun.id, context)
        raise
    except Exception as failed:
        hold(made, claims, adopted=begun.adopted)
        raise _init_failed(made, _words(failed, operation)) from failed
    hold(made, claims, adopted=begun.adopted)
    boundary("create:done")
    return made.full_id, outputs(resource.type_name, resource.inputs, state)


def update(
    resource: Resource, old: Mapping[str, Any], spec: Scoped, context: Context, operation: Operation, claims: Claims
) -> dict[str, Any]:
    """Make it as `spec` asks, or finish what an earlier deployment left partial. Returns the outputs."""
    operation.id = resource.id
    try:
        state = resource.kind.update(resource.id, old, spec, context)
    except JobFailed as failed:
        if resource.type_name in RUNS:
            # The engine keeps the id on an update: a status that Diff replaces on is how a new run begins.
            raise _init_failed(resource, message(failed), status="failed") from failed
        raise
    except (PartialFailure, Cancelled) as stopped:
        if isinstance(stopped, Cancelled) and not stopped.id:
            raise Cancelled(_words(stopped, operation)) from stopped
        raise _init_failed(resource, _words(stopped, operation)) from stopped
    hold(resource, claims)
    boundary("update:done")
    return outputs(resource.type_name, resource.inputs, state)


def read(resource: Resource) -> tuple[dict[str, Any] | None, dict[str, Any]] | None:
    """Live inputs (None: as they were) and outputs; None when it is gone.

    Inputs that only say the same in other words stay as the state has them. Raises `InitFailed` for what was begun
    and is not finished, so that a refresh does not make it look like something finished.
    """
    try:
        live = resource.kind.read(resource.id)
    except NotFound:
        return None
    if live is None:
        return None
    spec, state = live
    inputs = _drifted(resource, spec) if spec is not None else None
    if inputs is None and not resource.inputs:
        inputs = _imported(resource, state)
    known = {"cloud": resource.cloud, **(inputs if inputs is not None else resource.inputs)}
    if _is_unfinished(state):
        reason = "it was begun and is not finished; the next `up` goes on with it"
        raise InitFailed(reason, id=resource.full_id, outputs=_outputs(resource, known, state), inputs=inputs)
    return inputs, _outputs(resource, known, state)


def _outputs(resource: Resource, inputs: Mapping[str, Any], state: Value | None) -> dict[str, Any]:
    """The outputs of something, as far as there is a state of it."""
    return echoed(resource.type_name, inputs) if state is None else outputs(resource.type_name, inputs, state)


def _is_unfinished(state: Value | None) -> bool:
    """Whether this is the state of something that a later `update` has to go on with."""
    match state:
        case None:
            return True
        case TrainingState():
            return state.status in _GOING_ON or (state.status == "succeeded" and not state.artifact)
        case BatchState():
            return state.status in _GOING_ON or (state.status == "succeeded" and not state.output)
        case EndpointState():
            return not state.deployments and state.status != "deleting"
    return False


def delete(resource: Resource, context: Context, claims: Claims) -> None:
    """Remove or retire it; silent when it is gone."""
    if claims.was_adopted(resource.key):
        log.info("%s was taken up by this deployment and stays", resource.full_id)
        return
    try:
        resource.kind.delete(resource.id, context)
    except NotFound:
        log.debug("%s was gone already", resource.full_id)
    boundary("delete:done")


def abandoned(resource: Resource, operation: Operation, claims: Claims) -> InitFailed:
    """The failure of a Create or Update whose adapter did not come back in time after a cancel."""
    resource = resource.with_id(operation.id)
    hold(resource, claims)
    reason = f"{operation.stopped()}; the next `up` goes on with it"
    return InitFailed(reason, id=resource.full_id, outputs=echoed(resource.type_name, resource.inputs))


def hold(resource: Resource, claims: Claims, *, adopted: bool = False) -> None:
    """Claim it once the engine's state has its id."""
    claims.after_reply(resource.key, lambda: resource.kind.claim(resource.id), adopted=adopted)


def _words(error: BaseException, operation: Operation) -> str:
    """The reason of an operation that did not end: cancelled, out of time, or an error."""
    if isinstance(error, Cancelled):
        told = str(error)
        why = operation.stopped()
        return f"{why if told in ('', 'cancelled', why) else f'{why}: {told}'}; the next `up` goes on with it"
    if operation.cancel.is_set() and operation.timed_out:
        return f"{operation.stopped()}: {message(error)}"
    if not isinstance(error, MooringError):
        log.debug("internal error", exc_info=error)
    return message(error)


def _init_failed(resource: Resource, reason: str, **fields: str) -> NoReturn:
    raise InitFailed(reason, id=resource.full_id, outputs={**_known_outputs(resource), **fields})


def _known_outputs(resource: Resource) -> dict[str, Any]:
    """The outputs of something unfinished, as far as its cloud tells them now."""
    try:
        live = resource.kind.read(resource.id)
    except Exception:
        log.debug("no state of %s", resource.full_id, exc_info=True)
        live = None
    return _outputs(resource, resource.inputs, live[1] if live is not None else None)


def _drifted(resource: Resource, live: Scoped) -> dict[str, Any]:
    """The inputs of the state with only what has really changed taken from the live ones."""
    model = type(live)
    new = without_defaults(model, live.to_wire())
    if not resource.inputs:
        return dict(new)
    result: dict[str, Any] = dict(canonical(model, resource.inputs))
    old = without_defaults(model, result)
    for key in {*old, *new}:
        if key not in new:
            result.pop(key, None)
        elif old.get(key) != new[key]:
            result = put(result, (key,), at(new, (key,)))
    return result


def _imported(resource: Resource, state: Value | None) -> dict[str, Any]:
    """What an import can know of inputs that the cloud does not tell: the cloud, and what the state repeats."""
    wire = state.to_wire() if state is not None else {}
    fields = resource.kind.spec.model_fields
    shared = {f.alias or n: wire[f.alias or n] for n, f in fields.items() if f.is_required() and (f.alias or n) in wire}
    return {"cloud": resource.cloud, **shared}
