"""A resource's outputs: its state and the inputs that programs read; in a preview, what is not known yet."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from providers.codec import UNKNOWN
from providers.contract import SPECS, STATES
from providers.diffing import RUNS
from providers.properties import wire_names
from providers.values import Value

ECHOED = ("cloud", "region", "name", "model")
"""Inputs that are outputs as well."""

_RENEWED: Mapping[str, Mapping[str, Collection[str]]] = {
    "Dataset": dict.fromkeys(
        ("source", "url", "sql", "http", "asOf", "sourceHash", "format"),
        ("uri", "version", "bytes", "files", "versions", "rows", "columns"),
    )
    | dict.fromkeys(("delimiter", "schema"), ("rows", "columns"))
    | {"container": ("uri",)},
    "Model": {"container": ("group",)},
    "ModelVersion": {"metrics": ("metrics",), "artifact": ("uri",)},
    "Endpoint": {"deployments": ("deployments", "status", "reason")}
    | dict.fromkeys(("network", "overrides", "port", "mode"), ("url", "predictUrl", "status", "reason")),
}
"""The outputs that an update may give a new value, by the input that changes."""


def echoed(type_name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that are outputs as well."""
    fields = SPECS[type_name].model_fields
    return {name: inputs.get(name, fields[name].default) for name in ECHOED if name in fields}


def outputs(type_name: str, inputs: Mapping[str, Any], state: Value | Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a resource that is there."""
    wire = state.to_wire() if isinstance(state, Value) else state
    return {**echoed(type_name, inputs), **wire}


def preview_create(type_name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a resource that will be made: all computed ones unknown."""
    return {**dict.fromkeys(wire_names(STATES[type_name]), UNKNOWN), **echoed(type_name, inputs)}


def preview_update(
    type_name: str, inputs: Mapping[str, Any], old: Mapping[str, Any], changed: Collection[str]
) -> dict[str, Any]:
    """The outputs of a resource whose top-level inputs `changed` will be updated.

    What an update may renew is unknown, and everything is for a run that has not ended well: it goes on.
    """
    names = wire_names(STATES[type_name])
    if type_name in RUNS and old.get("status") != "succeeded":
        return preview_create(type_name, inputs)
    renewed = {name for key in changed for name in _RENEWED.get(type_name, {}).get(key, ())}
    kept = {name: old[name] for name in names if name in old}
    return {**kept, **dict.fromkeys(renewed, UNKNOWN), **echoed(type_name, inputs)}
