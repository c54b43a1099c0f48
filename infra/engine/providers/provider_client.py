"""One instance of a provider, spoken to in the protocol's messages but in Python values.

What Pulumi's engine does around each call (`sdk/go/common/resource/plugin/provider_plugin.go`) is done here:
what the provider understands is negotiated, secrets are kept for those that do not know them, a configuration
that is not known yet leaves the provider alone, and half-made resources come back as `InitFailed`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2, status_pb2

from infra.engine.providers.provider_types import Checked, DiffUnavailable, InitFailed, Live, Target
from infra.engine.providers.rpc import RpcFailure, call
from infra.engine.values import wire
from infra.engine.values.diffs import KINDS, Diff, PropertyDiff
from infra.engine.values.values import (
    Properties,
    Secret,
    annotate_secrets,
    contains_secrets,
    contains_unknowns,
    strip_secrets,
)

UNKNOWN_CONFIG = (
    "The provider for this resource has inputs that are not known during preview.\n"
    "This preview may not correctly represent the changes that will be applied during an update."
)


class Provider:
    """A servicer of one package, and what was agreed with it. Calls raise `RpcFailure`."""

    def __init__(self, servicer: Any, package: str) -> None:
        self.servicer, self.package = servicer, package
        self.known = True
        self._preview = False
        self._keep = wire.PLAIN
        self._handshake_done = False

    def handshake(self) -> None:
        """Agree on what both sides understand; a provider without handshake does so in `configure`."""
        request = provider_pb2.ProviderHandshakeRequest(configure_with_urn=True, invoke_with_preview=True)
        try:
            answer = call(self.servicer.Handshake, request)
        except RpcFailure as failure:
            if failure.code() == grpc.StatusCode.UNIMPLEMENTED:
                return
            raise
        self._keep = wire.Keep(secrets=answer.accept_secrets, resources=answer.accept_resources)
        self._preview, self._handshake_done = True, True

    def check_config(self, urn: str, olds: Properties, news: Properties) -> Checked:
        """Validate a provider resource's inputs, sent in plain values: nothing has been agreed yet."""
        request = provider_pb2.CheckRequest(**Target(urn).names, olds=wire.to_struct(olds), news=wire.to_struct(news))
        try:
            answer = call(self.servicer.CheckConfig, request)
        except RpcFailure as failure:
            if failure.code() == grpc.StatusCode.UNIMPLEMENTED:
                return Checked(news)
            raise
        failures = tuple((f.property, f.reason) for f in answer.failures)
        # Providers that know no secrets answer in plain values; what was secret stays so.
        return Checked(annotate_secrets(wire.from_struct(answer.inputs), news), failures)

    def diff_config(self, urn: str, old: Properties, old_outputs: Properties, new: Properties) -> Diff:
        """What a changed configuration means; "unknown" from a provider that does not say."""
        keep = wire.Keep(secrets=False)
        request = provider_pb2.DiffRequest(
            **Target(urn).names,
            old_inputs=wire.to_struct(old, keep),
            olds=wire.to_struct(old_outputs, keep),
            news=wire.to_struct(new, keep),
        )
        try:
            return _diff(call(self.servicer.DiffConfig, request))
        except RpcFailure as failure:
            if failure.code() == grpc.StatusCode.UNIMPLEMENTED:
                return Diff("unknown")
            raise

    def configure(self, urn: str, id: str, inputs: Properties) -> None:
        """Give the provider its configuration; one that is not known yet leaves it unconfigured."""
        if contains_unknowns(inputs):
            self.known = False
            return
        variables = {f"{self.package}:config:{k}": _text(v) for k, v in inputs.items() if k != "version"}
        request = provider_pb2.ConfigureRequest(
            **Target(urn).names,
            id=id,
            acceptSecrets=True,
            acceptResources=True,
            sends_old_inputs=True,
            sends_old_inputs_to_delete=True,
            variables=variables,
            args=wire.to_struct(inputs, wire.Keep(secrets=True, resources=True)),
        )
        answer = call(self.servicer.Configure, request)
        self.known = True
        if not self._handshake_done:
            self._keep = wire.Keep(secrets=answer.acceptSecrets, resources=answer.acceptResources)
            self._preview = answer.supportsPreview

    def check(self, target: Target, olds: Properties, news: Properties, seed: bytes) -> Checked:
        """Validate and complete a resource's inputs."""
        if not self.known:
            return Checked(news)
        request = provider_pb2.CheckRequest(**target.names, olds=self._out(olds), news=self._out(news), randomSeed=seed)
        answer = call(self.servicer.Check, request)
        inputs = wire.from_struct(answer.inputs, wire.Keep(secrets=True, resources=True))
        return Checked(self._marked(inputs, news), tuple((f.property, f.reason) for f in answer.failures))

    def diff(self, target: Target, old: Mapping[str, Any], outputs: Mapping[str, Any], new: Mapping[str, Any],
             ignore: Sequence[str] = ()) -> Diff:  # fmt: skip
        """What `new` inputs mean for a resource. Raises `DiffUnavailable`."""
        if not self.known:
            raise DiffUnavailable(UNKNOWN_CONFIG)
        request = provider_pb2.DiffRequest(
            **target.names,
            id=target.id,
            old_inputs=self._out(old, elide=True),
            olds=self._out(outputs, elide=True),
            news=self._out(new, elide=True),
            ignoreChanges=list(ignore),
        )
        return _diff(call(self.servicer.Diff, request))

    def create(self, target: Target, inputs: Properties, *, preview: bool) -> Live:
        """Make a resource; in a preview, say what it would be. Raises `InitFailed`."""
        if preview and not (self.known and self._preview):
            return Live("", dict(inputs) if self.known else {})
        request = provider_pb2.CreateRequest(
            **target.names, properties=self._out(inputs), timeout=target.timeout, preview=preview
        )
        answer = self._effect(self.servicer.Create, request, inputs)
        if not answer.id and not preview:
            raise RpcFailure(grpc.StatusCode.INTERNAL, f"the provider '{self.package}' returned no id from Create")
        return Live(answer.id, self._in(answer.properties, inputs, preview=preview))

    def update(self, target: Target, old: Properties, outputs: Properties, new: Properties,
               ignore: Sequence[str], *, preview: bool) -> Live:  # fmt: skip
        """Change a resource. Raises `InitFailed`; any other failure means that nothing was changed."""
        if preview and not (self.known and self._preview):
            return Live(target.id, dict(new) if self.known else {})
        request = provider_pb2.UpdateRequest(
            **target.names,
            id=target.id,
            olds=self._out(outputs, elide=True),
            old_inputs=self._out(old, elide=True),
            news=self._out(new),
            timeout=target.timeout,
            ignoreChanges=list(ignore),
            preview=preview,
        )
        answer = self._effect(self.servicer.Update, request, new)
        return Live(target.id, self._in(answer.properties, new, preview=preview))

    def read(self, target: Target, inputs: Properties | None, state: Properties) -> Live | None:
        """A resource as it is now, None when it is gone. Raises `InitFailed`."""
        request = provider_pb2.ReadRequest(
            **target.names, id=target.id, properties=self._out(state, elide=True), timeout=target.timeout
        )
        if inputs is not None:
            request.inputs.CopyFrom(self._out(inputs, elide=True))
        answer = self._effect(self.servicer.Read, request, state)
        if not answer.id:
            return None
        live_inputs = self._in(answer.inputs, inputs or {}) if answer.HasField("inputs") else None
        return Live(answer.id, self._in(answer.properties, state), live_inputs)

    def delete(self, target: Target, inputs: Properties, outputs: Properties) -> None:
        """Delete a resource; one that is gone already is no failure."""
        request = provider_pb2.DeleteRequest(
            **target.names,
            id=target.id,
            properties=self._out(outputs, elide=True),
            old_inputs=self._out(inputs, elide=True),
            timeout=target.timeout,
        )
        call(self.servicer.Delete, request)

    def invoke(self, token: str, args: Properties, *, preview: bool) -> Checked:
        """Call one of the provider's functions."""
        if not self.known:
            return Checked({})
        request = provider_pb2.InvokeRequest(tok=token, args=self._out(args, unknowns=False), preview=preview)
        answer = call(self.servicer.Invoke, request)
        result = wire.from_struct(getattr(answer, "return"), wire.Keep(secrets=True, resources=True))
        if contains_secrets(args) and not self._keep.secrets:
            result = {k: v if isinstance(v, Secret) else Secret(v) for k, v in result.items()}
        return Checked(result, tuple((f.property, f.reason) for f in answer.failures))

    def cancel(self) -> None:
        """Ask the provider to end what it is doing; one that cannot is left alone."""
        try:
            call(self.servicer.Cancel, Empty())
        except RpcFailure:
            return

    def _effect(self, method: Any, request: Any, given: Properties) -> Any:
        try:
            return call(method, request)
        except RpcFailure as failure:
            broken = _init_failed(failure)
            if broken is None:
                raise
            inputs = self._in(broken.inputs, {}) if broken.HasField("inputs") else None
            live = Live(broken.id, self._in(broken.properties, given), inputs)
            raise InitFailed(broken.reasons, live) from failure

    def _out(self, properties: Mapping[str, Any], *, elide: bool = False, unknowns: bool = True) -> Any:
        keep = self._keep
        return wire.to_struct(properties, wire.Keep(
            secrets=keep.secrets, resources=keep.resources, unknowns=unknowns, elide_assets=elide
        ))  # fmt: skip

    def _in(self, struct: Any, given: Properties, *, preview: bool = False) -> Properties:
        keep = wire.Keep(secrets=True, resources=True, reject_unknowns=not preview)
        return self._marked(wire.from_struct(struct, keep), given)

    def _marked(self, properties: Properties, given: Properties) -> Properties:
        return properties if self._keep.secrets else annotate_secrets(properties, given)


def _diff(answer: Any) -> Diff:
    detailed = None
    if answer.hasDetailedDiff or answer.detailedDiff:
        detailed = {p: PropertyDiff(KINDS[d.kind], d.inputDiff) for p, d in answer.detailedDiff.items()}
    changes = ("unknown", "none", "some")[answer.changes]
    return Diff(
        changes,  # type: ignore[arg-type]
        tuple(answer.replaces),
        tuple(answer.diffs),
        tuple(answer.stables),
        detailed,
        answer.deleteBeforeReplace,
    )


def _init_failed(failure: RpcFailure) -> Any:
    if not failure.status_details:
        return None
    status = status_pb2.Status.FromString(failure.status_details)
    broken = provider_pb2.ErrorResourceInitFailed()
    for detail in status.details:
        if detail.Is(broken.DESCRIPTOR):
            detail.Unpack(broken)
            return broken
    return None


def _text(value: Any) -> str:
    plain = strip_secrets(value)
    return (
        plain
        if isinstance(plain, str)
        else json.dumps(plain, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    )
