"""URNs, Pulumi ids and ownership of `moor` resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.contract import KINDS, SPECS, Ownership
from providers.errors import InvalidInput, did_you_mean
from providers.hashing import inputs_hash
from providers.properties import canonical, without_defaults

PREFIX = "moor:index:"


def type_name(token: str) -> str:
    """`Dataset` of `moor:index:Dataset`. Raises `InvalidInput` for a token that the package does not have."""
    name = token.removeprefix(PREFIX)
    if name not in KINDS or name == token:
        near = did_you_mean(token, [PREFIX + kind for kind in KINDS])
        raise InvalidInput(f"the package moor has no resource type '{token}'{near}")
    return name


def type_of(urn: str) -> str:
    """The type's name of `urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>`."""
    return type_name(_parts(urn)[2].rpartition("$")[2])


def ownership(urn: str, inputs: Mapping[str, Any]) -> Ownership:
    """The tags of the resource `urn` with these checked inputs, and where it lives; no inputs: no hash."""
    stack, project, _, _ = _parts(urn)
    if not inputs:
        return Ownership(project, stack, urn, "")
    model = SPECS[type_of(urn)]
    hashed = inputs_hash(without_defaults(model, canonical(model, inputs)))
    region, container = (_known(inputs.get(name)) for name in ("region", "container"))
    return Ownership(project, stack, urn, hashed, region, container)


def _known(value: Any) -> str:
    """A text that is known; empty for what a preview cannot know yet."""
    return value if isinstance(value, str) else ""


def _parts(urn: str) -> tuple[str, str, str, str]:
    parts = urn.removeprefix("urn:pulumi:").split("::", 3)
    if len(parts) != 4:
        raise InvalidInput(f"'{urn}' is not a URN (urn:pulumi:<stack>::<project>::<type>::<name>)")
    return parts[0], parts[1], parts[2], parts[3]


def split_id(id: str) -> tuple[str, str]:
    """Cloud and native id of a Pulumi id. Raises `InvalidInput` with the right form for anything else."""
    cloud, colon, native = id.partition(":")
    if not (cloud and colon and native):
        raise InvalidInput(f"'{id}' is not an id of this package: <cloud>:<the cloud's own id>, such as 'local:…'")
    return cloud, native
