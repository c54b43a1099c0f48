"""Stand-ins for vendors' Pulumi plugins, which emulated stacks use: in process, or attached to the Pulumi CLI.

A cloud that has them says so in `providers.<cloud>.standin`: `SERVICERS`, package name to `module:class`.
"""

from __future__ import annotations

import atexit
import importlib
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from infra.engine.api import StackRef
from providers.paths import KIT

_ATTACHED = "PULUMI_DEBUG_PROVIDERS"
_ports: dict[str, int] = {}
"""Ports of those that this process serves, by package."""


def factories(ref: StackRef) -> Mapping[str, Callable[[], Any]]:
    """What makes the stack's stand-ins, by package; none for a stack that needs none."""
    return {package: _maker(place) for package, place in _servicers(ref).items()}


def attached(ref: StackRef) -> dict[str, str]:
    """Serve the stack's stand-ins from this process, to its end; the variable that tells `pulumi` of them."""
    for package, make in factories(ref).items():
        if package not in _ports:
            from providers.serve import serve

            server, _ports[package] = serve(make=lambda engine_address, make=make: make())
            atexit.register(server.stop, 0)
    found = [f"{package}:{_ports[package]}" for package in _servicers(ref)]
    others = [one for one in os.environ.get(_ATTACHED, "").split(",") if one and one.split(":")[0] not in _ports]
    return {_ATTACHED: ",".join([*others, *found])} if found else {}


def endpoint_variable(cloud: str) -> str:
    """The variable with the address of a cloud's emulator, for the program and for the adapter."""
    return f"MOORING_{cloud.upper().replace('-', '_')}_ENDPOINT"


def plugins(ref: StackRef) -> Mapping[str, Path]:
    """Folders with the plugins of the stack's stand-ins, by package: for a `pulumi` that somebody else starts."""
    places = {package: place.partition(":")[0].split(".")[:-1] for package, place in _servicers(ref).items()}
    return {package: KIT.joinpath(*place) for package, place in places.items()}


def _servicers(ref: StackRef) -> Mapping[str, str]:
    module = f"providers.{ref.cloud}.standin"
    if not ref.emulate or ref.cloud == "local":
        return {}
    try:
        if find_spec(module) is None:
            return {}
    except ModuleNotFoundError:  # a third party's cloud
        return {}
    found: Mapping[str, str] = importlib.import_module(module).SERVICERS
    return found


def _maker(place: str) -> Callable[[], Any]:
    module, _, name = place.partition(":")

    def make() -> Any:
        return getattr(importlib.import_module(module), name)()

    return make
