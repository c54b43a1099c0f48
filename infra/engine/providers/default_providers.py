"""Default providers: one for each package and version that the program uses without naming a provider."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import grpc

from infra.engine.deployment import Deployment
from infra.engine.planning.goal import Goal
from infra.engine.providers.provider_host import BUILTIN, default_name, with_plugin
from infra.engine.providers.rpc import AlreadyTold, RpcFailure
from infra.engine.state import urn as urns
from infra.engine.values.values import Properties, Secret

_DISABLED = "disable-default-providers"


class DefaultProviders:
    """Registers them, once each, as resources like any other. `register` is the registrar's."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._lock = threading.Lock()
        self._locks: dict[tuple[str, str, str], threading.Lock] = {}
        self._refs: dict[tuple[str, str, str], str] = {}
        self.register: Callable[[Goal], Any]

    def reference(self, package: str, version: str, url: str) -> str:
        """The reference of a package's default provider. Raises `RpcFailure` when that cannot be."""
        url = url.removesuffix("/")
        key = (package, version, url)
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._refs:
                self._refuse_disabled(package)
                self._refs[key] = self._make(package, version, url)
            return self._refs[key]

    def _make(self, package: str, version: str, url: str) -> str:
        goal = Goal(
            type=f"pulumi:providers:{package}",
            name=default_name(version, url),
            custom=True,
            properties=with_plugin(self._inputs(package), version, url),
        )
        outcome = self.register(goal)
        if outcome.status != "success":
            raise AlreadyTold(
                grpc.StatusCode.FAILED_PRECONDITION, f"the default provider of the package '{package}' failed"
            )
        return urns.provider_ref(outcome.state.urn, outcome.state.id)

    def _inputs(self, package: str) -> Properties:
        if package == BUILTIN:
            return {}
        config = self._deployment.config
        return {
            key: Secret(value) if f"{package}:{key}" in config.secret_keys else value
            for key, value in config.of_package(package).items()
        }

    def _refuse_disabled(self, package: str) -> None:
        text = self._deployment.config.of_package(BUILTIN).get(_DISABLED, "")
        if package == BUILTIN or not text:
            return
        try:
            barred = json.loads(text)
        except ValueError:
            barred = None
        if not isinstance(barred, list):
            message = f"pulumi:{_DISABLED} must be a list of package names, not '{text}'"
            raise RpcFailure(grpc.StatusCode.INVALID_ARGUMENT, message)
        if "*" in barred or package in barred:
            raise RpcFailure(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"Default provider for '{package}' disabled (pulumi:{_DISABLED}): give an explicit provider",
            )
