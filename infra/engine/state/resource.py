"""One resource of a state, as Pulumi's `apitype.ResourceV3`, and its encoding."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from infra.engine.errors import StateCorrupt
from infra.engine.values.encoding import Decoder, Encoder, Sealer, dumps
from infra.engine.values.signatures import BYTES_SIGNATURE
from infra.engine.values.values import Properties

OperationType = Literal["creating", "updating", "deleting", "reading", "importing"]


@dataclass(eq=False)
class Resource:
    """A resource as state knows it. Two are the same only if they are the same object.

    Assign to a field to change it; what a field holds must not be changed in place, since the encoding is
    cached until a field is assigned. Times are RFC 3339 text. `custom_timeouts` is in seconds.
    """

    urn: str
    type: str
    custom: bool = False
    delete: bool = False
    id: str = ""
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    parent: str = ""
    protect: bool = False
    taint: bool = False
    external: bool = False
    dependencies: list[str] = field(default_factory=list)
    init_errors: list[str] = field(default_factory=list)
    provider: str = ""
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    pending_replacement: bool = False
    additional_secret_outputs: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    import_id: str = ""
    retain_on_delete: bool = False
    deleted_with: str = ""
    replace_with: list[str] = field(default_factory=list)
    created: str = ""
    modified: str = ""
    source_position: str = ""
    stack_trace: list[dict[str, Any]] = field(default_factory=list)
    ignore_changes: list[str] = field(default_factory=list)
    hide_diff: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    replacement_trigger: Any = None
    refresh_before_update: bool = False
    view_of: str = ""
    resource_hooks: dict[str, list[str]] = field(default_factory=dict)
    extension_ref: str = ""
    snippet_id: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    """Fields of a newer Pulumi, written back as they were read."""

    def __post_init__(self) -> None:
        self._cache: tuple[bytes, Sealer | None, frozenset[str]] | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if name != "_cache":
            object.__setattr__(self, "_cache", None)

    def copy(self, **changes: Any) -> Resource:
        """A new resource with some fields changed."""
        return Resource(**{name: getattr(self, name) for name in JSON_NAMES} | {"extra": self.extra} | changes)

    def referenced(self) -> list[tuple[str, str]]:
        """Every URN that must come before this resource, with what it is to it (`parent`, …)."""
        found = [("parent", self.parent)] if self.parent else []
        found += [("dependency", urn) for urn in self.dependencies]
        for key, urns in self.property_dependencies.items():
            found += [(f"property dependency (from {key})", urn) for urn in urns]
        if self.deleted_with:
            found.append(("deletedWith", self.deleted_with))
        return found + [("replaceWith", urn) for urn in self.replace_with]


@dataclass(eq=False)
class Operation:
    """Something that was begun and of whose end nothing is known: the last thing a killed engine wrote."""

    resource: Resource
    type: OperationType


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


JSON_NAMES = {
    f.name: {"import_id": "importID", "snippet_id": "snippetID"}.get(f.name, _camel(f.name))
    for f in fields(Resource)
    if f.name != "extra"
}
"""Field name to the name in a checkpoint, in the order that Pulumi writes them, but for `type`."""

_FIELDS = {json: name for name, json in JSON_NAMES.items()}
_PROPERTIES = ("inputs", "outputs")
_FEATURES = {
    "refresh_before_update": "refreshBeforeUpdate",
    "view_of": "views",
    "resource_hooks": "hooks",
    "taint": "taint",
    "replace_with": "replaceWith",
    "extension_ref": "extensionParameterization",
    "snippet_id": "snippets-prototype",
}


def decode_resource(raw: dict[str, Any], decoder: Decoder, sealer: Sealer | None) -> Resource:
    """A resource out of its JSON. Raises `StateCorrupt` when it lacks a URN or a type."""
    urn = raw.get("urn")
    if not urn or not raw.get("type"):
        raise StateCorrupt(f"a resource of the state lacks its {'type' if urn else 'urn'}: {urn or str(raw)[:120]}")
    known: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for key, value in raw.items():
        name = _FIELDS.get(key)
        if name is None:
            extra[key] = value
        elif value is not None:
            known[name] = value
    for name in _PROPERTIES:
        if name in known:
            known[name] = decoder.properties(known[name], (urn, name))
    if "replacement_trigger" in known:
        known["replacement_trigger"] = decoder.value(known["replacement_trigger"], (urn, "replacementTrigger"))
    resource = Resource(**known, extra=extra)
    # The bytes as they were: an untouched resource is written back exactly.
    data = dumps(raw)
    resource._cache = (data, sealer, _features(resource, raw_bytes=BYTES_SIGNATURE.encode() in data))
    return resource


def encode_resource(
    resource: Resource, encoder: Encoder, sealer: Sealer | None, features: set[str], show_secrets: bool = False
) -> bytes:
    """The resource's JSON; the features it needs are added to `features`."""
    cached = resource._cache
    if cached is not None and cached[1] is sealer and not show_secrets:
        features |= cached[2]
        return cached[0]
    encoder.uses_bytes = False
    data = dumps(_document(resource, encoder))
    needs = _features(resource, raw_bytes=encoder.uses_bytes)
    if not show_secrets:
        resource._cache = (data, sealer, needs)
    features |= needs
    return data


def _document(resource: Resource, encoder: Encoder) -> dict[str, Any]:
    document: dict[str, Any] = {"urn": resource.urn, "custom": resource.custom}
    for name, json in JSON_NAMES.items():
        value = getattr(resource, name)
        if name in _PROPERTIES:
            if value:
                document[json] = encoder.properties(value, (resource.urn, name))
        elif name == "replacement_trigger":
            if value is not None:
                document[json] = encoder.value(value, (resource.urn, json))
        elif value and name != "custom":
            document[json] = value
    return document | resource.extra


def _features(resource: Resource, *, raw_bytes: bool) -> frozenset[str]:
    needs = {feature for name, feature in _FEATURES.items() if getattr(resource, name)}
    return frozenset(needs | {"byteString"} if raw_bytes else needs)


def now() -> str:
    """The time for `created` and `modified`: RFC 3339, UTC."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
