"""What the engine itself provides, as the package `pulumi`: stack references and looking up a resource.

A servicer like any other. Reading another stack means its state in the same backend; names are `stack`,
`project/stack` or `organization/project/stack`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from infra.engine.state.resource import Resource
from infra.engine.values import wire
from infra.engine.values.values import Properties, contains_secrets
from providers.errors import MooringError

STACK_REFERENCE = "pulumi:pulumi:StackReference"

ReadOutputs = Callable[[str], Properties]
"""The outputs of the stack of this name. Raises `MooringError`."""

FindResource = Callable[[str], Resource | None]


class BuiltinProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Serves `pulumi:pulumi:…`."""

    def __init__(self, outputs: ReadOutputs, find: FindResource) -> None:
        self._outputs, self._find = outputs, find

    def Handshake(self, request: Any, context: Any) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True)

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=Struct())

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        return provider_pb2.ConfigureResponse(acceptSecrets=True, acceptResources=True, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:
        context.abort(
            grpc.StatusCode.INVALID_ARGUMENT, f"resources of the type {request.type} can only be read (`.get`)"
        )

    def Read(self, request: Any, context: Any) -> Any:
        if request.type != STACK_REFERENCE:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"unrecognized resource type '{request.type}'")
        properties = self._reference(str(wire.from_struct(request.properties).get("name", request.id)), context)
        return provider_pb2.ReadResponse(id=request.id, properties=_struct(properties), inputs=request.inputs)

    def Invoke(self, request: Any, context: Any) -> Any:
        args = wire.from_struct(request.args)
        if request.tok == "pulumi:pulumi:getResource":
            result = self._resource(str(args.get("urn", "")), context)
        elif request.tok == "pulumi:pulumi:readStackOutputs":
            result = self._reference(str(args.get("name", "")), context)
        else:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"unrecognized function name: '{request.tok}'")
        return provider_pb2.InvokeResponse(**{"return": _struct(result)})

    def Delete(self, request: Any, context: Any) -> Any:
        return Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        return Empty()

    def _reference(self, name: str, context: Any) -> Properties:
        try:
            outputs = self._outputs(name)
        except MooringError as error:
            context.abort(grpc.StatusCode.NOT_FOUND, f"stack reference '{name}': {error}")
        secret = sorted(k for k, v in outputs.items() if contains_secrets(v))
        return {"name": name, "outputs": outputs, "secretOutputNames": secret}

    def _resource(self, urn: str, context: Any) -> Properties:
        found = self._find(urn)
        if found is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"unknown resource {urn}")
        assert found is not None  # abort does not return
        return {"urn": urn, "id": found.id, "provider": found.provider, "state": found.outputs or {}}


def _struct(properties: Properties) -> Struct:
    return wire.to_struct(properties, wire.Keep(secrets=True, resources=True))
