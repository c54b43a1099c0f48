"""Transforms: functions of the program that change what is registered or called, through its callback server."""

from __future__ import annotations

import threading
from typing import Any

import grpc
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc, resource_pb2

from infra.engine.providers.rpc import RpcFailure
from infra.engine.values import wire
from infra.engine.values.values import Output, Properties, Secret

_KEEP = wire.Keep(secrets=True, resources=True, outputs=True)
_CALL_SECONDS = 600


class Callbacks:
    """Calls functions that the program has registered. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channels: dict[str, Any] = {}

    def call(self, callback: Any, request: Any) -> bytes:
        """The serialized response. Raises `RpcFailure` with what the function raised."""
        with self._lock:
            channel = self._channels.get(callback.target)
            if channel is None:
                channel = self._channels[callback.target] = grpc.insecure_channel(callback.target)
        message = callback_pb2.CallbackInvokeRequest(token=callback.token, request=request.SerializeToString())
        try:
            answer = callback_pb2_grpc.CallbacksStub(channel).Invoke(message, timeout=_CALL_SECONDS)
        except grpc.RpcError as error:
            raise RpcFailure(error.code(), f"a transform failed: {error.details()}") from error
        return bytes(answer.response)

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            for channel in self._channels.values():
                channel.close()
            self._channels.clear()


class Transforms:
    """Which transforms apply to what: a resource's own, then those of its parents, then the stack's."""

    def __init__(self, callbacks: Callbacks, folder: Any) -> None:
        self._callbacks = callbacks
        self._keep = wire.Keep(secrets=True, resources=True, outputs=True, hash_in=folder)
        self._lock = threading.Lock()
        self._of_resource: dict[str, list[Any]] = {}
        self._parents: dict[str, str] = {}
        self._stack: list[Any] = []
        self._invokes: list[Any] = []

    def add_stack(self, callback: Any) -> None:
        """For every resource registered from now on."""
        with self._lock:
            self._stack.append(callback)

    def add_invoke(self, callback: Any) -> None:
        """For every function called from now on."""
        with self._lock:
            self._invokes.append(callback)

    def remember(self, urn: str, parent: str, own: list[Any]) -> None:
        """What a resource passes on to its children."""
        with self._lock:
            self._parents[urn] = parent
            if own:
                self._of_resource[urn] = own

    def for_resource(self, own: list[Any], parent: str) -> list[Any]:
        """Those that apply, in order."""
        with self._lock:
            found, current = list(own), parent
            for _ in range(len(self._parents) + 1):
                if not current:
                    break
                found += self._of_resource.get(current, ())
                current = self._parents.get(current, "")
            return found + self._stack

    def resource(
        self, callbacks: list[Any], request: Any, properties: Properties, options: Any
    ) -> tuple[Properties, Any]:
        """Properties and `TransformResourceOptions` after all transforms."""
        for callback in callbacks:
            message = resource_pb2.TransformRequest(
                name=request.name,
                type=request.type,
                parent=request.parent,
                custom=request.custom,
                properties=wire.to_struct(properties, _KEEP),
                options=options,
            )
            answer = resource_pb2.TransformResponse.FromString(self._callbacks.call(callback, message))
            if answer.HasField("options"):
                options = answer.options
            if answer.HasField("properties"):
                properties = wire.from_struct(answer.properties, self._keep)
        return properties, options

    def invoke(self, token: str, args: Properties, options: Any) -> tuple[Properties, Any]:
        """Arguments and `TransformInvokeOptions` after all transforms."""
        with self._lock:
            callbacks = list(self._invokes)
        for callback in callbacks:
            message = resource_pb2.TransformInvokeRequest(
                token=token, args=wire.to_struct(args, _KEEP), options=options
            )
            answer = resource_pb2.TransformInvokeResponse.FromString(self._callbacks.call(callback, message))
            if answer.HasField("options"):
                options = answer.options
            if answer.HasField("args"):
                args = wire.from_struct(answer.args, self._keep)
        return args, options


def upgraded(properties: Properties, dependencies: dict[str, list[str]]) -> Properties:
    """Properties with what they depend on inside them, for transforms that move them about."""
    result: Properties = {}
    for key, value in properties.items():
        needed = tuple(dependencies.get(key, ()))
        if not needed or isinstance(value, Output):
            result[key] = value
        elif isinstance(value, Secret):
            result[key] = Output(value.value, True, needed)
        else:
            result[key] = Output(value, False, needed)
    return result


def output_dependencies(value: Any) -> set[str]:
    """URNs that any output inside `value` depends on."""
    if isinstance(value, Output):
        return set(value.dependencies) | output_dependencies(value.value)
    if isinstance(value, Secret):
        return output_dependencies(value.value)
    if isinstance(value, dict):
        return set().union(*(output_dependencies(v) for v in value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*(output_dependencies(v) for v in value)) if value else set()
    return set()
