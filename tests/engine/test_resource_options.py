"""Resource options mean in this engine what they mean in Pulumi's."""

from __future__ import annotations

from engine_kit import Stack


def test_a_protected_resource_is_neither_deleted_nor_replaced(stack: Stack) -> None:
    stack.up('Thing("a", {"fixed": 1}, Opts(protect=True))')
    replaced = stack.run("up", 'Thing("a", {"fixed": 2}, Opts(protect=True))')
    assert "marked for protection" in replaced.errors[0]
    removed = stack.run("up", "")
    assert "cannot be deleted because it is protected" in removed.errors[0]
    assert stack.things() == {"a": {"fixed": 1}}


def test_protect_is_inherited_from_the_parent_and_destroy_leaves_what_is_protected(stack: Stack) -> None:
    stack.up("""
g = Group("g", Opts(protect=True))
a = Thing("a", {}, Opts(parent=g))
Thing("b", {"from": a.handle})
""")
    assert stack.resources()["a"]["protect"] is True
    result = stack.destroy()
    assert not result.ok
    assert "protected" in result.errors[-1]
    assert set(stack.things()) == {"a"}
    assert set(stack.resources()) == {"a", "g"}


def test_ignore_changes_keeps_the_old_value_at_each_path(stack: Stack) -> None:
    options = 'Opts(ignore_changes=["x", "deep.inner", "list[0]"])'
    stack.up(f'Thing("a", {{"x": 1, "y": 1, "deep": {{"inner": 1, "other": 1}}, "list": [1, 1]}}, {options})')
    stack.up(f'Thing("a", {{"x": 2, "y": 2, "deep": {{"inner": 2, "other": 2}}, "list": [2, 2]}}, {options})')
    assert stack.things()["a"] == {"x": 1, "y": 2, "deep": {"inner": 1, "other": 2}, "list": [1, 2]}


def test_replace_on_changes_turns_an_update_into_a_replacement(stack: Stack) -> None:
    stack.up('Thing("a", {"x": 1})')
    id = stack.resources()["a"]["id"]
    result = stack.up('Thing("a", {"x": 2}, Opts(replace_on_changes=["x"]))')
    assert result.changes["replace"] == 1
    assert stack.resources()["a"]["id"] != id


def test_retain_on_delete_forgets_without_deleting(stack: Stack) -> None:
    stack.up('Thing("a", {"x": 1}, Opts(retain_on_delete=True))')
    stack.up("")
    assert set(stack.things()) == {"a"}
    assert stack.resources() == {}


def test_deleted_with_skips_the_delete_call_when_the_other_one_goes(stack: Stack) -> None:
    source = """
a = Thing("a", {})
Thing("b", {}, Opts(deleted_with=a))
"""
    stack.up(source)
    stack.forget_calls()
    stack.up("")
    assert stack.calls("delete") == ["delete a"]


def test_additional_secret_outputs_are_secret_in_state_and_in_the_program(stack: Stack) -> None:
    result = stack.up("""
a = Thing("a", {}, Opts(additional_secret_outputs=["token"]))
pulumi.export("token", a.token)
""")
    assert result.outputs == {"token": "tok"}
    assert result.secret_outputs == {"token"}
    assert "ciphertext" in stack.resources()["a"]["outputs"]["token"]


def test_secrets_are_never_in_the_bytes_of_the_state(stack: Stack) -> None:
    stack.up("""
secret = pulumi.Output.secret
a = Thing("a", {"password": secret("hunter2-plain"), "nested": {"in": secret("deep-plain")}})
Thing("b", {"from": a.handle, "again": pulumi.Output.secret("hunter2-plain").apply(lambda s: s + "!")})
pulumi.export("password", pulumi.Output.secret("hunter2-plain"))
""")
    assert stack.things()["a"]["password"] == "hunter2-plain"
    for file in (stack.root / "backend").rglob("*"):
        if file.is_file():
            assert b"-plain" not in file.read_bytes(), file


def test_custom_timeouts_are_recorded_in_seconds(stack: Stack) -> None:
    stack.up('Thing("a", {}, Opts(custom_timeouts=pulumi.CustomTimeouts(create="1m30s", delete="2h")))')
    assert stack.resources()["a"]["customTimeouts"] == {"create": 90, "delete": 7200}


def test_depends_on_orders_creation_and_deletion(stack: Stack) -> None:
    stack.up("""
a = Thing("a", {"slow": 0.2})
Thing("b", {}, Opts(depends_on=[a]))
""")
    assert stack.calls("create") == ["create a", "create b"]
    stack.forget_calls()
    stack.destroy()
    assert stack.calls("delete") == ["delete b", "delete a"]


def test_an_alias_renames_without_replacing(stack: Stack) -> None:
    stack.up('Thing("old", {"x": 1})')
    id = stack.resources()["old"]["id"]
    stack.forget_calls()
    result = stack.up('Thing("new", {"x": 1}, Opts(aliases=[pulumi.Alias(name="old")]))')
    assert not result.has_changes
    assert stack.resources()["new"]["id"] == id
    assert not stack.calls("create", "update", "delete")


def test_children_follow_a_renamed_parent_and_dependents_name_it_anew(stack: Stack) -> None:
    stack.up("""
g = Group("old")
a = Thing("old-a", {}, Opts(parent=g))
Thing("b", {"from": a.handle})
""")
    stack.forget_calls()
    result = stack.up("""
g = Group("new", Opts(aliases=[pulumi.Alias(name="old")]))
a = Thing("new-a", {}, Opts(parent=g))
Thing("b", {"from": a.handle})
""")
    assert not result.has_changes
    assert not stack.calls("create", "update", "delete")
    resources = stack.resources()
    assert set(resources) == {"new", "new-a", "b"}
    assert resources["b"]["dependencies"] == [resources["new-a"]["urn"]]


def test_a_reparented_resource_is_found_by_its_former_parent(stack: Stack) -> None:
    stack.up('g = Group("g")\nThing("a", {}, Opts(parent=g))')
    id = stack.resources()["a"]["id"]
    urn = stack.urn("g")
    stack.up(f'Group("g")\nThing("a", {{}}, Opts(aliases=[pulumi.Alias(parent="{urn}")]))')
    assert stack.resources()["a"]["id"] == id


def test_an_explicit_provider_is_configured_and_handed_down_by_a_component(stack: Stack) -> None:
    stack.up("""
p = Provider("mine", {"prefix": "p-"})
g = Group("g", Opts(providers=[p]))
Thing("a", {}, Opts(parent=g))
Thing("b", {}, Opts(provider=p))
Thing("c", {})
""")
    resources = stack.resources()
    assert resources["a"]["outputs"]["handle"].startswith("p-handle-")
    assert resources["a"]["provider"] == resources["b"]["provider"] != resources["c"]["provider"]
    assert stack.up().changes == {"same": 6}


def test_a_replaced_provider_replaces_what_it_manages(stack: Stack) -> None:
    source = 'p = Provider("mine", {"region": "REGION"})\nThing("a", {}, Opts(provider=p))'
    stack.up(source.replace("REGION", "eu"))
    id = stack.resources()["a"]["id"]
    stack.up(source.replace("REGION", "us"))
    assert stack.resources()["a"]["id"] != id
    assert set(stack.things()) == {"a"}


def test_an_existing_thing_is_imported_and_then_managed(stack: Stack) -> None:
    stack.up('Thing("a", {"x": 1}, Opts(retain_on_delete=True))')
    id = stack.resources()["a"]["id"]
    stack.up("")
    result = stack.up(f'Thing("a", {{"x": 1}}, Opts(import_="{id}"))')
    assert result.changes == {"same": 1, "import": 1} or result.changes == {"same": 2, "import": 1}
    assert stack.resources()["a"]["id"] == id
    assert stack.up('Thing("a", {"x": 2})').changes["update"] == 1


def test_importing_what_does_not_exist_says_so(stack: Stack) -> None:
    result = stack.run("up", 'Thing("a", {}, Opts(import_="nope"))')
    assert "resource 'nope' does not exist" in result.errors[0]


def test_transforms_change_resources_of_the_stack_of_a_parent_and_their_own(stack: Stack) -> None:
    stack.up("""
def mark(name):
    def transform(args):
        if args.type_ != "demo:index:Thing":
            return None
        return pulumi.ResourceTransformResult({**args.props, name: True}, args.opts)
    return transform

pulumi.runtime.register_resource_transform(mark("stack"))
g = pulumi.ComponentResource("test:index:Group", "g", {}, Opts(transforms=[mark("parent")]))
Thing("a", {"x": 1}, Opts(parent=g, transforms=[mark("own")]))
Thing("b", {})
""")
    assert stack.things() == {"a": {"x": 1, "own": True, "parent": True, "stack": True}, "b": {"stack": True}}


def test_an_invoke_reaches_the_provider_and_an_invoke_transform_changes_it(stack: Stack) -> None:
    result = stack.up("""
pulumi.runtime.register_invoke_transform(
    lambda args: pulumi.InvokeTransformResult({"text": args.args["text"] + "!"}, args.opts)
)
pulumi.export("loud", pulumi.runtime.invoke("demo:index:shout", {"text": "hi"}).value["text"])
""")
    assert result.outputs == {"loud": "HI!"}


def test_a_stack_reference_reads_another_stack_of_the_backend(stack: Stack) -> None:
    stack.up('pulumi.export("plain", 1)\npulumi.export("hidden", pulumi.Output.secret("s"))')
    other = Stack(stack.root, "other")
    result = other.up("""
ref = pulumi.StackReference("dev")
pulumi.export("plain", ref.get_output("plain"))
pulumi.export("hidden", ref.get_output("hidden"))
""")
    assert result.outputs == {"plain": 1, "hidden": "s"}
    assert result.secret_outputs == {"hidden"}
    assert not other.up().has_changes


def test_configuration_reaches_the_program_and_secrets_stay_secret(stack: Stack) -> None:
    stack.config_file.write_text("config:\n  proj:size: 3\n  proj:shape:\n    sides: [1, 2]\n  demo:prefix: cfg-\n")
    result = stack.up("""
config = pulumi.Config()
pulumi.export("size", config.require_int("size"))
pulumi.export("sides", config.require_object("shape")["sides"])
pulumi.export("handle", Thing("a", {}).handle)
""")
    assert result.outputs["size"] == 3
    assert result.outputs["sides"] == [1, 2]
    assert result.outputs["handle"].startswith("cfg-handle-")


def test_assets_are_hashed_so_that_changed_content_is_a_change(stack: Stack) -> None:
    source = """
archive = pulumi.AssetArchive({"t": pulumi.StringAsset("x")})
Thing("a", {"file": pulumi.FileAsset("data.txt"), "all": archive})
"""
    (stack.root / "infra" / "data.txt").write_text("one")
    stack.up(source)
    assert not stack.up(source).has_changes
    (stack.root / "infra" / "data.txt").write_text("two")
    assert stack.up(source).changes["update"] == 1
