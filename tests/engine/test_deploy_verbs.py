"""Create, update, replace, delete, read: what the engine does to real things, and what it records."""

from __future__ import annotations

from engine_kit import Stack

TWO = """
a = Thing("a", {"x": 1})
b = Thing("b", {"from": a.handle})
pulumi.export("handle", b.handle)
"""


def test_creates_what_the_program_names_and_returns_its_outputs(stack: Stack) -> None:
    result = stack.up(TWO)
    assert result.changes == {"create": 3}
    assert set(stack.things()) == {"a", "b"}
    resources = stack.resources()
    assert result.outputs == {"handle": resources["b"]["outputs"]["handle"]}
    assert resources["b"]["dependencies"] == [resources["a"]["urn"]]
    assert resources["b"]["propertyDependencies"] == {"from": [resources["a"]["urn"]]}
    assert stack.things()["b"]["from"] == resources["a"]["outputs"]["handle"]


def test_an_unchanged_program_changes_nothing_and_writes_nothing(stack: Stack) -> None:
    stack.up(TWO)
    before = stack.state_file.read_bytes()
    stack.forget_calls()
    result = stack.up()
    assert result.changes == {"same": 3}
    assert not result.has_changes
    assert stack.state_file.read_bytes() == before
    assert not stack.calls("create", "update", "delete")


def test_a_changed_property_is_an_update_in_place(stack: Stack) -> None:
    stack.up(TWO)
    id = stack.resources()["a"]["id"]
    result = stack.up(TWO.replace('"x": 1', '"x": 2'))
    assert result.changes == {"same": 2, "update": 1}
    assert stack.resources()["a"]["id"] == id
    assert stack.things()["a"] == {"x": 2}


def test_a_removed_resource_is_deleted_after_its_dependents(stack: Stack) -> None:
    stack.up(TWO)
    stack.forget_calls()
    stack.up("")
    assert stack.calls("delete") == ["delete b", "delete a"]
    assert stack.things() == {}
    assert stack.resources() == {}


def test_a_replacement_is_created_before_the_old_one_is_deleted(stack: Stack) -> None:
    stack.up("""
a = Thing("a", {"fixed": 1})
b = Thing("b", {"from": a.handle})
""")
    stack.forget_calls()
    result = stack.up("""
a = Thing("a", {"fixed": 2})
b = Thing("b", {"from": a.handle})
""")
    assert stack.calls("create", "update", "delete") == ["create a", "update b", "delete a"]
    assert result.changes == {"same": 1, "replace": 1, "update": 1}
    assert stack.steps == [
        ("create-replacement", "a"), ("replace", "a"), ("update", "b"), ("delete-replaced", "a"),
    ]  # fmt: skip
    assert stack.things()["a"] == {"fixed": 2}


def test_delete_before_replace_takes_along_dependents_that_must_be_replaced(stack: Stack) -> None:
    source = """
a = Thing("a", {"fixed": VALUE}, Opts(delete_before_replace=True))
b = Thing("b", {"fixed": a.handle})
c = Thing("c", {"from": a.handle})
"""
    stack.up(source.replace("VALUE", "1"))
    stack.forget_calls()
    result = stack.up(source.replace("VALUE", "2"))
    assert stack.calls("create", "delete") == ["delete b", "delete a", "create a", "create b"]
    assert stack.calls("update") == ["update c"]
    assert result.changes["replace"] == 2
    assert set(stack.things()) == {"a", "b", "c"}
    assert not any(r.get("pendingReplacement") for r in stack.deployment()["resources"])


def test_the_provider_may_ask_for_delete_before_replace(stack: Stack) -> None:
    stack.up('Thing("a", {"fixed": 1, "deleteFirst": True})')
    stack.forget_calls()
    stack.up('Thing("a", {"fixed": 2, "deleteFirst": True})')
    assert stack.calls("create", "delete") == ["delete a", "create a"]


def test_get_reads_an_existing_resource_and_never_deletes_it(stack: Stack) -> None:
    stack.up('Thing("a", {"x": 1})')
    id = stack.resources()["a"]["id"]
    result = stack.up(f"""
Thing("a", {{"x": 1}})
pulumi.export("seen", Thing.get("view", "{id}").handle)
""")
    assert result.outputs == {"seen": f"handle-{id}"}
    assert stack.resources()["view"]["external"] is True
    stack.forget_calls()
    stack.up('Thing("a", {"x": 1})')
    assert not stack.calls("delete")
    assert "view" not in stack.resources()


def test_getting_what_does_not_exist_fails_once_and_says_so(stack: Stack) -> None:
    result = stack.run("up", 'Thing.get("view", "nowhere")')
    assert len(result.errors) == 1
    assert "resource 'nowhere' does not exist" in result.errors[0]


def test_destroy_leaves_nothing_and_up_works_again(stack: Stack) -> None:
    stack.up(TWO)
    stack.forget_calls()
    result = stack.destroy()
    assert result.ok
    assert result.changes == {"delete": 3}
    assert stack.calls("delete") == ["delete b", "delete a"]
    assert stack.deployment().get("resources", []) == []
    assert stack.up(TWO).changes == {"create": 3}


def test_refresh_takes_in_what_changed_behind_its_back(stack: Stack) -> None:
    stack.up(TWO)
    (stack.home / f"{stack.resources()['b']['id']}.thing").unlink()
    result = stack.run("refresh")
    assert result.ok, result.errors
    assert result.changes["delete"] == 1
    assert set(stack.resources()) == {"a"}
    assert stack.up(TWO).changes == {"same": 2, "create": 1}


def test_up_with_refresh_creates_again_what_was_deleted_behind_its_back(stack: Stack) -> None:
    stack.up(TWO)
    (stack.home / f"{stack.resources()['a']['id']}.thing").unlink()
    stack.up(TWO, refresh=True)
    assert set(stack.things()) == {"a", "b"}


def test_a_preview_changes_nothing_and_shows_unknowns(stack: Stack) -> None:
    result = stack.preview(TWO)
    assert result.ok, result.errors
    assert result.changes == {"create": 3}
    assert stack.things() == {}
    assert not stack.state_file.exists() or not stack.deployment().get("resources")
    [step] = [s for s in result.document["steps"] if s["urn"].endswith("::b")]
    assert step["newState"]["inputs"] == {"from": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}
