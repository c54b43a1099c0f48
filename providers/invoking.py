"""Functions of the package: `moor:index:getModelVersion`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from providers.contract import Adapter, HasVersions
from providers.errors import InvalidInput, NotFound, NotSupported, did_you_mean
from providers.identity import split_id
from providers.values import ModelVersionState

GET_VERSION = "moor:index:getModelVersion"


def invoke(token: str, arguments: Mapping[str, Any], adapters: Callable[[str], Adapter]) -> dict[str, Any]:
    """The result of a function. Raises `InvalidInput` for one that the package does not have."""
    if token != GET_VERSION:
        raise InvalidInput(f"the package moor has no function '{token}'{did_you_mean(token, [GET_VERSION])}")
    unknown = sorted(set(arguments) - {"model", "version", "digest"})
    if unknown:
        near = did_you_mean(unknown[0], ["model", "version", "digest"])
        raise InvalidInput(f"{GET_VERSION}: unknown argument '{unknown[0]}'{near}")
    return _get_version(arguments, adapters).to_wire()


def _get_version(arguments: Mapping[str, Any], adapters: Callable[[str], Adapter]) -> ModelVersionState:
    id = arguments.get("model")
    if not isinstance(id, str):
        raise InvalidInput(f"{GET_VERSION}: `model` is required: the id of a Model, '<cloud>:…'")
    cloud, native = split_id(id)
    kind: Any = adapters(cloud).model
    if not isinstance(kind, HasVersions):
        raise NotSupported(f"{GET_VERSION}: the cloud '{cloud}' does not list versions")
    versions = kind.versions(native)
    number, digest = arguments.get("version"), arguments.get("digest")
    fitting = [v for v in versions if number in (None, v.version) and digest in (None, v.digest)]
    if not fitting:
        there = ", ".join(f"{v.version} ({v.digest[:19]}…)" for v in versions) or "none"
        raise NotFound(f"{GET_VERSION}: the model '{id}' has no such version (there are: {there})")
    return fitting[-1]
