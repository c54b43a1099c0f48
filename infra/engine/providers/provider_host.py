"""The providers of a deployment: servicers in process, one instance for each provider resource.

A provider resource (`pulumi:providers:<package>`, default or explicit) is itself a resource with inputs; its
"create" is to configure an instance. This follows Pulumi's `pkg/resource/deploy/providers/registry.go`.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from infra.engine.errors import EngineError
from infra.engine.providers.provider_client import Provider
from infra.engine.providers.provider_types import Checked, Live
from infra.engine.state import urn as urns
from infra.engine.state.resource import Resource
from infra.engine.values import diffs, property_diff
from infra.engine.values.signatures import UNKNOWN_STRING
from infra.engine.values.values import Properties
from providers.errors import did_you_mean

INTERNAL = "__internal"
"""Inputs of a provider resource that only engines read; never passed to the provider."""

BUILTIN = "pulumi"
"""The package of what the engine itself provides: stack references."""

_NO_NAME = re.compile(r"[^A-Za-z0-9_.-]")

Factory = Callable[[], Any]
Log = Callable[[str, str, str, bool], None]
"""`log(severity, message, urn, ephemeral)`: how a provider in process reports progress."""


class PackageMissing(EngineError):
    """The program uses a package for which this process has no provider."""


class ProviderHost:
    """Makes, configures, and finds providers. Thread-safe."""

    def __init__(self, factories: Mapping[str, Factory], builtin: Factory, log: Log) -> None:
        self._factories = {**factories, BUILTIN: builtin}
        self._log = log
        self._lock = threading.RLock()
        self._checked: dict[str, Provider] = {}
        self._configured: dict[tuple[str, str], Provider] = {}
        self._former: dict[str, str] = {}
        self._cancelled = False

    def make(self, package: str) -> Provider:
        """A fresh instance. Raises `PackageMissing`."""
        factory = self._factories.get(package)
        if factory is None:
            near = did_you_mean(package, sorted(set(self._factories) - {BUILTIN}))
            raise PackageMissing(
                f"the embedded engine has no provider for the package '{package}'{near}: what is not on this "
                "machine needs the Pulumi CLI (https://www.pulumi.com/docs/install/), then --engine pulumi"
            )
        servicer = factory()
        if hasattr(servicer, "log"):
            servicer.log = self._log
        provider = Provider(servicer, package)
        provider.handshake()
        return provider

    def get(self, ref: str) -> Provider | None:
        """The configured provider behind a reference (`<urn>::<id>`)."""
        with self._lock:
            return self._configured.get(urns.parse_provider_ref(ref))

    def servicers(self) -> list[Any]:
        """Every instance there is."""
        with self._lock:
            found = [*self._configured.values(), *self._checked.values()]
        return list({id(p): p for p in found}.values())

    def check(self, urn: str, olds: Properties, news: Properties) -> Checked:
        """Check of a provider resource: keeps the instance for the `create` or `same` that follows."""
        provider = self.make(urns.package_of(urns.type_of(urn)))
        checked = provider.check_config(urn, visible(olds), visible(news))
        if checked.failures:
            return checked
        with self._lock:
            self._checked[urn] = provider
        inputs = dict(checked.inputs)
        for key in ("version", INTERNAL):
            if key in news:
                inputs.setdefault(key, news[key])
        return Checked(inputs)

    def diff(self, old: Resource, news: Properties, urn: str = "") -> diffs.Diff:
        """Diff of a provider resource's inputs; `urn` is its name now, where that is another one."""
        urn = urn or old.urn
        with self._lock:
            provider = self._checked.get(urn) or self._configured.get((old.urn, old.id))
        if provider is None:
            provider = self.ensure(old)
        found = provider.diff_config(urn, visible(old.inputs or {}), old.outputs or {}, visible(news))
        if found.changes != "unknown":
            return found
        same = property_diff.equal(old.outputs or {}, visible(news))
        return diffs.Diff("none" if same else "some", found.replace_keys)

    def create(self, urn: str, inputs: Properties, *, preview: bool) -> Live:
        """Configure a provider under a new id."""
        id = UNKNOWN_STRING if preview else str(uuid.uuid4())
        self._configure(urn, id, inputs)
        return Live(id, visible(inputs))

    def update(self, urn: str, id: str, inputs: Properties) -> Live:
        """Configure a provider anew under its id."""
        self._configure(urn, id, inputs)
        return Live(id, visible(inputs))

    def same(self, urn: str, id: str, inputs: Properties) -> None:
        """Take up a provider that has not changed."""
        with self._lock:
            if (urn, id) in self._configured:
                return
        self._configure(urn, id, inputs)

    def ensure(self, old: Resource) -> Provider:
        """The provider of a resource in state, configured as it was then."""
        with self._lock:
            known = self._configured.get((old.urn, old.id))
            if known is not None:
                return known
            provider = self.make(urns.package_of(old.type))
            provider.configure(old.urn, old.id, visible(old.inputs or {}))
            return self._configured.setdefault((old.urn, old.id), provider)

    def alias(self, urn: str, old: str) -> None:
        """Let references to a provider's former URN find it."""
        with self._lock:
            self._former[urn] = old

    def cancel(self) -> None:
        """Ask every provider, also those still to be made, to end what it is doing."""
        with self._lock:
            self._cancelled = True
        for provider in self.servicers():
            provider.cancel()

    def close(self) -> None:
        """Tell every provider that the operation is over, as Pulumi does."""
        for provider in self.servicers():
            provider.cancel()

    def _configure(self, urn: str, id: str, inputs: Properties) -> None:
        with self._lock:
            provider = self._checked.pop(urn, None)
        provider = provider or self.make(urns.package_of(urns.type_of(urn)))
        provider.configure(urn, id, visible(inputs))
        with self._lock:
            self._configured[(urn, id)] = provider
            if urn in self._former:
                self._configured[(self._former[urn], id)] = provider
            cancelled = self._cancelled
        if cancelled:
            provider.cancel()


def visible(inputs: Properties) -> Properties:
    """A provider resource's inputs without those that only engines read."""
    return {k: v for k, v in inputs.items() if k != INTERNAL}


def default_name(version: str, url: str = "") -> str:
    """The name of a package's default provider: `default`, `default_7_51_1`, `default_https_/host/path`."""
    numbers, _, build = version.removeprefix("v").partition("+")
    core, _, pre = numbers.partition("-")
    parts = [p.replace(".", "_") for p in (core, pre, build) if p]
    if url:
        parts.append("/".join(_NO_NAME.sub("_", segment) for segment in url.split("/") if segment) or "_")
    return "_".join(("default", *parts))


def with_plugin(inputs: Properties, version: str, url: str) -> Properties:
    """Inputs of a provider resource with the wanted plugin's version, as Pulumi records it."""
    if not version and not url:
        return inputs
    internal = dict(inputs.get(INTERNAL) or {})
    if url:
        internal["pluginDownloadURL"] = url
    return {**inputs, INTERNAL: internal, **({"version": version} if version else {})}
