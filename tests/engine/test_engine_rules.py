"""The pure rules: ignored changes, order of deletion, stable order, replacement by path, former names."""

from __future__ import annotations

import pytest

from infra.engine.errors import EngineError
from infra.engine.planning.goal import child_alias
from infra.engine.planning.ignored import with_ignored
from infra.engine.planning.targets import Targets
from infra.engine.program.registrations import seconds
from infra.engine.state import graph
from infra.engine.state.resource import Resource
from infra.engine.values import diffs
from infra.engine.values.diffs import Diff, PropertyDiff, ReplaceRules
from infra.engine.values.values import Secret

PREFIX = "urn:pulumi:dev::proj::"


def resource(name: str, *needs: str, parent: str = "") -> Resource:
    urn = f"{PREFIX}demo:index:Thing::{name}"
    dependencies = [f"{PREFIX}demo:index:Thing::{n}" for n in needs]
    return Resource(urn=urn, type="demo:index:Thing", dependencies=dependencies, parent=parent)


def names(resources: list[Resource]) -> list[str]:
    return [r.urn.rsplit("::", 1)[-1] for r in resources]


@pytest.mark.parametrize(
    ("path", "new", "old", "expected"),
    [
        ("a", {"a": 1}, {"a": 2}, {"a": 2}),
        ("a", {"a": 1}, {}, {}),
        ("a", {}, {"a": 2}, {"a": 2}),
        ("a.b", {"a": {"b": 1, "c": 1}}, {"a": {"b": 2, "c": 2}}, {"a": {"b": 2, "c": 1}}),
        ("a[1]", {"a": [1, 1]}, {"a": [2, 2]}, {"a": [1, 2]}),
        ("a[*].b", {"a": [{"b": 1, "c": 1}]}, {"a": [{"b": 2, "c": 2}]}, {"a": [{"b": 2, "c": 1}]}),
        ("*", {"a": 1, "b": 1}, {"a": 2}, {"a": 2}),
    ],
)
def test_an_ignored_path_has_its_old_value(path: str, new: dict, old: dict, expected: dict) -> None:  # type: ignore[type-arg]
    before = repr(new)
    assert with_ignored(new, old, [path]) == (expected, [])
    assert repr(new) == before


def test_a_path_that_only_one_side_has_a_place_for_is_reported() -> None:
    assert with_ignored({}, {"a": {"b": 1}}, ["a.b"]) == ({}, ["a.b"])
    assert with_ignored({"a": {"b": 1}}, {}, ["a.b", "a["]) == ({"a": {}}, ["a["])


def test_what_was_reset_before_the_path_ended_stays_so() -> None:
    new, old = {"a": [{"b": 1}, {"b": 1}, {"b": 1}]}, {"a": [{"b": 2}]}
    assert with_ignored(new, old, ["a[*].b"]) == ({"a": [{"b": 2}, {"b": 1}, {"b": 1}]}, ["a[*].b"])
    assert with_ignored({"a": {"p": 1}}, {"a": {"p": 2, "q": 2}}, ["a.*"]) == ({"a": {"p": 2, "q": 2}}, [])


def test_a_path_goes_through_secrets_and_what_comes_out_of_one_stays_secret() -> None:
    kept, _ = with_ignored({"a": {"b": 1}}, {"a": Secret({"b": 2})}, ["a.b"])
    assert isinstance(kept["a"]["b"], Secret)
    assert kept["a"]["b"].value == 2
    inside, _ = with_ignored({"a": Secret({"b": 1, "c": 1})}, {"a": {"b": 2, "c": 2}}, ["a.b"])
    assert inside["a"].value == {"b": 2, "c": 1}


def test_dependents_are_deleted_in_an_earlier_wave_and_independent_ones_together() -> None:
    all_of_them = [resource("a"), resource("b", "a"), resource("c", "a"), resource("d", "b", "c")]
    assert [sorted(names(w)) for w in graph.deletion_waves(all_of_them)] == [["d"], ["b", "c"], ["a"]]


def test_a_right_order_is_kept_and_a_wrong_one_is_put_right() -> None:
    right = [resource("z"), resource("a"), resource("b", "z")]
    assert names(graph.ordered(right)) == ["z", "a", "b"]
    assert names(graph.ordered([resource("b", "z"), resource("z"), resource("a")])) == ["z", "b", "a"]


def test_dependents_are_found_transitively_and_children_only_when_asked_for() -> None:
    root = resource("a")
    child = resource("child", parent=root.urn)
    rest = [root, resource("b", "a"), resource("c", "b"), child, resource("other")]
    assert names(graph.dependents(rest, root)) == ["b", "c"]
    assert names(graph.dependents(rest, root, children=True)) == ["b", "c", "child"]


def test_replace_on_changes_names_paths_below_it_and_the_initialization() -> None:
    diff = Diff("some", changed_keys=("a",), detailed={"a.b": PropertyDiff("update"), "c": PropertyDiff("add")})
    changed = diffs.with_replacements(diff, ReplaceRules(["a"]))
    assert changed.replaces
    assert {p: d.kind for p, d in (changed.detailed or {}).items()} == {"a.b": "update-replace", "c": "add"}
    assert not diffs.with_replacements(diff, ReplaceRules(["z"])).replaces
    assert diffs.with_replacements(diffs.NONE, ReplaceRules(["#initerror"], init_errors=True)).replaces


def test_inputs_compare_by_value_also_where_they_are_secret() -> None:
    assert diffs.of_inputs({"a": Secret("x")}, {"a": "x"}).changes == "none"
    found = diffs.of_inputs({"a": Secret("x"), "b": 1}, {"a": Secret("y"), "c": 1})
    assert {p: d.kind for p, d in (found.detailed or {}).items()} == {"a": "update", "b": "delete", "c": "add"}
    assert {p: d.kind for p, d in (found.inverted().detailed or {}).items()} == {
        "a": "update",
        "b": "add",
        "c": "delete",
    }


def test_a_child_follows_its_parents_former_name() -> None:
    former = f"{PREFIX}demo:index:Group::old"
    assert child_alias("demo:index:Thing", "new-part", "new", former) == (
        f"{PREFIX}demo:index:Group$demo:index:Thing::old-part"
    )


def test_a_pattern_stops_at_colons_unless_it_is_doubled() -> None:
    urn = f"{PREFIX}demo:index:Thing::a"
    assert urn in Targets(["**::a"])
    assert urn not in Targets(["*::a"])
    assert urn in Targets([f"{PREFIX}demo:*:Thing::*"])
    assert not Targets([])


@pytest.mark.parametrize(("text", "expected"), [("90s", 90), ("1h30m", 5400), ("1.5m", 90), ("250ms", 0.25)])
def test_durations_are_read_as_go_writes_them(text: str, expected: float) -> None:
    assert seconds(text, "create") == expected


def test_a_duration_without_a_unit_is_refused_with_an_example() -> None:
    with pytest.raises(EngineError, match="'90' is not a duration: expected for example '90s'"):
        seconds("90", "custom_timeouts.create")
