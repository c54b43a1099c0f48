"""Property values between Struct and Python."""

from __future__ import annotations

from typing import Any

import pulumi.runtime.rpc
import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from providers.codec import UNKNOWN, contains_unknown, from_struct, to_struct

values = st.recursive(
    st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), values, max_size=4))
def test_values_survive_the_wire(properties: dict[str, Any]) -> None:
    assert from_struct(to_struct(properties)) == properties


def test_integral_numbers_are_ints() -> None:
    properties = from_struct(to_struct({"a": 100.0, "b": 0.5, "c": [3.0]}))
    assert [repr(properties[name]) for name in "abc"] == ["100", "0.5", "[3]"]


def test_the_unknown_value_is_the_engines() -> None:
    assert pulumi.runtime.rpc.UNKNOWN == UNKNOWN


def test_nulls_are_left_out() -> None:
    assert from_struct(to_struct({"a": None, "b": {"c": None}})) == {"b": {}}


@pytest.mark.parametrize(
    "signature", ["1b47061264138c4ac30d75fd1eb44270", "d0e6a833031e9bbcd3f4e8bde6ca49a4"], ids=["secret", "output"]
)
def test_wrapped_values_are_taken_out(signature: str) -> None:
    struct = struct_pb2.Struct()
    struct.update({"a": {"4dabf18193072939515e22adb298388d": signature, "value": "x"}})
    assert from_struct(struct) == {"a": "x"}


def test_an_output_without_a_value_is_unknown() -> None:
    wrapped = {"4dabf18193072939515e22adb298388d": "d0e6a833031e9bbcd3f4e8bde6ca49a4"}
    assert from_struct(to_struct({"a": wrapped})) == {"a": UNKNOWN}


def test_unknowns_are_found_at_any_depth() -> None:
    assert contains_unknown({"a": [{"b": UNKNOWN}]})
    assert not contains_unknown({"a": [{"b": "known"}]})


def test_what_json_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="set is not a property value"):
        to_struct({"a": {1, 2}})
