"""The engine's log service, for a provider that runs as a process of its own."""

from __future__ import annotations

import logging
from typing import Any

from providers.progress import Severity

log = logging.getLogger("mooring.provider")

_SEVERITIES = {"debug": 0, "info": 1, "warning": 2, "error": 3}
"""`pulumirpc.LogSeverity`."""


class EngineLog:
    """A client of the engine at `address` (host:port). A message that cannot be delivered is dropped: no
    operation fails because nobody listens any more."""

    def __init__(self, address: str) -> None:
        import grpc
        from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

        self._channel: Any = grpc.insecure_channel(address)
        self._stub: Any = engine_pb2_grpc.EngineStub(self._channel)
        self._messages: Any = engine_pb2
        self._rpc_error: Any = grpc.RpcError

    def __call__(self, severity: Severity, message: str, urn: str = "", ephemeral: bool = False) -> None:
        request = self._messages.LogRequest(
            severity=_SEVERITIES[severity], message=message, urn=urn, ephemeral=ephemeral
        )
        try:
            self._stub.Log(request, timeout=5)
        except self._rpc_error as lost:
            log.debug("the engine did not take a message: %s", lost)

    def alive(self) -> bool:
        """Whether the engine still answers."""
        try:
            self._stub.GetRootResource(self._messages.GetRootResourceRequest(), timeout=2)
        except self._rpc_error as answer:
            return str(answer.code()) not in ("StatusCode.UNAVAILABLE", "StatusCode.DEADLINE_EXCEEDED")
        return True

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()


def silent(severity: Severity, message: str, urn: str = "", ephemeral: bool = False) -> None:
    """The log of a provider that nobody listens to: Python's own logging."""
    log.log(getattr(logging, severity.upper()), "%s %s", urn, message)
