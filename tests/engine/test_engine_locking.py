"""Two operations on one stack, and many stacks at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from engine_kit import Stack

from providers.errors import ConflictError

SUPPORT = Path(__file__).parent / "support"
KIT = Path(__file__).resolve().parents[2]


def test_a_second_up_is_refused_and_told_who_holds_the_stack(stack: Stack) -> None:
    stack.program('Thing("a", {"slow": 3})')
    other = Stack(stack.root)
    first = threading.Thread(target=stack.up)
    first.start()
    while not stack.calls("create"):
        time.sleep(0.01)
    with pytest.raises(ConflictError, match=rf"process {os.getpid()}"):
        other.run("up")
    assert other.run("preview").ok
    first.join()
    assert other.up().changes == {"same": 2}


def test_stacks_in_processes_of_their_own_do_not_meet(stack: Stack) -> None:
    stack.program('a = Thing(pulumi.get_stack(), {"x": 1})\npulumi.export("handle", a.handle)')
    environment = {**os.environ, "PYTHONPATH": f"{SUPPORT}{os.pathsep}{KIT}"}
    script = (
        "import sys; from pathlib import Path; from engine_kit import Stack; "
        "sys.exit(not Stack(Path(sys.argv[1]), sys.argv[2]).run('up').ok)"
    )
    names = [f"s{n}" for n in range(6)]
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(stack.root), name], env=environment) for name in names
    ]
    assert [process.wait(120) for process in running] == [0] * len(names)
    assert set(stack.things()) == set(names)
    for name in names:
        assert set(Stack(stack.root, name).resources()) == {name}


def test_a_resource_is_taken_in_by_its_id(stack: Stack) -> None:
    stack.up('Thing("a", {"x": 1}, Opts(retain_on_delete=True))')
    id = stack.resources()["a"]["id"]
    stack.up("")
    cancel = threading.Event()
    taken = stack.engine.import_resource(stack.ref, "demo:index:Thing", "a", id, stack.events.append, cancel)
    assert taken.ok, taken.errors
    assert taken.changes == {"import": 1}
    assert stack.resources()["a"]["protect"] is True
    missing = stack.engine.import_resource(stack.ref, "demo:index:Thing", "b", "no", stack.events.append, cancel)
    assert "resource 'no' does not exist" in missing.errors[0]
    assert stack.up('Thing("a", {"x": 1})').changes["same"] == 2
    assert stack.things() == {"a": {"x": 1}}


def test_an_exported_state_is_imported_again(stack: Stack) -> None:
    stack.up('Thing("a", {"secret": pulumi.Output.secret("plain-s")})\npulumi.export("x", 1)')
    exported = stack.engine.export(stack.ref)
    assert "plain-s" not in str(exported)
    stack.state_file.unlink()
    stack.engine.import_state(stack.ref, exported)
    assert stack.engine.outputs(stack.ref).outputs == {"x": 1}
    assert not stack.up().has_changes
    assert [e["kind"] for e in stack.engine.history(stack.ref)] == ["update", "update"]
