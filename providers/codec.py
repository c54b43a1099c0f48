"""Pulumi property values between protobuf's Struct and plain Python.

Numbers on the wire are doubles: integral ones become `int`, so that `100.0` and `100` are the same value in a
comparison, a hash and a command line. The provider does not accept secrets, so none should arrive; where a
caller sends one all the same (or an output value), its plain value is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import struct_pb2

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What stands for a value that is not known yet in a preview (`pulumi.runtime.rpc.UNKNOWN`)."""

_OTHER_UNKNOWNS = frozenset(
    {
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
    }
)
"""Sentinels of unknowns that older engines type; all read as `UNKNOWN`."""

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"


def from_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    """The properties as plain values; nulls are left out, as Pulumi does."""
    values = {key: _from_value(value) for key, value in struct.fields.items()}
    return {key: value for key, value in values.items() if value is not None}


def _from_value(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value in _OTHER_UNKNOWNS else value.string_value
        case "number_value":
            return integral(value.number_value)
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return _unwrapped(from_struct(value.struct_value))
        case "list_value":
            return [_from_value(item) for item in value.list_value.values]
    return None


def _unwrapped(mapping: dict[str, Any]) -> Any:
    """The plain value of a secret or of an output value; anything else as it is."""
    match mapping.get(_SIGNATURE):
        case s if s == _SECRET:
            return mapping.get("value")
        case s if s == _OUTPUT:
            return mapping.get("value", UNKNOWN)
    return mapping


def integral(number: float) -> int | float:
    """A whole number as `int` (as far as a double tells whole numbers apart), any other as it is."""
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def to_struct(mapping: Mapping[str, Any]) -> struct_pb2.Struct:
    """The properties as a Struct. Raises TypeError for what JSON does not have."""
    struct = struct_pb2.Struct()
    for key, value in mapping.items():
        _fill(struct.fields[key], value)
    return struct


def _fill(target: struct_pb2.Value, value: Any) -> None:
    if value is None:
        target.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, (int, float)):
        target.number_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, Mapping):
        target.struct_value.SetInParent()
        for key, item in value.items():
            _fill(target.struct_value.fields[str(key)], item)
    elif isinstance(value, Sequence):
        target.list_value.SetInParent()
        for item in value:
            _fill(target.list_value.values.add(), item)
    else:
        raise TypeError(f"{type(value).__name__} is not a property value")


def contains_unknown(value: Any) -> bool:
    """Whether `value` is unknown, or anything inside it is."""
    if isinstance(value, str):
        return value == UNKNOWN
    if isinstance(value, Mapping):
        return any(contains_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(contains_unknown(item) for item in value)
    return False
