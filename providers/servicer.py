"""The Pulumi provider `moor` as a gRPC servicer: it translates messages, and leaves the work to others.

The same object serves a plugin process, an attached provider and the embedded engine, which calls it in
process. Property values travel as plain Structs: secrets are not accepted, so the engine keeps them and marks
them in what comes back; unknown values arrive in previews.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from providers import lifecycle, provider_config, registry
from providers.adoption import leftovers, retire
from providers.checking import check, parse
from providers.codec import from_struct, to_struct
from providers.contract import KINDS, Adapter, Context
from providers.diffing import diff
from providers.errors import Cancelled, MooringError, NotSupported
from providers.failures import answers
from providers.identity import ownership, split_id, type_name, type_of
from providers.invoking import invoke
from providers.lifecycle import Resource
from providers.messages import check_failures, diff_response, top_level
from providers.operations import Operation, Operations
from providers.outputs import preview_create, preview_update
from providers.paths import project_root
from providers.progress import Log, Reporter
from providers.redaction import redactor
from providers.sessions import Session, Sessions


class MoorServicer(provider_pb2_grpc.ResourceProviderServicer):
    """The provider. `root` is the project's root; `log` takes messages for the user where no engine's address
    is given (in process); `adapters` and `clouds` are the registry's."""

    def __init__(
        self,
        *,
        root: Path | None = None,
        log: Log | None = None,
        engine_address: str = "",
        adapters: Callable[[str], Adapter] = registry.adapter,
        clouds: Callable[[], Sequence[str]] = registry.available,
    ) -> None:
        self._root = root or project_root()
        self._adapters, self._clouds = adapters, clouds
        self._operations = Operations()
        self._sessions = Sessions(log, engine_address)

    @property
    def log(self) -> Log:
        """Where messages go when no engine's address is known: the embedded engine sets its own."""
        return self._sessions.log

    @log.setter
    def log(self, log: Log) -> None:
        self._sessions.log = log

    # Who we are.

    def Handshake(self, request: Any, context: Any) -> Any:
        self._sessions.of(context).attach(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: Any) -> Any:
        self._sessions.of(context).attach(request.address)
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        from providers.schema import version

        return plugin_pb2.PluginInfo(version=version())

    def GetSchema(self, request: Any, context: Any) -> Any:
        from providers.schema import schema

        return provider_pb2.GetSchemaResponse(schema=schema())

    def GetMapping(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetMappingResponse()

    def GetMappings(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetMappingsResponse()

    # The provider's own configuration: there is none.

    def CheckConfig(self, request: Any, context: Any) -> Any:
        problems = provider_config.check(from_struct(request.news))
        return provider_pb2.CheckResponse(inputs=request.news, failures=check_failures(problems))

    def DiffConfig(self, request: Any, context: Any) -> Any:
        changed = from_struct(request.old_inputs) != from_struct(request.news)
        changes = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=changes)

    def Configure(self, request: Any, context: Any) -> Any:
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    # The life of a resource.

    @answers
    def Check(self, request: Any, context: Any) -> Any:
        name, given = _type(request), from_struct(request.news)
        inputs, problems = check(name, given, self._context(request.urn, {}), self._adapters, self._clouds)
        return provider_pb2.CheckResponse(inputs=to_struct(inputs), failures=check_failures(problems))

    @answers
    def Diff(self, request: Any, context: Any) -> Any:
        name, new, state = _type(request), from_struct(request.news), from_struct(request.olds)
        self._sessions.of(context).claims.held(f"{name}/{request.id}")
        return diff_response(diff(name, _old_inputs(request), new, state, self._adapter_of(new)))

    @answers
    def Create(self, request: Any, context: Any) -> Any:
        name, inputs = _type(request), from_struct(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=to_struct(preview_create(name, inputs)))
        session, spec = self._sessions.of(context), parse(name, inputs)
        resource = self._resource(name, inputs, cloud=spec.cloud)
        operation = self._operation(session, request, inputs)
        asked = self._context(request.urn, inputs, operation)

        def body() -> tuple[str, dict[str, Any]]:
            return lifecycle.create(resource, spec, asked, operation, session.claims, self._sessions.is_held)

        id, made = self._run(session, operation, resource, body)
        return provider_pb2.CreateResponse(id=id, properties=to_struct(made))

    @answers
    def Update(self, request: Any, context: Any) -> Any:
        name, inputs, old = _type(request), from_struct(request.news), _old_inputs(request)
        if request.preview:
            changed = {top_level(path) for path in diff(name, old, inputs, {}, None).changed}
            planned = preview_update(name, inputs, from_struct(request.olds), changed)
            return provider_pb2.UpdateResponse(properties=to_struct(planned))
        session, spec = self._sessions.of(context), parse(name, inputs)
        resource = self._resource(name, inputs, id=request.id)
        operation = self._operation(session, request, inputs)
        asked = self._context(request.urn, inputs, operation)

        def body() -> dict[str, Any]:
            return lifecycle.update(resource, old, spec, asked, operation, session.claims)

        return provider_pb2.UpdateResponse(properties=to_struct(self._run(session, operation, resource, body)))

    @answers
    def Read(self, request: Any, context: Any) -> Any:
        name, inputs = _type(request), from_struct(request.inputs)
        is_refresh = bool(inputs) and request.properties != request.inputs
        resource = self._resource(name, inputs if is_refresh else {}, id=request.id)
        found = lifecycle.read(resource)
        if found is None:
            return provider_pb2.ReadResponse()
        claims = self._sessions.of(context).claims
        if is_refresh:
            claims.held(resource.key)
        elif not request.HasField("inputs"):
            lifecycle.hold(resource, claims)  # an import; a program's `.get` sends empty inputs and holds nothing
        live, made = found
        response = provider_pb2.ReadResponse(id=request.id, properties=to_struct(made))
        if live is not None:
            response.inputs.CopyFrom(to_struct(live))
        return response

    @answers
    def Delete(self, request: Any, context: Any) -> Any:
        name, inputs = _type(request), from_struct(request.old_inputs)
        resource = self._resource(name, inputs, id=request.id)
        session = self._sessions.of(context)
        operation = self._operation(session, request, inputs)
        asked = self._context(request.urn, inputs, operation)
        try:
            self._operations.run(operation, lambda: lifecycle.delete(resource, asked, session.claims))
        except Cancelled as stopped:
            raise Cancelled(f"{operation.stopped()}; the next deployment deletes the rest") from stopped
        return empty_pb2.Empty()

    def discard(self, urn: str, inputs: Mapping[str, Any]) -> None:
        """Remove what an interrupted Create of `urn` began and no state holds, when nothing wants it any more.

        No message of the protocol: the embedded engine calls it in process for creations it finds pending.
        """
        name = type_of(urn)
        resource = self._resource(name, inputs, cloud=str(inputs.get("cloud", "")))
        context = self._context(urn, inputs)
        held = self._sessions.is_held
        for found in leftovers(resource.kind, context, lambda id: held(resource.with_id(id).key)):
            retire(resource.kind, found.id, context)

    @answers
    def Invoke(self, request: Any, context: Any) -> Any:
        result = invoke(request.tok, from_struct(request.args), self._adapters)
        return provider_pb2.InvokeResponse(**{"return": to_struct(result)})

    @answers
    def Call(self, request: Any, context: Any) -> Any:
        raise NotSupported(f"the package moor has no methods; '{request.tok}' cannot be called")

    @answers
    def Construct(self, request: Any, context: Any) -> Any:
        raise NotSupported(f"the package moor has no components; '{request.type}' cannot be constructed")

    def Cancel(self, request: Any, context: Any) -> Any:
        session = self._sessions.of(context)
        self._operations.cancel(session.peer)
        session.claims.settle()
        return empty_pb2.Empty()

    # What the calls share.

    def _context(self, urn: str, inputs: Mapping[str, Any], operation: Operation | None = None) -> Context:
        owner = ownership(urn, inputs)
        if operation is None:
            return Context(owner, self._root)
        return Context(owner, self._root, operation.reporter, operation.cancel, operation.deadline)

    def _operation(self, session: Session, request: Any, inputs: Mapping[str, Any]) -> Operation:
        reporter = Reporter(session.log, request.urn, redactor(inputs))
        return Operation(session.peer, request.timeout, reporter)

    def _run(self, session: Session, operation: Operation, resource: Resource, body: Callable[[], Any]) -> Any:
        """Run `body`; one that does not come back after a cancel leaves a resource that the next time resumes."""
        try:
            return self._operations.run(operation, body)
        except Cancelled as late:
            if not operation.id:
                raise Cancelled(f"{operation.stopped()} before anything was begun") from late
            raise lifecycle.abandoned(resource, operation, session.claims) from late

    def _resource(self, name: str, inputs: Mapping[str, Any], *, id: str = "", cloud: str = "") -> Resource:
        native = ""
        if id:
            cloud, native = split_id(id)
        kind = self._adapters(cloud).kind(KINDS[name])
        if kind is None:
            raise NotSupported(f"cloud: '{cloud}' has no {name}")
        return Resource(name, cloud, kind, inputs, native)

    def _adapter_of(self, inputs: Mapping[str, Any]) -> Adapter | None:
        try:
            return self._adapters(str(inputs.get("cloud")))
        except MooringError:
            return None


def _type(request: Any) -> str:
    return type_name(request.type) if request.type else type_of(request.urn)


def _old_inputs(request: Any) -> dict[str, Any]:
    """The inputs of the state; an engine that does not send them sends outputs, which repeat some."""
    return from_struct(request.old_inputs if request.HasField("old_inputs") else request.olds)
