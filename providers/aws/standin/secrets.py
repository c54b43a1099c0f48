"""Secret values on the wire: which properties hold one, and how they are marked again in what goes back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf import struct_pb2

from providers.codec import to_struct

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_FROM = {"tags": "tagsAll"}
"""Outputs that repeat an input."""


def secret_keys(*structs: struct_pb2.Struct) -> frozenset[str]:
    """Properties that are secret in any of these, wholly or in part."""
    return frozenset(key for struct in structs for key, value in struct.fields.items() if _has_secret(value))


def _has_secret(value: struct_pb2.Value) -> bool:
    if value.HasField("struct_value"):
        fields = value.struct_value.fields
        if _SIGNATURE in fields and (fields[_SIGNATURE].string_value == _SECRET or fields["secret"].bool_value):
            return True
        return any(_has_secret(item) for item in fields.values())
    return value.HasField("list_value") and any(_has_secret(item) for item in value.list_value.values)


def marked(properties: dict[str, Any], secret: Iterable[str]) -> struct_pb2.Struct:
    """`properties` on the wire, those under the keys `secret` as secrets."""
    keys = {*secret, *(_FROM[key] for key in secret if key in _FROM)}
    return to_struct(
        {
            key: {_SIGNATURE: _SECRET, "value": value} if key in keys and value is not None else value
            for key, value in properties.items()
        }
    )
