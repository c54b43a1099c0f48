"""The stand-in as a gRPC servicer, the same for the embedded engine (in process) and for the Pulumi CLI (attached).

A Create whose reply never reached the engine is found again by the next one, by the tags (`Kind.find`). What a state
holds is never taken for that, as far as this process has been shown it; where it has not (`--replace` sends no Diff),
the resource that was found is not deleted as the one it replaces.
"""

from __future__ import annotations

import json
import threading
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from providers.aws.standin import catalogue, comparing, configuration
from providers.aws.standin.failures import answers, is_missing, translated
from providers.aws.standin.kind import Aws, Kind, Properties
from providers.aws.standin.secrets import marked, secret_keys
from providers.codec import from_struct
from providers.errors import MooringError, NotSupported
from providers.failures import InitFailed
from providers.messages import check_failures


class AwsStandin(provider_pb2_grpc.ResourceProviderServicer):
    """The provider. Where several providers of a program share one object, each has a connection of its own."""

    def __init__(self, *, engine_address: str = "") -> None:
        self._configured: dict[str, Aws] = {}
        self._held: set[tuple[str, str]] = set()
        self._adopted: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    # Who we are.

    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=sdk_version())

    def GetSchema(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema=schema())

    def GetMapping(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetMappingResponse()

    def GetMappings(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetMappingsResponse()

    # The provider's own configuration.

    def CheckConfig(self, request: Any, context: Any) -> Any:
        found = list(configuration.problems(from_struct(request.news)))
        return provider_pb2.CheckResponse(inputs=request.news, failures=check_failures(found))

    def DiffConfig(self, request: Any, context: Any) -> Any:
        old, new = from_struct(request.old_inputs), from_struct(request.news)
        keys = sorted(k for k in old.keys() | new.keys() if k not in configuration.NOT_COMPARED)
        differing = [key for key in keys if old.get(key) != new.get(key)]
        changes = provider_pb2.DiffResponse.DIFF_SOME if differing else provider_pb2.DiffResponse.DIFF_NONE
        replaces = [key for key in differing if key == "region"]  # what is in another region is another thing
        return provider_pb2.DiffResponse(changes=changes, diffs=differing, replaces=replaces)

    @answers
    def Configure(self, request: Any, context: Any) -> Any:
        self._configured[_peer(context)] = configuration.connect(from_struct(request.args))
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    # The life of a resource.

    @answers
    def Check(self, request: Any, context: Any) -> Any:
        kind = catalogue.kind(_type(request))
        given, olds = from_struct(request.news), from_struct(request.olds)
        inputs = comparing.completed(kind, given, olds, request.urn, request.randomSeed)
        response = provider_pb2.CheckResponse(failures=check_failures(list(comparing.problems(kind, inputs))))
        added = {key: value for key, value in inputs.items() if key not in given}
        response.inputs.CopyFrom(request.news)
        response.inputs.MergeFrom(marked(added, ()))
        return response

    @answers
    def Diff(self, request: Any, context: Any) -> Any:
        kind = catalogue.kind(_type(request))
        self._hold(kind, request.id)
        return comparing.diff_response(kind, _old_inputs(request), from_struct(request.news))

    @answers
    def Create(self, request: Any, context: Any) -> Any:
        kind, inputs = catalogue.kind(_type(request)), from_struct(request.properties)
        secret = secret_keys(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=marked(comparing.planned(kind, inputs, {}), secret))
        aws = self._aws(context)
        id = self._found(kind, aws, inputs, request.urn) or kind.create(aws, inputs)
        self._hold(kind, id)
        try:
            kind.configure(aws, id, inputs, {})
            outputs = self._state(kind, aws, id, inputs)
        except (ClientError, BotoCoreError) as cause:
            told = str(translated(cause, f"{kind.label} {id}"))
            raise InitFailed(told, id=id, outputs={**inputs, "id": id}, inputs={}) from cause
        return provider_pb2.CreateResponse(id=id, properties=marked(outputs, secret))

    @answers
    def Update(self, request: Any, context: Any) -> Any:
        kind, inputs, old = catalogue.kind(_type(request)), from_struct(request.news), _old_inputs(request)
        secret = secret_keys(request.news)
        if request.preview:
            planned = comparing.planned(kind, inputs, from_struct(request.olds))
            return provider_pb2.UpdateResponse(properties=marked({**planned, "id": request.id}, secret))
        self._hold(kind, request.id)
        aws = self._aws(context)
        kind.configure(aws, request.id, inputs, old or {"": None})
        return provider_pb2.UpdateResponse(properties=marked(self._state(kind, aws, request.id, inputs), secret))

    @answers
    def Read(self, request: Any, context: Any) -> Any:
        kind, inputs = catalogue.kind(_type(request)), from_struct(request.inputs)
        aws = self._aws(context)
        live = self._live(kind, aws, request.id)
        if live is None:
            return provider_pb2.ReadResponse()
        self._hold(kind, request.id)
        secret = secret_keys(request.inputs, request.properties)
        known = comparing.live_inputs(kind, inputs, live)
        outputs = marked(_outputs(kind, aws, live, known, request.id), secret)
        return provider_pb2.ReadResponse(id=request.id, properties=outputs, inputs=marked(known, secret))

    @answers
    def Delete(self, request: Any, context: Any) -> Any:
        kind = catalogue.kind(_type(request))
        with self._lock:
            if (request.urn, request.id) in self._adopted:
                return empty_pb2.Empty()  # the new one is the old one
        try:
            kind.delete(self._aws(context), request.id, from_struct(request.properties))
        except ClientError as error:
            if not is_missing(error):
                raise
        return empty_pb2.Empty()

    @answers
    def Invoke(self, request: Any, context: Any) -> Any:
        result = catalogue.function(request.tok)(self._aws(context), from_struct(request.args))
        return provider_pb2.InvokeResponse(**{"return": marked(result, ())})

    @answers
    def Call(self, request: Any, context: Any) -> Any:
        raise NotSupported(f"the stand-in for Pulumi's aws provider has no methods; '{request.tok}' cannot be called")

    @answers
    def Construct(self, request: Any, context: Any) -> Any:
        raise NotSupported(f"the stand-in for Pulumi's aws provider has no components such as '{request.type}'")

    def Cancel(self, request: Any, context: Any) -> Any:
        """The operation is over: calls are short, so there is nothing to end."""
        with self._lock:
            self._adopted.clear()
        return empty_pb2.Empty()

    # What the calls share.

    def _aws(self, context: Any) -> Aws:
        try:
            return self._configured[_peer(context)]
        except KeyError:
            raise MooringError("the stand-in for Pulumi's aws provider was not configured") from None

    def _found(self, kind: Kind, aws: Aws, inputs: Properties, urn: str) -> str | None:
        """The id of what an interrupted Create with these inputs has left and no state holds."""
        id = kind.find(aws, inputs) if kind.find else None
        with self._lock:
            if id is None or (kind.token, id) in self._held:
                return None
            self._adopted.add((urn, id))
            return id

    def _hold(self, kind: Kind, id: str) -> None:
        with self._lock:
            self._held.add((kind.token, id))

    def _live(self, kind: Kind, aws: Aws, id: str) -> dict[str, Any] | None:
        try:
            return kind.read(aws, id)
        except ClientError as error:
            if is_missing(error):
                return None
            raise

    def _state(self, kind: Kind, aws: Aws, id: str, inputs: Properties) -> dict[str, Any]:
        live = self._live(kind, aws, id)
        if live is None:
            raise MooringError(f"{kind.label} {id} is gone, just after it was made or changed")
        return _outputs(kind, aws, live, inputs, id)


def _outputs(kind: Kind, aws: Aws, live: Properties, inputs: Properties, id: str) -> dict[str, Any]:
    """All of a resource's outputs; inputs stay as the program said them."""
    state = {**live, **{key: value for key, value in inputs.items() if key != comparing.DEFAULTS}, "id": id}
    if kind.regional:
        state["region"] = aws.region
    return {**state, "tagsAll": state["tags"]} if state.get("tags") else state


def _peer(context: Any) -> str:
    """The connection that a call came over; empty in process."""
    peer = getattr(context, "peer", None)
    return str(peer() or "") if callable(peer) else ""


def _type(request: Any) -> str:
    return str(request.type or request.urn.split("::")[2].rpartition("$")[2])


def _old_inputs(request: Any) -> dict[str, Any]:
    return from_struct(request.old_inputs if request.HasField("old_inputs") else request.olds)


def sdk_version() -> str:
    """The version of the SDK that programs use here, which engines compare with a provider's."""
    try:
        return version_of("pulumi_aws")
    except PackageNotFoundError:
        return "7.0.0"


def schema() -> str:
    """The package's schema, as far as it is served: names and no types."""
    resources = {}
    for token, kind in catalogue.kinds().items():
        anything = {"$ref": "pulumi.json#/Any"}
        resources[token] = {
            "inputProperties": dict.fromkeys(sorted(kind.inputs), anything),
            "requiredInputs": list(kind.required),
            "properties": dict.fromkeys(sorted({*kind.inputs, *kind.computed}), anything),
        }
    return json.dumps({"name": "aws", "version": sdk_version(), "resources": resources})
