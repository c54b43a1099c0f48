"""Property values on the wire: protobuf `Struct` and Python form, as Pulumi's `plugin.MarshalProperties`.

`Keep` says what the other side understands; what it does not is lowered: a secret to its value, a resource
to its id or URN, an output to a secret or unknown, and an unknown is left out.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from google.protobuf.struct_pb2 import ListValue, Struct, Value

from infra.engine.errors import ValueFormatError
from infra.engine.state import urn as urns
from infra.engine.values import assets
from infra.engine.values.signatures import (
    ARCHIVE_SIGNATURE,
    ASSET_SIGNATURE,
    BYTES_SIGNATURE,
    OUTPUT_SIGNATURE,
    RESOURCE_SIGNATURE,
    SECRET_SIGNATURE,
    SIGNATURE,
    UNKNOWN_STRING,
    UNKNOWN_STRINGS,
)
from infra.engine.values.values import UNKNOWN, Output, Properties, ResourceReference, Secret


@dataclass(frozen=True)
class Keep:
    """Options of both directions; names and meanings are those of Go's `plugin.MarshalOptions`.

    `upgrade_outputs` makes outputs of secrets and unknowns (needs `outputs`). `reject_unknowns` raises on an
    unknown. `hash_in` computes missing hashes of assets, relative to that folder. `elide_assets` sends only
    the hash of an asset, not where it is.
    """

    secrets: bool = False
    unknowns: bool = True
    resources: bool = False
    outputs: bool = False
    upgrade_outputs: bool = False
    skip_internal: bool = False
    reject_unknowns: bool = False
    elide_assets: bool = False
    hash_in: Path | None = None


PLAIN = Keep()
"""Unknowns only: what a provider that declares nothing understands."""

ALL = Keep(secrets=True, resources=True)
"""Secrets, unknowns and resource references: the form that the engine works on."""

_OMIT: Any = object()
_MAX_EXACT = 2**53


def to_struct(properties: Mapping[str, Any], keep: Keep = PLAIN) -> Struct:
    """Python form to Struct. Raises `ValueFormatError` for a value that has no form on the wire."""
    struct = Struct()
    _fill(struct, properties, keep)
    return struct


def from_struct(struct: Struct | None, keep: Keep = ALL) -> Properties:
    """Struct to Python form. Raises `ValueFormatError` for a malformed special object."""
    properties: Properties = {}
    if struct is None:
        return properties
    # Only top-level internal keys are skipped.
    inner = replace(keep, skip_internal=False) if keep.skip_internal else keep
    for key, message in struct.fields.items():
        if keep.skip_internal and key.startswith("__"):
            continue
        value = _get(message, inner, key)
        if value is not _OMIT:
            properties[key] = value
    return properties


def _fill(struct: Struct, properties: Mapping[str, Any], keep: Keep) -> None:
    inner = replace(keep, skip_internal=False) if keep.skip_internal else keep
    fields = struct.fields
    for key, value in properties.items():
        if keep.skip_internal and key.startswith("__"):
            continue
        lowered = _lower(value, inner, key)
        if lowered is not _OMIT:
            _write(fields[key], lowered, inner, key)


def _write(message: Value, value: Any, keep: Keep, path: str) -> None:
    """Put a value that `_lower` left: JSON's own types only."""
    if isinstance(value, str):
        try:
            message.string_value = value
        except (UnicodeEncodeError, ValueError):
            raise ValueFormatError(path, "a string that is not valid Unicode") from None
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, int | float):
        message.number_value = value
    elif value is None:
        message.null_value = 0
    elif isinstance(value, Mapping):
        message.struct_value.SetInParent()
        _fill(message.struct_value, value, keep)
    elif isinstance(value, list | tuple):
        message.list_value.SetInParent()
        elements = message.list_value.values
        for index, element in enumerate(value):
            lowered = _lower(element, keep, f"{path}[{index}]")
            if lowered is not _OMIT:
                _write(elements.add(), lowered, keep, f"{path}[{index}]")
    else:
        raise ValueFormatError(path, f"a {type(value).__name__} is no property value")


def _lower(value: Any, keep: Keep, path: str) -> Any:
    """A special value as the object that stands for it, or as what the other side understands instead."""
    if value is None or isinstance(value, str | bool | int | float | dict | list):
        return value
    if isinstance(value, Secret):
        return _lower_secret(value, keep, path)
    if value is UNKNOWN:
        return _lower_unknown(keep, path)
    if isinstance(value, Output):
        return _lower_output(value, keep, path)
    if isinstance(value, assets.Asset | assets.Archive):
        if keep.elide_assets:
            return value.elided().serialize()
        return (value.hashed(keep.hash_in) if keep.hash_in else value).serialize()
    if isinstance(value, ResourceReference):
        return _lower_reference(value, keep, path)
    if isinstance(value, bytes):
        return {SIGNATURE: BYTES_SIGNATURE, "value": base64.b64encode(value).decode()}
    return value


def _lower_unknown(keep: Keep, path: str) -> Any:
    if keep.reject_unknowns:
        raise ValueFormatError(path, "unexpected unknown value")
    if not keep.unknowns:
        return _OMIT
    return {SIGNATURE: OUTPUT_SIGNATURE} if keep.outputs and keep.upgrade_outputs else UNKNOWN_STRING


def _lower_secret(secret: Secret, keep: Keep, path: str) -> Any:
    if not keep.secrets:
        return _lower(secret.value, keep, path)
    if keep.outputs and keep.upgrade_outputs:
        return {SIGNATURE: OUTPUT_SIGNATURE, "secret": True, "value": secret.value}
    return {SIGNATURE: SECRET_SIGNATURE, "value": secret.value}


def _lower_output(output: Output, keep: Keep, path: str) -> Any:
    if not keep.outputs:
        return _lower(output.lower(), keep, path)
    form: dict[str, Any] = {SIGNATURE: OUTPUT_SIGNATURE}
    if output.known:
        form["value"] = output.value
    if output.secret:
        form["secret"] = True
    if output.dependencies:
        form["dependencies"] = list(output.dependencies)
    return form


def _lower_reference(reference: ResourceReference, keep: Keep, path: str) -> Any:
    if not keep.resources:
        return _lower(reference.urn if reference.id is None else reference.id, keep, path)
    form: dict[str, Any] = {SIGNATURE: RESOURCE_SIGNATURE, "urn": reference.urn}
    if urns.is_valid(reference.urn):
        form |= {"name": urns.name(reference.urn), "type": urns.type_of(reference.urn)}
    if reference.id is not None:
        form["id"] = reference.id if isinstance(reference.id, str) else ""
    if reference.package_version:
        form["packageVersion"] = reference.package_version
    return form


def _get(message: Value, keep: Keep, path: str) -> Any:
    kind = message.WhichOneof("kind")
    if kind == "string_value":
        text = message.string_value
        return _unknown(keep, path) if text in UNKNOWN_STRINGS else text
    if kind == "struct_value":
        return _get_struct(message.struct_value, keep, path)
    if kind == "number_value":
        number = message.number_value
        return int(number) if number.is_integer() and abs(number) <= _MAX_EXACT else number
    if kind == "bool_value":
        return message.bool_value
    if kind == "list_value":
        return _get_list(message.list_value, keep, path)
    return None


def _get_list(elements: ListValue, keep: Keep, path: str) -> list[Any]:
    values = (_get(element, keep, f"{path}[{index}]") for index, element in enumerate(elements.values))
    return [None if value is _OMIT else value for value in values]


def _unknown(keep: Keep, path: str) -> Any:
    if keep.reject_unknowns:
        raise ValueFormatError(path, "unexpected unknown value")
    if not keep.unknowns:
        return _OMIT
    return Output(UNKNOWN) if keep.outputs and keep.upgrade_outputs else UNKNOWN


def _secret(value: Any, keep: Keep) -> Any:
    if not keep.secrets or value is _OMIT:
        return value
    return Output(value, secret=True) if keep.outputs and keep.upgrade_outputs else Secret(value)


def _get_struct(struct: Struct, keep: Keep, path: str) -> Any:
    if SIGNATURE not in struct.fields:
        return {
            key: value
            for key, inner in struct.fields.items()
            if (value := _get(inner, keep, f"{path}.{key}")) is not _OMIT
        }
    signature = struct.fields[SIGNATURE].string_value
    if signature == OUTPUT_SIGNATURE:
        return _get_output(struct, keep, path)
    form = {key: _get(inner, keep, path) for key, inner in struct.fields.items()}
    if signature in (ASSET_SIGNATURE, ARCHIVE_SIGNATURE):
        asset = assets.deserialize(form, path)
        return asset.hashed(keep.hash_in) if keep.hash_in else asset
    if signature == RESOURCE_SIGNATURE:
        return _reference(form, keep, path)
    if signature not in (SECRET_SIGNATURE, BYTES_SIGNATURE):
        raise ValueFormatError(path, f"unrecognised signature '{signature}'")
    if "value" not in form:
        raise ValueFormatError(path, "malformed secret or byte string: 'value' is missing")
    return _secret(form["value"], keep) if signature == SECRET_SIGNATURE else _bytes(form["value"], path)


def _bytes(value: Any, path: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise ValueFormatError(path, "malformed byte string: 'value' must be base64") from None


def _get_output(struct: Struct, keep: Keep, path: str) -> Any:
    fields = struct.fields
    known, secret = "value" in fields, "secret" in fields and fields["secret"].bool_value
    value = _get(fields["value"], keep, path) if known else UNKNOWN
    if not keep.outputs:
        plain = value if known else _unknown(keep, path)
        return _secret(plain, keep) if secret else plain
    urns = fields["dependencies"].list_value.values if "dependencies" in fields else ()
    return Output(None if value is _OMIT else value, secret, tuple(urn.string_value for urn in urns))


def _reference(form: Properties, keep: Keep, path: str) -> Any:
    urn, id = form.get("urn"), form.get("id")
    if not isinstance(urn, str):
        raise ValueFormatError(path, "malformed resource reference: 'urn' must be a string")
    if isinstance(id, Output):
        id = id.value
    if "id" in form and not isinstance(id, str) and id is not UNKNOWN and id is not _OMIT:
        raise ValueFormatError(path, "malformed resource reference: 'id' must be a string")
    unknown = "id" in form and not (isinstance(id, str) and id)
    if keep.resources:
        version = form.get("packageVersion") or ""
        return ResourceReference(urn, UNKNOWN if unknown else id, str(version))
    if unknown and keep.unknowns:
        return UNKNOWN
    return urn if "id" not in form else id or ""
