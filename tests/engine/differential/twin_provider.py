"""The provider of the package `twin`: what it does depends on nothing but its calls, and it writes them all down.

One object serves both engines, in process or over gRPC. Ids count the creations of a name (`a-1`, `a-2`).
Inputs steer it: `fixed` (a change replaces), `first` (delete before that), `fail` (the call that fails), `partial`
(the call that leaves it half-made), `silent` (Diff does not say), `vague` (no detailed diff), `bad` (Check refuses),
`auto` (Check adds `filled`), `hidden` (the output of that name is secret).
"""

from __future__ import annotations

import threading
from typing import Any

import grpc
from google.protobuf import any_pb2, empty_pb2, struct_pb2
from google.protobuf.json_format import MessageToDict, ParseDict
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
_STEERING = ("fail", "partial", "silent", "vague")

Values = dict[str, Any]


def struct(values: Values) -> struct_pb2.Struct:
    return ParseDict(values, struct_pb2.Struct())


def plain(value: Any) -> Any:
    """A value without the wrapping of secrets."""
    if isinstance(value, dict):
        return plain(value["value"]) if value.get(SIGNATURE) == SECRET else {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list) else value


class TwinProvider(provider_pb2_grpc.ResourceProviderServicer):
    """`secrets`: whether it says that it understands secrets."""

    def __init__(self, *, secrets: bool = False) -> None:
        self._lock = threading.Lock()
        self._secrets = secrets
        self._made: dict[str, int] = {}
        self.world: dict[str, Values] = {}
        self.calls: list[Values] = []

    def _note(self, call: str, urn: str, **arguments: Any) -> None:
        with self._lock:
            self.calls.append({"call": call, "urn": urn, **{k: v for k, v in arguments.items() if v not in ("", None)}})

    def _fail(self, call: str, inputs: Values, context: Any) -> None:
        if plain(inputs.get("fail")) == call:
            context.abort(grpc.StatusCode.UNKNOWN, f"{call} was told to fail")

    def CheckConfig(self, request: Any, context: Any) -> Any:
        olds, news = MessageToDict(request.olds), MessageToDict(request.news)
        self._note("CheckConfig", request.urn, olds=olds, news=news)
        failures = [provider_pb2.CheckFailure(property="bad", reason="is bad")] if "bad" in news else []
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        old, new = MessageToDict(request.old_inputs), MessageToDict(request.news)
        self._note("DiffConfig", request.urn, old=old, new=new, outputs=MessageToDict(request.olds))
        if old.get("region") != new.get("region"):
            return provider_pb2.DiffResponse(changes=2, replaces=["region"], diffs=["region"])
        return provider_pb2.DiffResponse(changes=2 if old != new else 1)

    def Configure(self, request: Any, context: Any) -> Any:
        self._note("Configure", request.urn, args=MessageToDict(request.args), variables=dict(request.variables))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=self._secrets, acceptResources=self._secrets, supportsPreview=True
        )

    def Check(self, request: Any, context: Any) -> Any:
        olds, news = MessageToDict(request.olds), MessageToDict(request.news)
        self._note("Check", request.urn, olds=olds, news=news)
        if "bad" in news:
            return provider_pb2.CheckResponse(failures=[provider_pb2.CheckFailure(property="bad", reason="is bad")])
        if "auto" in news:
            news["filled"] = olds.get("filled", f"by {plain(news['auto'])}")
        return provider_pb2.CheckResponse(inputs=struct(news))

    def Diff(self, request: Any, context: Any) -> Any:
        old, new = MessageToDict(request.old_inputs), MessageToDict(request.news)
        self._note(
            "Diff", request.urn, id=request.id, old=old, new=new, outputs=MessageToDict(request.olds),
            ignore=list(request.ignoreChanges),
        )  # fmt: skip
        self._fail("diff", new, context)
        if plain(new.get("silent")):
            return provider_pb2.DiffResponse(changes=0)
        changed = sorted(k for k in old.keys() | new.keys() if old.get(k) != new.get(k) and k not in _STEERING)
        answer = provider_pb2.DiffResponse(
            changes=2 if changed else 1,
            replaces=[k for k in changed if k == "fixed"],
            diffs=changed,
            deleteBeforeReplace=bool(plain(new.get("first"))),
        )
        if not plain(new.get("vague")):
            answer.hasDetailedDiff = True
            for key in changed:
                kind = "ADD" if key not in old else "DELETE" if key not in new else "UPDATE"
                kind = f"{kind}_REPLACE" if key == "fixed" else kind
                answer.detailedDiff[key].kind = provider_pb2.PropertyDiff.Kind.Value(kind)
                answer.detailedDiff[key].inputDiff = True
        return answer

    def _outputs(self, inputs: Values, id: str) -> Values:
        outputs = {k: v for k, v in inputs.items() if k not in _STEERING}
        outputs |= {"handle": f"handle-of-{id}" if id else UNKNOWN, "token": "tok"}
        hidden = plain(inputs.get("hidden"))
        if hidden and self._secrets:
            outputs[hidden] = {SIGNATURE: SECRET, "value": outputs[hidden]}
        return outputs

    def Create(self, request: Any, context: Any) -> Any:
        inputs = MessageToDict(request.properties)
        self._note("Create", request.urn, inputs=inputs, preview=request.preview, timeout=request.timeout)
        if request.preview:
            return provider_pb2.CreateResponse(properties=struct(self._outputs(inputs, "")))
        self._fail("create", inputs, context)
        name = request.urn.rsplit("::", 1)[-1]
        with self._lock:
            self._made[name] = self._made.get(name, 0) + 1
            id = f"{name}-{self._made[name]}"
            self.world[id] = inputs
        outputs = self._outputs(inputs, id)
        self._half("create", id, inputs, outputs, context)
        return provider_pb2.CreateResponse(id=id, properties=struct(outputs))

    def _half(self, call: str, id: str, inputs: Values, outputs: Values, context: Any) -> None:
        if plain(inputs.get("partial")) != call:
            return
        detail = any_pb2.Any()
        reason = f"{call} went half way"
        detail.Pack(
            provider_pb2.ErrorResourceInitFailed(
                id=id, properties=struct(outputs), reasons=[reason], inputs=struct(inputs)
            )
        )
        status = status_pb2.Status(code=2, message=reason, details=[detail])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, reason)

    def Read(self, request: Any, context: Any) -> Any:
        self._note(
            "Read", request.urn, id=request.id, inputs=MessageToDict(request.inputs),
            properties=MessageToDict(request.properties),
        )  # fmt: skip
        inputs = self.world.get(request.id)
        if inputs is None:
            return provider_pb2.ReadResponse()
        self._half("read", request.id, inputs, self._outputs(inputs, request.id), context)
        return provider_pb2.ReadResponse(
            id=request.id, properties=struct(self._outputs(inputs, request.id)), inputs=struct(inputs)
        )

    def Update(self, request: Any, context: Any) -> Any:
        inputs = MessageToDict(request.news)
        self._note(
            "Update", request.urn, id=request.id, old=MessageToDict(request.old_inputs), new=inputs,
            outputs=MessageToDict(request.olds), preview=request.preview, timeout=request.timeout,
            ignore=list(request.ignoreChanges),
        )  # fmt: skip
        if request.preview:
            return provider_pb2.UpdateResponse(properties=struct(self._outputs(inputs, request.id)))
        self._fail("update", inputs, context)
        self.world[request.id] = inputs
        outputs = self._outputs(inputs, request.id)
        self._half("update", request.id, inputs, outputs, context)
        return provider_pb2.UpdateResponse(properties=struct(outputs))

    def Delete(self, request: Any, context: Any) -> Any:
        inputs = MessageToDict(request.old_inputs)
        self._note(
            "Delete", request.urn, id=request.id, outputs=MessageToDict(request.properties), inputs=inputs,
            timeout=request.timeout,
        )  # fmt: skip
        self._fail("delete", inputs, context)
        self.world.pop(request.id, None)
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        args = MessageToDict(request.args)
        self._note("Invoke", request.tok, args=args)
        if request.tok == "twin:index:shout":
            return provider_pb2.InvokeResponse(**{"return": struct({"text": str(plain(args.get("text"))).upper()})})
        if request.tok == "twin:index:refuse":
            failure = provider_pb2.CheckFailure(property="text", reason="is refused")
            return provider_pb2.InvokeResponse(failures=[failure])
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"no function {request.tok}")
        return None

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="1.0.0")

    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()
