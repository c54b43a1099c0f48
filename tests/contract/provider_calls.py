"""Drive a `MoorServicer` in process the way an engine does: check, diff, then create, update or delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from providers.codec import from_struct, to_struct
from providers.contract import Adapter
from providers.errors import InvalidInput, Problem, did_you_mean
from providers.servicer import MoorServicer


class CallFailed(Exception):
    """What a client of the provider sees of an error."""

    def __init__(self, code: grpc.StatusCode, message: str, details: bytes = b"") -> None:
        super().__init__(message)
        self.code, self.message = code, message
        self.init_failed: provider_pb2.ErrorResourceInitFailed | None = None
        if details:
            status = status_pb2.Status.FromString(details)
            self.init_failed = provider_pb2.ErrorResourceInitFailed()
            assert status.details[0].Unpack(self.init_failed)


class CallContext:
    """A gRPC context for calls in process."""

    def __init__(self, peer: str = "") -> None:
        self._peer = peer
        self._details = b""

    def peer(self) -> str:
        return self._peer

    def set_trailing_metadata(self, trailers: Any) -> None:
        self._details = dict(trailers).get("grpc-status-details-bin", b"")

    def abort(self, code: grpc.StatusCode, message: str) -> None:
        raise CallFailed(code, message, self._details)


@dataclass
class Checked:
    inputs: dict[str, Any]
    failures: dict[str, str]


@dataclass
class Held:
    """A resource as a state file holds it."""

    urn: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any] = field(default_factory=dict)


def _chosen(adapters: Mapping[str, Adapter]) -> Callable[[str], Adapter]:
    def choose(cloud: str) -> Adapter:
        if cloud not in adapters:
            near = did_you_mean(cloud, list(adapters))
            raise InvalidInput([Problem("cloud", f"unknown cloud '{cloud}'{near}")])
        return adapters[cloud]

    return choose


class Engine:
    """A small engine: one servicer, the calls in their order, and messages kept."""

    def __init__(self, adapters: Mapping[str, Adapter] | Callable[[str], Adapter], root: Path, **options: Any) -> None:
        self.logged: list[tuple[str, str, str, bool]] = []
        if isinstance(adapters, Mapping):
            options.setdefault("clouds", lambda: tuple(adapters))
            options["adapters"] = _chosen(adapters)
        else:
            options["adapters"] = adapters
        self.servicer = MoorServicer(root=root, log=self._log, **options)
        self.stack = "test"

    def _log(self, severity: str, message: str, urn: str = "", ephemeral: bool = False) -> None:
        self.logged.append((severity, message, urn, ephemeral))

    def call(self, method: str, request: Any, peer: str = "") -> Any:
        return getattr(self.servicer, method)(request, CallContext(peer))

    def urn(self, type_name: str, name: str) -> str:
        return f"urn:pulumi:{self.stack}::proj::moor:index:{type_name}::{name}"

    def check(self, type_name: str, inputs: Mapping[str, Any], name: str = "thing") -> Checked:
        request = provider_pb2.CheckRequest(urn=self.urn(type_name, name), news=to_struct(inputs))
        answer = self.call("Check", request)
        return Checked(from_struct(answer.inputs), {f.property: f.reason for f in answer.failures})

    def create(
        self, type_name: str, inputs: Mapping[str, Any], *, name: str = "thing", timeout: float = 0, peer: str = ""
    ) -> Held:
        """Check and Create. A partial failure raises `CallFailed`, as every other."""
        checked = self.check(type_name, inputs, name)
        assert not checked.failures, checked.failures
        urn = self.urn(type_name, name)
        request = provider_pb2.CreateRequest(urn=urn, properties=to_struct(checked.inputs), timeout=timeout)
        answer = self.call("Create", request, peer)
        return Held(urn, answer.id, checked.inputs, from_struct(answer.properties))

    def preview(self, type_name: str, inputs: Mapping[str, Any], name: str = "thing") -> dict[str, Any]:
        checked = self.check(type_name, inputs, name)
        assert not checked.failures, checked.failures
        properties = to_struct(checked.inputs)
        request = provider_pb2.CreateRequest(urn=self.urn(type_name, name), properties=properties, preview=True)
        answer = self.call("Create", request)
        assert answer.id == ""
        return from_struct(answer.properties)

    def diff(self, held: Held, inputs: Mapping[str, Any]) -> Any:
        return self.call(
            "Diff",
            provider_pb2.DiffRequest(
                urn=held.urn,
                id=held.id,
                olds=to_struct(held.outputs),
                old_inputs=to_struct(held.inputs),
                news=to_struct(inputs),
            ),
        )

    def update(
        self, held: Held, inputs: Mapping[str, Any], *, preview: bool = False, timeout: float = 0
    ) -> dict[str, Any]:
        request = provider_pb2.UpdateRequest(
            urn=held.urn,
            id=held.id,
            olds=to_struct(held.outputs),
            old_inputs=to_struct(held.inputs),
            news=to_struct(inputs),
            preview=preview,
            timeout=timeout,
        )
        return from_struct(self.call("Update", request).properties)

    def read(self, held: Held) -> Any:
        request = provider_pb2.ReadRequest(urn=held.urn, id=held.id)
        if held.inputs:
            request.inputs.CopyFrom(to_struct(held.inputs))
            request.properties.CopyFrom(to_struct(held.outputs))
        return self.call("Read", request)

    def delete(self, held: Held) -> None:
        request = provider_pb2.DeleteRequest(
            urn=held.urn, id=held.id, properties=to_struct(held.outputs), old_inputs=to_struct(held.inputs)
        )
        self.call("Delete", request)

    def cancel(self, peer: str = "") -> None:
        """What follows every normal operation, and a Ctrl-C."""
        self.call("Cancel", empty_pb2.Empty(), peer)
