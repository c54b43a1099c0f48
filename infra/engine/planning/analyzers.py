"""Policy packs: processes that look at every resource before and at the whole stack after a deployment.

A pack serves Pulumi's `Analyzer` from a process of its own (`policy_process.py`) that is ended with the operation.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, engine_pb2_grpc

from infra.engine.deployment import Deployment
from infra.engine.errors import EngineError
from infra.engine.planning import policy_process
from infra.engine.planning.goal import Goal
from infra.engine.state import urn as urns
from infra.engine.state.resource import Resource
from infra.engine.values import wire
from infra.engine.values.values import Properties

_CALL_SECONDS = 300
_KEEP = wire.Keep(secrets=True, unknowns=True, skip_internal=True)


class Analyzer:
    """A running policy pack."""

    def __init__(self, folder: Path, deployment: Deployment, engine_address: str) -> None:
        """Start it. Raises `EngineError` when the folder is no pack, or it does not start."""
        self.name, self._deployment = folder.name, deployment
        self._process = policy_process.start(folder, deployment, engine_address)
        try:
            port = policy_process.port(self._process, folder)
            self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
            self._stub = analyzer_pb2_grpc.AnalyzerStub(self._channel)
            self._greet(folder, engine_address)
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    def _greet(self, folder: Path, engine_address: str) -> None:
        ref, config = self._deployment.ref, self._deployment.config
        self._optional(self._stub.Handshake, analyzer_pb2.AnalyzerHandshakeRequest(
            engine_address=engine_address, root_directory=str(folder), program_directory=str(folder)
        ))  # fmt: skip
        self._optional(self._stub.ConfigureStack, analyzer_pb2.AnalyzerStackConfigureRequest(
            stack=ref.stack,
            project=ref.project,
            organization="organization",
            dry_run=self._deployment.dry_run,
            config=dict(config.values),
            config_secret_keys=sorted(config.secret_keys),
        ))  # fmt: skip
        info = self._call(self._stub.GetAnalyzerInfo, Empty())
        self.name = info.name or self.name

    def remediate(self, deployment: Deployment, new: Resource, goal: Goal) -> Properties:
        """The inputs as the pack's remediations want them; each one is told."""
        answer = self._optional(self._stub.Remediate, self._request(deployment, new, goal))
        inputs = new.inputs or {}
        for found in answer.remediations if answer is not None else ():
            if found.diagnostic:
                self._warn(found, found.diagnostic, new.urn)
            else:
                inputs = wire.from_struct(found.properties)
                new.inputs = inputs
                deployment.events.log("info", f"[{self.name}] {found.policyName}: remediated", new.urn)
        return inputs

    def analyze(self, deployment: Deployment, new: Resource, goal: Goal) -> bool:
        """Whether the resource may be deployed; what is wrong is told. A preview goes on."""
        answer = self._call(self._stub.Analyze, self._request(deployment, new, goal))
        mandatory = self._tell(answer.diagnostics, new.urn)
        return deployment.dry_run or not mandatory

    def analyze_stack(self, resources: Sequence[Resource]) -> None:
        """Look at the stack as a whole; what is wrong is told."""
        items = [self._stack_item(r) for r in resources if not r.delete]
        answer = self._call(self._stub.AnalyzeStack, analyzer_pb2.AnalyzeStackRequest(resources=items))
        self._tell(answer.diagnostics, urns.root(self._deployment.ref.stack, self._deployment.ref.project))

    def close(self) -> None:
        """End the process."""
        self._channel.close()
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _tell(self, diagnostics: Sequence[Any], urn: str) -> bool:
        """Tell of violations; whether one is mandatory."""
        mandatory = False
        for found in diagnostics:
            about = found.urn or urn
            if found.enforcementLevel in (analyzer_pb2.MANDATORY, analyzer_pb2.REMEDIATE):
                mandatory = True
                self._deployment.events.error(self._sentence(found, found.message), about)
            else:
                self._warn(found, found.message, about)
        return mandatory

    def _warn(self, found: Any, message: str, urn: str) -> None:
        self._deployment.events.log("warning", self._sentence(found, message), urn)

    def _sentence(self, found: Any, message: str) -> str:
        return f"[{found.policyPackName or self.name}] {found.policyName}: {message or found.description}"

    def _request(self, deployment: Deployment, new: Resource, goal: Goal) -> Any:
        request = analyzer_pb2.AnalyzeRequest(
            urn=new.urn,
            type=new.type,
            name=urns.name(new.urn),
            properties=wire.to_struct(new.inputs or {}, _KEEP),
            options=_options(new, goal.delete_before_replace),
        )
        provider = _provider(deployment, new)
        if provider is not None:
            request.provider.CopyFrom(provider)
        return request

    def _stack_item(self, resource: Resource) -> Any:
        goal = self._deployment.goals.get(resource.urn)
        item = analyzer_pb2.AnalyzerResource(
            urn=resource.urn,
            type=resource.type,
            name=urns.name(resource.urn),
            properties=wire.to_struct(resource.outputs or {}, _KEEP),
            options=_options(resource, goal.delete_before_replace if goal else None),
            parent=resource.parent,
            dependencies=resource.dependencies,
            propertyDependencies={
                k: analyzer_pb2.AnalyzerPropertyDependencies(urns=v) for k, v in resource.property_dependencies.items()
            },
        )
        provider = _provider(self._deployment, resource)
        if provider is not None:
            item.provider.CopyFrom(provider)
        return item

    def _call(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=_CALL_SECONDS)
        except grpc.RpcError as error:
            raise EngineError(f"the policy pack '{self.name}' failed: {error.details()}") from error

    def _optional(self, method: Any, request: Any) -> Any:
        """The same for what older packs do not have."""
        try:
            return method(request, timeout=_CALL_SECONDS)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNIMPLEMENTED:
                return None
            raise EngineError(f"the policy pack '{self.name}' failed: {error.details()}") from error


class PolicyPacks:
    """All packs of an operation, and the engine's address that they are given."""

    def __init__(self, folders: Sequence[Path], deployment: Deployment) -> None:
        from infra.engine.program.engine_service import EngineService

        self._server = grpc.server(futures.ThreadPoolExecutor(2, "policy-log"))
        service = EngineService(deployment.events)
        engine_pb2_grpc.add_EngineServicer_to_server(_OverGrpc(service), self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()
        self.analyzers: list[Analyzer] = []
        try:
            for folder in folders:
                self.analyzers.append(Analyzer(folder.resolve(), deployment, f"127.0.0.1:{port}"))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End them all."""
        for analyzer in self.analyzers:
            analyzer.close()
        self._server.stop(0)


class _OverGrpc(engine_pb2_grpc.EngineServicer):
    def __init__(self, service: Any) -> None:
        self._service = service

    def Log(self, request: Any, context: Any) -> Any:
        return self._service.Log(request)

    def GetRootResource(self, request: Any, context: Any) -> Any:
        return self._service.GetRootResource(request)

    def SetRootResource(self, request: Any, context: Any) -> Any:
        return self._service.SetRootResource(request)


def _options(resource: Resource, delete_before_replace: bool | None) -> Any:
    timeouts = resource.custom_timeouts
    return analyzer_pb2.AnalyzerResourceOptions(
        protect=resource.protect,
        ignoreChanges=resource.ignore_changes,
        deleteBeforeReplace=bool(delete_before_replace),
        deleteBeforeReplaceDefined=delete_before_replace is not None,
        additionalSecretOutputs=resource.additional_secret_outputs,
        aliases=resource.aliases,
        customTimeouts=analyzer_pb2.AnalyzerResourceOptions.CustomTimeouts(**timeouts),
        parent=resource.parent,
    )


def _provider(deployment: Deployment, resource: Resource) -> Any:
    if not resource.provider:
        return None
    urn, _ = urns.parse_provider_ref(resource.provider)
    found = deployment.providers.get(urn) or deployment.olds.get(urn)
    if found is None:
        return None
    return analyzer_pb2.AnalyzerProviderResource(
        urn=found.urn,
        type=found.type,
        name=urns.name(found.urn),
        properties=wire.to_struct(found.inputs or {}, _KEEP),
    )
