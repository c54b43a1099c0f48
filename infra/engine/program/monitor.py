"""The resource monitor: what the Pulumi SDK talks to while a program runs, in process.

The SDK calls these methods from a pool of threads, so that independent resources are worked on at once.
"""

from __future__ import annotations

from typing import Any, NoReturn

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2, resource_pb2

from infra.engine.deployment import Deployment
from infra.engine.errors import UnsupportedOption
from infra.engine.planning.replacements import provider_of
from infra.engine.program.program_output import outside_program
from infra.engine.program.registrar import Registrar
from infra.engine.program.registrations import Requests
from infra.engine.program.transforms import Callbacks, Transforms
from infra.engine.providers.default_providers import DefaultProviders
from infra.engine.providers.rpc import AlreadyTold, RpcFailure
from infra.engine.state import urn as urns
from infra.engine.state.resource import Resource
from infra.engine.values import wire
from providers.errors import MooringError

FEATURES = (
    "SECRETS", "RESOURCE_REFERENCES", "OUTPUT_VALUES", "ALIAS_SPECS", "DELETED_WITH", "REPLACE_WITH", "TRANSFORMS",
    "INVOKE_TRANSFORMS",
)  # fmt: skip
"""What programs may use, as `ResourceMonitorFeature` names. Only what is implemented."""

_LEGACY = {
    "secrets": "SECRETS",
    "resourceReferences": "RESOURCE_REFERENCES",
    "outputValues": "OUTPUT_VALUES",
    "deletedWith": "DELETED_WITH",
    "replaceWith": "REPLACE_WITH",
    "aliasSpecs": "ALIAS_SPECS",
    "transforms": "TRANSFORMS",
    "invokeTransforms": "INVOKE_TRANSFORMS",
}
_STATUS: dict[str, Any] = {"success": 0, "failed": 1, "skipped": 2}
"""`pulumirpc.Result`."""


class Monitor:
    """Serves one program of one deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._callbacks = Callbacks()
        self._transforms = Transforms(self._callbacks, deployment.folder)
        self._defaults = DefaultProviders(deployment)
        self.registrar = Registrar(deployment, self._defaults)
        self._requests = Requests(deployment, self._defaults, self._transforms)

    def close(self) -> None:
        """Release what was opened for the program."""
        self._callbacks.close()

    def GetDeploymentInfo(self, request: Any) -> Any:
        ref, config = self._deployment.ref, self._deployment.config
        return resource_pb2.DeploymentInfo(
            project=ref.project,
            stack=ref.stack,
            organization="organization",
            config=dict(config.values),
            configSecretKeys=sorted(config.secret_keys),
            dryRun=self._deployment.dry_run,
            parallel=self._deployment.options.parallel,
            supportedFeatures=[getattr(resource_pb2, f"RESOURCE_MONITOR_FEATURE_{name}") for name in FEATURES],
        )

    def SupportsFeature(self, request: Any) -> Any:
        return resource_pb2.SupportsFeatureResponse(hasSupport=_LEGACY.get(request.id) in FEATURES)

    def RegisterResource(self, request: Any) -> Any:
        with outside_program():
            try:
                goal, providers = self._requests.goal(request)
            except (MooringError, RpcFailure) as error:
                self._refuse(error, f"{request.type} {request.name}")
            outcome = self.registrar.register(goal)
            self._requests.remember(outcome.state.urn, request, goal, providers)
            return self._answer(request, outcome.state, outcome.status, outcome.unknown)

    def _answer(self, request: Any, state: Resource, status: str, unknown: bool) -> Any:
        outputs = (state.outputs or {}) if request.custom and status == "success" else {}
        keep = wire.Keep(secrets=request.acceptSecrets, resources=request.acceptResources)
        return resource_pb2.RegisterResourceResponse(
            urn=state.urn,
            id=state.id if status == "success" else "",
            object=wire.to_struct(outputs, keep),
            result=_STATUS[status],
            unknown=unknown,
        )

    def ReadResource(self, request: Any) -> Any:
        with outside_program():
            try:
                goal = self._requests.read(request)
            except MooringError as error:
                self._refuse(error, f"{request.type} {request.name}")
            try:
                found = self.registrar.read(goal)
            except (MooringError, RpcFailure) as error:
                if isinstance(error, MooringError):
                    self._deployment.events.error(str(error))
                self._deployment.told = True
                raise RpcFailure(grpc.StatusCode.UNAVAILABLE, str(error)) from error
            keep = wire.Keep(secrets=request.acceptSecrets, resources=request.acceptResources)
            return resource_pb2.ReadResourceResponse(
                urn=found.urn, properties=wire.to_struct(found.outputs or {}, keep)
            )

    def RegisterResourceOutputs(self, request: Any) -> Any:
        with outside_program():
            keep = wire.Keep(secrets=True, resources=True, hash_in=self._deployment.folder)
            self.registrar.outputs(request.urn, wire.from_struct(request.outputs, keep))
            return Empty()

    def Invoke(self, request: Any) -> Any:
        with outside_program():
            if request.packageRef:
                self._refuse(UnsupportedOption("parameterized packages"), request.tok)
            try:
                return self._invoke(request)
            except MooringError as error:
                raise RpcFailure(grpc.StatusCode.UNKNOWN, f"invocation of {request.tok} failed: {error}") from error

    def _invoke(self, request: Any) -> Any:
        package = request.tok.split(":", 1)[0]
        keep = wire.Keep(secrets=True, resources=True, hash_in=self._deployment.folder)
        options = resource_pb2.TransformInvokeOptions(
            provider=self._requests.provider_for(request.provider, package, request.parent),
            version=request.version,
            plugin_download_url=request.pluginDownloadURL,
        )
        args, options = self._transforms.invoke(request.tok, wire.from_struct(request.args, keep), options)
        ref = options.provider or self._defaults.reference(package, options.version, options.plugin_download_url)
        provider = provider_of(self._deployment, Resource(urn=request.tok, type=request.tok, provider=ref))
        try:
            result = provider.invoke(request.tok, args, preview=self._deployment.dry_run)
        except RpcFailure as failure:
            message = f"invocation of {request.tok} returned an error: {failure}"
            raise RpcFailure(failure.code(), message) from failure
        resources = request.acceptResources or request.tok == "pulumi:pulumi:getResource"
        return resource_pb2.ResourceInvokeResponse(
            failures=[provider_pb2.CheckFailure(property=p, reason=r) for p, r in result.failures],
            **{"return": wire.to_struct(result.inputs, wire.Keep(secrets=True, resources=resources))},
        )

    def RegisterStackTransform(self, request: Any) -> Any:
        self._transforms.add_stack(request)
        return Empty()

    def RegisterStackInvokeTransform(self, request: Any) -> Any:
        self._transforms.add_invoke(request)
        return Empty()

    def SignalAndWaitForShutdown(self, request: Any) -> Any:
        return Empty()

    def Call(self, request: Any) -> Any:
        self._refuse(UnsupportedOption("methods of resources (Call)"), request.tok)

    def RegisterPackage(self, request: Any) -> Any:
        self._refuse(UnsupportedOption("parameterized packages"), request.name)

    def RegisterResourceHook(self, request: Any) -> Any:
        self._refuse(UnsupportedOption("resource hooks"), request.name)

    def RegisterErrorHook(self, request: Any) -> Any:
        self._refuse(UnsupportedOption("error hooks"), request.name)

    def ExistsResource(self, request: Any) -> Any:
        self._refuse(UnsupportedOption("looking up whether a resource exists"), request.name)

    def _refuse(self, error: Exception, what: str) -> NoReturn:
        """End the program: it asks for something that cannot be. Told here, with what it was about."""
        if not isinstance(error, AlreadyTold):
            self._deployment.events.error(f"{what}: {error}")
        self._deployment.told = True
        raise RpcFailure(grpc.StatusCode.UNAVAILABLE, str(error)) from error


def root_urn(deployment: Deployment) -> str:
    """The URN of the deployment's stack."""
    return urns.root(deployment.ref.stack, deployment.ref.project)
