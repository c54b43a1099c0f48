"""A real provider for tests: package `demo`, whose things are files in a folder (`DEMO_HOME`).

Inputs that steer it: `fixed` (a change replaces), `deleteFirst` (delete before that), `fail` (the name of a
call that fails), `partial` (Create or Update leaves it half-made), `slow` (seconds in Create and Update),
`crash` (exit of the process in the named call, after its effect). Every call is a line in `calls.log`.
A thing carries its URN; Create adopts one that nobody has claimed, and Cancel claims what was made.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
import uuid
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import any_pb2, empty_pb2, struct_pb2
from google.protobuf.json_format import MessageToDict, ParseDict
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
STEERING = ("fail", "partial", "slow", "crash")


def folder() -> Path:
    return Path(os.environ["DEMO_HOME"])


def struct(values: dict[str, Any]) -> struct_pb2.Struct:
    return ParseDict(values, struct_pb2.Struct())


def tag(urn: str) -> str:
    """The part of an id that tells whose thing it is."""
    return hashlib.sha256(urn.encode()).hexdigest()[:8]


def write(file: Path, thing: dict[str, Any]) -> None:
    """Whole or not at all: others look at it meanwhile."""
    part = file.with_suffix(".part")
    part.write_text(json.dumps(thing))
    part.rename(file)


class DemoProvider(provider_pb2_grpc.ResourceProviderServicer):
    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.made: list[Path] = []
        self.prefix = ""
        self.log: Any = lambda severity, message, urn="", ephemeral=False: None

    def _note(self, call: str, urn: str) -> None:
        with open(folder() / "calls.log", "a") as log:
            log.write(f"{call} {urn.rsplit('::', 1)[-1]}\n")

    def _steer(self, call: str, inputs: dict[str, Any], context: Any) -> None:
        if inputs.get("fail") == call:
            context.abort(grpc.StatusCode.UNKNOWN, f"{call} was told to fail")

    def _wait(self, inputs: dict[str, Any]) -> None:
        self.cancelled.wait(float(inputs.get("slow") or 0))

    def CheckConfig(self, request: Any, context: Any) -> Any:
        news = MessageToDict(request.news)
        if "bad" in news:
            return provider_pb2.CheckResponse(failures=[provider_pb2.CheckFailure(property="bad", reason="is bad")])
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        old, new = MessageToDict(request.old_inputs), MessageToDict(request.news)
        if old.get("region") != new.get("region"):
            return provider_pb2.DiffResponse(changes=2, replaces=["region"], diffs=["region"])
        return provider_pb2.DiffResponse(changes=2 if old != new else 1)

    def Configure(self, request: Any, context: Any) -> Any:
        self.prefix = str(MessageToDict(request.args).get("prefix", ""))
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:
        self._note("check", request.urn)
        news = MessageToDict(request.news)
        if "mispelt" in news:
            failure = provider_pb2.CheckFailure(property="mispelt", reason="did you mean 'misspelt'?")
            return provider_pb2.CheckResponse(failures=[failure])
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:
        old, new = MessageToDict(request.old_inputs), MessageToDict(request.news)
        changed = sorted(k for k in old.keys() | new.keys() if old.get(k) != new.get(k) and k not in STEERING)
        kinds = provider_pb2.PropertyDiff.Kind
        detailed = {}
        for key in changed:
            kind = "ADD" if key not in old else "DELETE" if key not in new else "UPDATE"
            kind = f"{kind}_REPLACE" if key == "fixed" else kind
            detailed[key] = provider_pb2.PropertyDiff(kind=kinds.Value(kind), inputDiff=True)
        return provider_pb2.DiffResponse(
            changes=2 if changed else 1,
            replaces=[k for k in changed if k == "fixed"],
            diffs=changed,
            detailedDiff=detailed,
            hasDetailedDiff=True,
            deleteBeforeReplace=bool(new.get("deleteFirst")),
        )

    def _outputs(self, inputs: dict[str, Any], id: str, preview: bool = False) -> dict[str, Any]:
        visible = {k: v for k, v in inputs.items() if k not in STEERING}
        return {**visible, "handle": UNKNOWN if preview else f"{self.prefix}handle-{id}", "token": "tok"}

    def Create(self, request: Any, context: Any) -> Any:
        inputs = MessageToDict(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=struct(self._outputs(inputs, "", preview=True)))
        self._note("create", request.urn)
        self._steer("create", inputs, context)
        file = self._adoptable(request.urn) or folder() / f"{tag(request.urn)}{uuid.uuid4().hex[:8]}.thing"
        write(file, {"urn": request.urn, "claimed": False, "inputs": inputs})
        self.made.append(file)
        self.log("info", "making", request.urn, True)
        if inputs.get("crash") == "create":
            os._exit(137)
        self._wait(inputs)
        outputs = struct(self._outputs(inputs, file.stem))
        if inputs.get("partial") or self.cancelled.is_set():
            self._half(context, file.stem, outputs, request.properties, "half-made")
        return provider_pb2.CreateResponse(id=file.stem, properties=outputs)

    def _adoptable(self, urn: str) -> Path | None:
        for file in folder().glob(f"{tag(urn)}*.thing"):
            if not json.loads(file.read_text())["claimed"]:
                return file
        return None

    def _half(self, context: Any, id: str, outputs: Any, inputs: Any, reason: str) -> None:
        detail = any_pb2.Any()
        detail.Pack(provider_pb2.ErrorResourceInitFailed(id=id, properties=outputs, reasons=[reason], inputs=inputs))
        status = status_pb2.Status(code=2, message=reason, details=[detail])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, reason)

    def Read(self, request: Any, context: Any) -> Any:
        self._note("read", request.urn)
        file = folder() / f"{request.id}.thing"
        if not file.exists():
            return provider_pb2.ReadResponse()
        inputs = json.loads(file.read_text())["inputs"]
        return provider_pb2.ReadResponse(
            id=request.id, properties=struct(self._outputs(inputs, request.id)), inputs=struct(inputs)
        )

    def Update(self, request: Any, context: Any) -> Any:
        inputs = MessageToDict(request.news)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=struct(self._outputs(inputs, request.id)))
        self._note("update", request.urn)
        self._steer("update", inputs, context)
        file = folder() / f"{request.id}.thing"
        write(file, {"urn": request.urn, "claimed": True, "inputs": inputs})
        if inputs.get("crash") == "update":
            os._exit(137)
        self._wait(inputs)
        outputs = struct(self._outputs(inputs, request.id))
        if inputs.get("partial"):
            self._half(context, request.id, outputs, request.news, "half-updated")
        return provider_pb2.UpdateResponse(properties=outputs)

    def Delete(self, request: Any, context: Any) -> Any:
        self._note("delete", request.urn)
        self._steer("delete", MessageToDict(request.old_inputs), context)
        (folder() / f"{request.id}.thing").unlink(missing_ok=True)
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        args = MessageToDict(request.args)
        if request.tok == "demo:index:shout":
            return provider_pb2.InvokeResponse(**{"return": struct({"text": str(args.get("text", "")).upper()})})
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"no function {request.tok}")
        return None

    def Cancel(self, request: Any, context: Any) -> Any:
        self.cancelled.set()
        for file in self.made:
            if file.exists():
                write(file, {**json.loads(file.read_text()), "claimed": True})
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="1.0.0")

    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


class ManyProviders(DemoProvider):
    """Attached over gRPC, one process serves many operations; nothing stays cancelled."""

    def Cancel(self, request: Any, context: Any) -> Any:
        super().Cancel(request, context)
        self.cancelled.clear()
        return empty_pb2.Empty()


def serve() -> None:
    """Serve over gRPC on a free port, and print it, as Pulumi starts plugins."""
    server = grpc.server(futures.ThreadPoolExecutor(16))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(ManyProviders(), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    while sys.stdin.readable() and os.getppid() != 1:
        time.sleep(0.5)


if __name__ == "__main__":
    serve()
