"""Property values: every form there and back, secrecy, comparison."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.engine.errors import ValueFormatError
from infra.engine.state import urn
from infra.engine.values import property_diff, values, wire
from infra.engine.values.assets import Archive, Asset
from infra.engine.values.encoding import Decoder, Encoder, dumps, loads
from infra.engine.values.property_diff import equal
from infra.engine.values.values import UNKNOWN, Output, ResourceReference, Secret

URN = "urn:pulumi:dev::shop::pkg:index:Thing::a"
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).filter(lambda s: s not in values.UNKNOWN_STRING)
numbers = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False))
plain = st.one_of(st.none(), st.booleans(), text, numbers)
special = st.one_of(
    st.just(UNKNOWN),
    st.builds(
        ResourceReference, st.just(URN), st.one_of(st.none(), st.just("i-1"), st.just(UNKNOWN)), st.just("1.0.0")
    ),
    st.builds(Asset, text=st.just("hello")),
    st.builds(lambda a: Archive(assets={"a.txt": a}), st.builds(Asset, path=st.just("a.txt"))),
    st.binary(max_size=6),
)
keys = text.filter(lambda k: k != values.SIGNATURE)


def nested(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4), st.builds(Secret, inner)
        ),
        max_leaves=12,
    )


properties = st.dictionaries(keys, nested(st.one_of(plain, special)), max_size=5)


class PlainSealer:
    """Encrypts nothing: what encryption adds is tested with the real one."""

    def seal(self, plaintext: str, place: Any) -> str:
        return "sealed:" + plaintext

    def reveal(self, ciphertext: str) -> str:
        return ciphertext.removeprefix("sealed:")

    def remember(self, place: Any, ciphertext: str) -> None:
        pass


@settings(max_examples=150, deadline=None)
@given(properties)
def test_the_wire_form_gives_back_what_went_in(given_: dict[str, Any]) -> None:
    back = wire.from_struct(wire.to_struct(given_, wire.ALL), wire.ALL)
    assert property_diff.diff(given_, back) == []


@settings(max_examples=150, deadline=None)
@given(properties)
def test_the_checkpoint_form_gives_back_what_went_in(given_: dict[str, Any]) -> None:
    sealer = PlainSealer()
    encoded = loads(dumps(Encoder(sealer).properties(given_, (URN, "inputs"))))
    back = Decoder(sealer).properties(encoded, (URN, "inputs"))
    assert property_diff.diff(given_, back) == []


@settings(max_examples=100, deadline=None)
@given(properties)
def test_a_plain_provider_sees_no_secret_and_mask_shows_none(given_: dict[str, Any]) -> None:
    assert not values.contains_secrets(wire.from_struct(wire.to_struct(given_, wire.PLAIN), wire.ALL))
    assert not values.contains_secrets(values.mask(given_))
    assert not values.contains_unknowns(values.mask(given_))


@given(
    st.lists(st.one_of(st.text(min_size=1, max_size=8).filter(lambda s: "\\" not in s), st.integers(0, 99)), min_size=1)
)
def test_a_property_path_is_read_back_as_it_was_printed(path: list[str | int]) -> None:
    assert property_diff.parse_path(property_diff.format_path(path)) == tuple(path)


@pytest.mark.parametrize("bad", ["a..b", ".a", "a[", "a[x]", 'a["b'])
def test_a_malformed_property_path_says_where(bad: str) -> None:
    with pytest.raises(ValueFormatError, match="not a property path"):
        property_diff.parse_path(bad)


def test_differences_are_named_at_the_finest_grain() -> None:
    old = {"a": {"b": [1, {"x.y": 2}]}, "gone": 1, "same": None, "flag": True, "s": Secret("v")}
    new = {"a": {"b": [1, {"x.y": 3}, 4]}, "flag": 1, "s": Secret("v")}
    assert property_diff.diff(old, new) == ['a.b[1]["x.y"]', "a.b[2]", "flag", "gone"]


def test_a_secret_differs_from_its_plain_value() -> None:
    assert not equal({"p": Secret("x")}, {"p": "x"})
    assert equal({"p": Secret({"a": [1]})}, {"p": Secret({"a": [1]})})


def test_numbers_that_json_cannot_hold_survive_a_checkpoint() -> None:
    encoded = loads(dumps(Encoder(None).properties({"n": math.nan, "i": -math.inf, "big": 2**80})))
    back = Decoder(None).properties(encoded)
    assert math.isnan(back["n"])
    assert back["i"] == -math.inf
    assert back["big"] == 2**80


def test_outputs_keep_their_dependencies_only_where_they_are_understood() -> None:
    given_ = {"o": Output("v", secret=True, dependencies=(URN,)), "u": Output(UNKNOWN)}
    kept = wire.Keep(secrets=True, outputs=True)
    assert wire.from_struct(wire.to_struct(given_, kept), kept) == given_
    assert wire.from_struct(wire.to_struct(given_, wire.ALL)) == {"o": Secret("v"), "u": UNKNOWN}
    assert values.lower_outputs(given_) == {"o": Secret("v"), "u": UNKNOWN}


def test_unknowns_are_dropped_or_refused_where_they_are_not_kept() -> None:
    assert wire.from_struct(wire.to_struct({"a": UNKNOWN, "b": [UNKNOWN, 1]}, wire.Keep(unknowns=False))) == {"b": [1]}
    with pytest.raises(ValueFormatError, match=r"b\[0\]: unexpected unknown"):
        wire.to_struct({"b": [UNKNOWN]}, wire.Keep(reject_unknowns=True))


def test_internal_keys_are_skipped_at_the_top_only() -> None:
    struct = wire.to_struct({"__internal": 1, "a": {"__x": 2}})
    assert wire.from_struct(struct, wire.Keep(skip_internal=True)) == {"a": {"__x": 2}}


def test_secrecy_of_inputs_spreads_to_outputs_of_the_same_name() -> None:
    outputs = {"a": {"x": 1, "y": 2}, "list": [1, 2], "other": 3, "done": Secret(4)}
    inputs = {"a": {"x": Secret(1)}, "list": [Secret(1)], "missing": Secret(1), "done": Secret(4)}
    assert values.annotate_secrets(outputs, inputs) == {
        "a": {"x": Secret(1), "y": 2},
        "list": Secret([1, 2]),
        "other": 3,
        "done": Secret(4),
    }


def test_archives_hash_as_the_tar_stream_that_pulumi_hashes(tmp_path: Path) -> None:
    # The first is a constant of Pulumi's own source; the real CLI is asked in test_state_cli_interop.
    empty = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
    assert Archive(assets={}).hashed(tmp_path).hash == empty
    (tmp_path / "folder" / "sub").mkdir(parents=True)
    (tmp_path / "folder" / ".pulumi").mkdir()
    (tmp_path / "folder" / ".pulumi" / "ignored").write_text("x")
    assert Archive(path="folder").hashed(tmp_path).hash == empty
    (tmp_path / "folder" / "sub" / "a.txt").write_text("a")
    members = Archive(assets={"sub": Archive(assets={"a.txt": Asset(text="a")})})
    assert Archive(path="folder").hashed(tmp_path).hash == members.hashed(tmp_path).hash != empty
    with pytest.raises(ValueFormatError, match="neither a folder nor an archive"):
        Archive(path="nowhere").hashed(tmp_path)
    with pytest.raises(ValueFormatError, match="is a folder; use a FileArchive"):
        Asset(path="folder").hashed(tmp_path)
    with pytest.raises(ValueFormatError, match="stays on this machine"):
        Asset(uri="https://example.org/x").hashed(tmp_path)


def test_urns_are_made_and_parsed_as_pulumi_does() -> None:
    stack = urn.root("dev", "shop")
    assert stack == "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"
    parent = urn.make("dev", "shop", stack, "my:mod:Comp", "c")
    child = urn.make("dev", "shop", parent, "pkg:index:Thing", "a::b")
    assert child == "urn:pulumi:dev::shop::my:mod:Comp$pkg:index:Thing::a::b"
    assert (urn.name(child), urn.type_of(child), str(urn.parse(child))) == ("a::b", "pkg:index:Thing", child)
    assert urn.package_of("pulumi:providers:moor") == urn.package_of("moor:index:Model") == "moor"
    with pytest.raises(ValueFormatError, match="is not a URN"):
        urn.parse("urn:pulumi:dev")
