"""`--target`, `--target-dependents`, `--replace`."""

from __future__ import annotations

import pytest
from engine_kit import Stack

from infra.engine.errors import EngineError

SOURCE = """
a = Thing("a", {"x": VALUE})
b = Thing("b", {"x": VALUE})
c = Thing("c", {"x": VALUE, "from": a.handle})
"""


def deployed(stack: Stack) -> str:
    stack.up(SOURCE.replace("VALUE", "1"))
    stack.forget_calls()
    return SOURCE.replace("VALUE", "2")


def test_only_the_target_is_updated(stack: Stack) -> None:
    changed = deployed(stack)
    stack.up(changed, targets=(stack.urn("b"),))
    assert stack.calls("update") == ["update b"]
    assert {n: t["x"] for n, t in stack.things().items()} == {"a": 1, "b": 2, "c": 1}
    assert stack.resources()["a"]["inputs"]["x"] == 1


def test_dependents_come_along_when_asked_for(stack: Stack) -> None:
    changed = deployed(stack)
    stack.up(changed, targets=(stack.urn("a"),), target_dependents=True)
    assert sorted(stack.calls("update")) == ["update a", "update c"]


def test_a_pattern_names_several(stack: Stack) -> None:
    changed = deployed(stack)
    stack.up(changed, targets=("**Thing::b", "urn:pulumi:dev::proj::*:*:*::a"))
    assert sorted(stack.calls("update")) == ["update a", "update b"]


def test_what_is_new_and_no_target_is_not_created(stack: Stack) -> None:
    deployed(stack)
    stack.up(SOURCE.replace("VALUE", "1") + 'Thing("d", {})\n', targets=(stack.urn("a"),))
    assert "d" not in stack.things()
    assert "d" not in stack.resources()


def test_a_target_that_needs_something_left_out_is_refused(stack: Stack) -> None:
    deployed(stack)
    urn = stack.urn("a").replace("::a", "::e")
    source = SOURCE.replace("VALUE", "1") + 'd = Thing("d", {})\nThing("e", {"from": d.handle})\n'
    result = stack.run("up", source, targets=(urn,))
    assert "::d" in result.errors[0]
    assert "--target" in result.errors[0]
    assert "e" not in stack.things()


def test_what_is_gone_from_the_program_stays_unless_it_is_a_target(stack: Stack) -> None:
    deployed(stack)
    target = stack.urn("b")
    stack.up('a = Thing("a", {"x": 1})', targets=(target,))
    assert set(stack.things()) == {"a", "c"}


def test_what_is_gone_from_the_program_and_depends_on_a_target_must_be_named_as_well(stack: Stack) -> None:
    deployed(stack)
    refused = stack.run("up", 'a = Thing("a", {"x": 1})', targets=(stack.urn("a"),))
    assert f"'{stack.urn('c')}' will be destroyed but was not specified" in refused.errors[0]
    assert set(stack.things()) == {"a", "b", "c"}
    assert stack.up('a = Thing("a", {"x": 1})', targets=(stack.urn("a"),), target_dependents=True).ok
    assert set(stack.things()) == {"a", "b"}


def test_a_resource_to_replace_that_is_not_in_the_stack_is_an_error(stack: Stack) -> None:
    changed = deployed(stack)
    urn = stack.urn("b") + "x"
    with pytest.raises(EngineError, match=f"--replace: no resource named '{urn}' was found in the stack"):
        stack.run("up", changed, replace=(urn,))
    assert stack.calls("update") == []


def test_destroying_a_target_needs_its_dependents_named_or_asked_for(stack: Stack) -> None:
    deployed(stack)
    refused = stack.destroy(targets=(stack.urn("a"),))
    assert "was not specified in --target list" in refused.errors[0]
    assert set(stack.things()) == {"a", "b", "c"}
    result = stack.destroy(targets=(stack.urn("a"),), target_dependents=True)
    assert result.ok, result.errors
    assert set(stack.things()) == {"b"}


def test_replace_makes_a_new_one_even_if_nothing_differs(stack: Stack) -> None:
    deployed(stack)
    id = stack.resources()["b"]["id"]
    result = stack.up(SOURCE.replace("VALUE", "1"), replace=(stack.urn("b"),))
    assert result.changes["replace"] == 1
    assert stack.resources()["b"]["id"] != id
    assert set(stack.things()) == {"a", "b", "c"}


def test_what_is_no_urn_is_refused_with_the_one_that_was_meant(stack: Stack) -> None:
    changed = deployed(stack)
    with pytest.raises(EngineError, match=r"did you mean 'urn:pulumi:dev::proj::demo:index:Thing::b'"):
        stack.run("up", changed, targets=("b",))
