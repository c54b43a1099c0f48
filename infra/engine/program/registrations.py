"""From the messages of the SDK to goals: options inherited, aliases and timeouts parsed, transforms applied.

Follows `RegisterResource` and `ReadResource` of Pulumi's `source_eval.go`. What the embedded engine does not
have raises `UnsupportedOption`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, urlparse

from pulumi.runtime.proto import alias_pb2, resource_pb2

from infra.engine.deployment import Deployment
from infra.engine.errors import EngineError, UnsupportedOption
from infra.engine.planning.goal import Alias, Goal, ReadGoal
from infra.engine.program import transforms
from infra.engine.program.transforms import Transforms
from infra.engine.providers.default_providers import DefaultProviders
from infra.engine.providers.provider_host import with_plugin
from infra.engine.state import urn as urns
from infra.engine.values import wire
from infra.engine.values.values import lower_outputs

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+\Z")
_TYPE = re.compile(r"[^:]+:[^:]*:[^:]+\Z")


class Requests:
    """Translates requests, and remembers what parents pass on to their children. Thread-safe."""

    def __init__(self, deployment: Deployment, defaults: DefaultProviders, transforms_: Transforms) -> None:
        self._deployment, self._defaults, self._transforms = deployment, defaults, transforms_
        self._lock = threading.Lock()
        self._goals: dict[str, Goal] = {}
        self._providers: dict[str, dict[str, str]] = {}

    def goal(self, request: Any) -> tuple[Goal, dict[str, str]]:
        """The goal of a `RegisterResourceRequest`, and the providers it hands to its children.

        Raises `UnsupportedOption`, `EngineError`, `ValueFormatError`, `RpcFailure`.
        """
        refuse_unsupported(request)
        if request.custom and not _TYPE.match(request.type):
            raise EngineError(f"'{request.type}' is not a type token: expected <package>:<module>:<type>")
        self._inherit(request)
        package = urns.package_of(request.type)
        options = self._options(request, package)
        keep = wire.Keep(secrets=True, resources=True, outputs=True, hash_in=self._deployment.folder)
        properties = wire.from_struct(request.object, keep)
        needed = {k: list(v.urns) for k, v in request.propertyDependencies.items()}
        if not needed:
            needed = {k: list(request.dependencies) for k in properties}
        dependencies = set(request.dependencies)
        applied = self._transforms.for_resource(list(request.transforms), request.parent)
        if applied:
            if request.transforms:
                properties = transforms.upgraded(properties, needed)
            properties, options = self._transforms.resource(applied, request, properties, options)
            if request.transforms:
                needed = {}
            dependencies = set(options.depends_on)
        for key, value in properties.items():
            needed[key] = sorted({*needed.get(key, ()), *transforms.output_dependencies(value)})
        if applied:
            dependencies |= {urn for found in needed.values() for urn in found}
        properties = lower_outputs(properties)
        providers = self._handed_down(request, dict(options.providers))
        provider = ""
        if urns.is_provider_type(request.type):
            properties = with_plugin(properties, options.version, options.plugin_download_url)
        elif request.custom:
            provider = options.provider or self._defaults.reference(
                package, options.version, options.plugin_download_url
            )
        goal = Goal(
            type=request.type,
            name=request.name,
            custom=request.custom,
            properties=properties,
            parent=request.parent,
            protect=options.protect if options.HasField("protect") else None,
            provider=provider,
            dependencies=sorted(dependencies),
            property_dependencies=needed,
            delete_before_replace=(
                options.delete_before_replace if options.HasField("delete_before_replace") else None
            ),
            ignore_changes=list(options.ignore_changes),
            additional_secret_outputs=list(options.additional_secret_outputs),
            aliases=[_alias(a) for a in options.aliases],
            id=getattr(options, "import"),
            custom_timeouts=_timeouts(options.custom_timeouts),
            replace_on_changes=list(options.replace_on_changes),
            retain_on_delete=options.retain_on_delete if options.HasField("retain_on_delete") else None,
            deleted_with=options.deleted_with,
            replace_with=list(options.replace_with),
            hide_diff=list(options.hide_diff),
            source_position=self._position(request),
        )
        return goal, providers

    def read(self, request: Any) -> ReadGoal:
        """The goal of a `ReadResourceRequest`."""
        if request.packageRef:
            raise UnsupportedOption("parameterized packages")
        if not request.id:
            raise EngineError(f"reading {request.type} '{request.name}': an id is needed")
        provider = request.provider or self._defaults.reference(
            urns.package_of(request.type), request.version, request.pluginDownloadURL
        )
        keep = wire.Keep(secrets=True, resources=True, hash_in=self._deployment.folder)
        return ReadGoal(
            type=request.type,
            name=request.name,
            id=request.id,
            properties=wire.from_struct(request.properties, keep),
            parent=request.parent,
            provider=provider,
            dependencies=list(request.dependencies),
            additional_secret_outputs=list(request.additionalSecretOutputs),
            source_position=self._position(request),
        )

    def remember(self, urn: str, request: Any, goal: Goal, providers: dict[str, str]) -> None:
        """Keep what the children of a registered resource inherit."""
        with self._lock:
            self._goals[urn] = goal
            if not goal.custom:
                self._providers[urn] = providers
        self._transforms.remember(urn, goal.parent, list(request.transforms))

    def provider_for(self, given: str, package: str, parent: str) -> str:
        """The provider that an option names, or that a parent hands down; empty for the default one."""
        if given:
            return given
        with self._lock:
            return self._providers.get(parent, {}).get(package, "")

    def _inherit(self, request: Any) -> None:
        with self._lock:
            parent = self._goals.get(request.parent)
        if parent is None:
            return
        if not request.deletedWith:
            request.deletedWith = parent.deleted_with
        if not request.HasField("protect") and parent.protect is not None:
            request.protect = parent.protect
        if not request.HasField("retainOnDelete") and parent.retain_on_delete is not None:
            request.retainOnDelete = parent.retain_on_delete
        if not request.provider and parent.provider and request.custom:
            urn, _ = urns.parse_provider_ref(parent.provider)
            if urns.package_of(urns.type_of(urn)) == urns.package_of(request.type):
                request.provider = parent.provider

    def _options(self, request: Any, package: str) -> Any:
        provider = request.provider
        if request.custom:
            provider = provider or request.providers.get(package, "")
            provider = self.provider_for(provider, package, request.parent)
        options = resource_pb2.TransformResourceOptions(
            depends_on=request.dependencies,
            ignore_changes=request.ignoreChanges,
            replace_on_changes=request.replaceOnChanges,
            version=request.version,
            aliases=[*(alias_pb2.Alias(urn=u) for u in request.aliasURNs), *request.aliases],
            provider=provider,
            providers=request.providers,
            hide_diff=request.hideDiffs,
            plugin_download_url=request.pluginDownloadURL,
            deleted_with=request.deletedWith,
            replace_with=request.replace_with,
            additional_secret_outputs=request.additionalSecretOutputs,
            **{"import": request.importId},
        )
        if request.HasField("customTimeouts"):
            options.custom_timeouts.CopyFrom(request.customTimeouts)
        if request.HasField("protect"):
            options.protect = request.protect
        if request.HasField("retainOnDelete"):
            options.retain_on_delete = request.retainOnDelete
        if request.deleteBeforeReplaceDefined or request.deleteBeforeReplace:
            options.delete_before_replace = request.deleteBeforeReplace
        return options

    def _handed_down(self, request: Any, providers: dict[str, str]) -> dict[str, str]:
        if request.custom or not request.parent:
            return providers
        with self._lock:
            return {**self._providers.get(request.parent, {}), **providers}

    def _position(self, request: Any) -> str:
        """`project:///<path>#<line>`, for files of the project."""
        position = request.sourcePosition
        if not position.uri.startswith("file://"):
            return ""
        path = unquote(urlparse(position.uri).path)
        root = str(self._deployment.ref.root)
        if not path.startswith(root + "/"):
            return ""
        column = f",{position.column}" if position.column else ""
        return f"project://{path[len(root) :]}#{position.line}{column}"


def refuse_unsupported(request: Any) -> None:
    """Raise `UnsupportedOption` for what only the CLI has."""
    unsupported: Iterable[tuple[bool, str, str]] = (
        (request.remote, "remote components", ""),
        (bool(request.packageRef), "parameterized packages", ""),
        (request.HasField("hooks") and bool(request.hooks.ListFields()), "the resource option hooks", ""),
        (request.HasField("replacement_trigger"), "the resource option replacement_trigger", ""),
        (bool(request.state_migrations), "the resource option state_migrations", ""),
        (bool(request.envVarMappings), "the provider option env_var_mappings", ""),
    )
    for given, option, hint in unsupported:
        if given:
            raise UnsupportedOption(option, hint)


def _alias(message: Any) -> Alias:
    if message.WhichOneof("alias") != "spec":
        return Alias(urn=message.urn)
    spec = message.spec
    return Alias(
        name=spec.name,
        type=spec.type,
        stack=spec.stack,
        project=spec.project,
        parent=spec.parentUrn,
        no_parent=spec.noParent,
    )


def _timeouts(message: Any) -> dict[str, float]:
    found = {verb: getattr(message, verb) for verb in ("create", "update", "delete", "read")}
    return {verb: seconds(text, f"custom_timeouts.{verb}") for verb, text in found.items() if text}


def seconds(text: str, where: str) -> float:
    """A duration as Go writes it (`1h30m`, `90s`) in seconds. Raises `EngineError`."""
    if not _DURATION.match(text):
        raise EngineError(f"{where}: '{text}' is not a duration: expected for example '90s', '5m' or '1h30m'")
    return sum(float(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)", text))
