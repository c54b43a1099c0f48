"""What fails says so, once, and leaves a state that the next deployment goes on from."""

from __future__ import annotations

import threading
import time

import pytest
from engine_kit import Stack

from infra.engine.api import StackRef
from infra.engine.errors import EngineError, StateWriteFailed
from infra.engine.state.store import StateStore


def test_a_failed_creation_stops_its_dependents_and_nothing_else(stack: Stack) -> None:
    result = stack.run("up", """
bad = Thing("bad", {"fail": "create"})
Thing("needs-bad", {"from": bad.handle})
Thing("after-bad", {}, Opts(depends_on=[bad]))
Thing("good", {"slow": 0.1})
pulumi.export("x", bad.handle)
""")  # fmt: skip
    assert len(result.errors) == 1
    assert "demo:index:Thing bad" in result.errors[0]
    assert "create was told to fail" in result.errors[0]
    assert set(stack.things()) == {"good"}
    assert set(stack.resources()) == {"good"}
    assert "pending_operations" not in stack.deployment()


def test_nothing_is_deleted_after_a_failure(stack: Stack) -> None:
    stack.up('Thing("a", {})')
    assert not stack.run("up", 'Thing("bad", {"fail": "create"})').ok
    assert "a" in stack.things()


def test_a_half_made_resource_is_recorded_and_resumed_by_an_update(stack: Stack) -> None:
    result = stack.run("up", 'Thing("a", {"x": 1, "partial": True})')
    assert "half-made" in result.errors[0]
    assert stack.resources()["a"]["initErrors"] == ["half-made"]
    stack.forget_calls()
    stack.up('Thing("a", {"x": 1})')
    assert stack.calls("create", "update") == ["update a"]
    assert "initErrors" not in stack.resources()["a"]


def test_a_plain_failure_of_an_update_leaves_the_state_as_it_was(stack: Stack) -> None:
    stack.up('Thing("a", {"x": 1})')
    before = stack.resources()["a"]
    result = stack.run("up", 'Thing("a", {"x": 2, "fail": "update"})')
    assert "update was told to fail" in result.errors[0]
    assert stack.resources()["a"] == before


def test_a_failed_deletion_keeps_the_record_and_what_it_rests_on(stack: Stack) -> None:
    stack.up("""
a = Thing("a", {})
b = Thing("b", {"from": a.handle, "fail": "delete"})
Thing("c", {"from": b.handle})
Thing("d", {})
""")
    result = stack.destroy()
    assert "delete was told to fail" in result.errors[0]
    assert set(stack.things()) == {"a", "b"}
    assert set(stack.resources()) == {"a", "b"}


def test_the_provider_check_names_the_property(stack: Stack) -> None:
    result = stack.run("preview", 'Thing("a", {"mispelt": 1})')
    assert len(result.errors) == 1
    assert "mispelt: did you mean 'misspelt'?" in result.errors[0]


def test_an_exception_of_the_program_shows_its_own_traceback(stack: Stack) -> None:
    result = stack.run(
        "up",
        """
Thing("a", {})

def broken():
    return {}["nothing"]

broken()
""",
    )
    assert len(result.errors) == 1
    assert "KeyError: 'nothing'" in result.errors[0]
    assert "in broken" in result.errors[0]
    assert "runpy" not in result.errors[0]
    assert "program.py" not in result.errors[0]


def test_an_exception_in_an_apply_fails_the_operation(stack: Stack) -> None:
    result = stack.run("up", 'a = Thing("a", {})\npulumi.export("x", a.handle.apply(lambda h: 1 / 0))')
    assert not result.ok
    assert "ZeroDivisionError" in "".join(result.errors)
    assert set(stack.things()) == {"a"}


def test_two_resources_of_one_name_are_refused(stack: Stack) -> None:
    result = stack.run("up", 'Thing("a", {"x": 1})\nThing("a", {"x": 2})')
    assert len(result.errors) == 1
    assert "Duplicate resource URN" in result.errors[0]


def test_outputs_keep_what_was_there_when_the_program_fails(stack: Stack) -> None:
    stack.up('pulumi.export("kept", 1)')
    stack.run("up", 'pulumi.export("new", 2)\nraise ValueError("no")')
    assert stack.engine.outputs(stack.ref).outputs == {"kept": 1, "new": 2}


@pytest.mark.parametrize(
    ("source", "option"),
    [
        ('pulumi.CustomResource("aws:s3/bucket:Bucket", "b", {})', "'aws'"),
        ('Thing("a", {}, Opts(replacement_trigger="now"))', "replacement_trigger"),
        ('Thing("a", {}, Opts(hooks=pulumi.ResourceHookBinding(before_create=[lambda args: None])))', "hooks"),
        ('Thing("a", {}, Opts(state_migrations=[lambda s: s]))', "state"),
    ],
)
def test_what_only_the_cli_has_is_refused_by_its_name(stack: Stack, source: str, option: str) -> None:
    result = stack.run("up", source)
    assert len(result.errors) == 1, result.errors
    assert option in result.errors[0]
    assert "Pulumi CLI" in result.errors[0]
    assert "update the Pulumi CLI" not in result.errors[0]


def test_a_stack_that_would_leave_the_machine_is_refused(stack: Stack) -> None:
    ref = StackRef(**{**stack.ref.__dict__, "cloud": "aws"})
    with pytest.raises(EngineError, match=r"aws.*Pulumi CLI"):
        stack.engine.up(ref, options(), stack.events.append, threading.Event())


def options():  # type: ignore[no-untyped-def]
    from infra.engine.api import Options

    return Options()


def test_a_cancelled_creation_returns_soon_and_is_resumed(stack: Stack) -> None:
    stack.program('Thing("a", {"slow": 30})\nThing("b", {}, Opts(depends_on=[Thing("z", {"slow": 30})]))')
    cancel = threading.Event()
    results = []
    thread = threading.Thread(
        target=lambda: results.append(stack.engine.up(stack.ref, options(), stack.events.append, cancel))
    )
    began = time.monotonic()
    thread.start()
    while len(stack.calls("create")) < 2 and time.monotonic() - began < 20:
        time.sleep(0.02)
    cancel.set()
    thread.join(20)
    assert time.monotonic() - began < 25
    [result] = results
    assert not result.ok
    assert set(stack.things()) == {"a", "z"}
    assert stack.resources()["a"]["initErrors"] == ["half-made"]
    assert "pending_operations" not in stack.deployment()
    stack.forget_calls()
    stack.up('Thing("a", {})\nThing("b", {}, Opts(depends_on=[Thing("z", {})]))')
    assert sorted(stack.calls("create", "update")) == ["create b", "update a", "update z"]


def test_a_full_disk_is_one_clear_error_and_the_next_up_goes_on(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.up('Thing("a", {"x": 1})')
    before = stack.state_file.read_bytes()

    def full(self: StateStore, data: bytes) -> None:
        raise StateWriteFailed("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(StateStore, "write", full)
        result = stack.run("up", 'Thing("a", {"x": 2})\nThing("b", {})')
    assert not result.ok
    assert all("No space left on device" in error for error in result.errors)
    assert stack.state_file.read_bytes() == before
    assert stack.things() == {"a": {"x": 1}}
    stack.up('Thing("a", {"x": 2})\nThing("b", {})')
    assert stack.things() == {"a": {"x": 2}, "b": {}}
