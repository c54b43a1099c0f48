"""The engine service: where the SDK sends its log messages, in process."""

from __future__ import annotations

from typing import Any, Literal

from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import engine_pb2

from infra.engine.events import Events
from infra.engine.program.program_output import outside_program

_SEVERITIES: tuple[Literal["debug", "info", "warning", "error"], ...] = ("debug", "info", "warning", "error")


class EngineService:
    """Log messages become events; an error among them fails nothing by itself, as with the CLI."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._root = ""

    def Log(self, request: Any) -> Any:
        severity = _SEVERITIES[request.severity]
        if severity == "debug":
            # The SDK narrates every call; nobody shows it.
            return Empty()
        with outside_program():
            self._events.log(severity, request.message, request.urn, ephemeral=request.ephemeral)
        return Empty()

    def GetRootResource(self, request: Any) -> Any:
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(self, request: Any) -> Any:
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def RequirePulumiVersion(self, request: Any) -> Any:
        return engine_pb2.RequirePulumiVersionResponse()
