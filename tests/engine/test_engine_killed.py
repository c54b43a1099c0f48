"""`kill -9` at every step boundary of an up, an update and a destroy: the next up ends as an undisturbed one.

Real processes and SIGKILL from outside, at the points of `providers.boundaries`.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import engine_process
import pytest
from engine_kit import Stack

SUPPORT = Path(__file__).parent / "support"
KIT = Path(__file__).resolve().parents[2]
MOST_BOUNDARIES = 60
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["engine_process"])

FIRST = """
a = Thing("a", {"x": 1, "secret": pulumi.Output.secret("s")})
b = Thing("b", {"from": a.handle})
c = Thing("c", {"fixed": 1})
pulumi.export("handle", b.handle)
"""
SECOND = """
a = Thing("a", {"x": 2, "secret": pulumi.Output.secret("s")})
c = Thing("c", {"fixed": 2})
d = Thing("d", {"from": c.handle})
pulumi.export("handle", d.handle)
"""


def killed_at(stack: Stack, verb: str, boundary: int) -> str:
    """Run `verb` in a process, kill it at this boundary, and say which that was; empty when it ended before.

    The process is forked from a server that has imported the engine, and is nobody's else: it gets a SIGKILL.
    """
    marks = stack.root / f"boundaries-{verb}-{boundary}"
    process = FORKS.Process(target=engine_process.run_stopping, args=(verb, str(stack.root), str(marks), boundary))
    process.start()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.is_alive():
        passed = marks.read_text().splitlines() if marks.exists() else []
        if len(passed) >= boundary and passed[-1].count(" ") >= 2:
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join()
            return passed[boundary - 1].split(maxsplit=2)[2]
        time.sleep(0.005)
    process.join(10)
    assert process.exitcode == 0, f"{verb} of {stack.root} ended with {process.exitcode}"
    return ""


def essence(stack: Stack) -> dict[str, Any]:
    """What a deployment comes to, without ids and times."""
    resources = {}
    for name, resource in stack.resources().items():
        inputs = {k: "…" if k == "secret" else v for k, v in resource.get("inputs", {}).items() if k != "from"}
        resources[name] = (resource["type"], inputs, sorted(resource.get("dependencies", [])))
    things = {n: {k: v for k, v in i.items() if k != "from"} for n, i in stack.things().items()}
    return {"resources": resources, "things": things, "pending": stack.deployment().get("pending_operations", [])}


@pytest.fixture
def undisturbed(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """How the second program ends where nothing is killed."""
    calm = Stack(tmp_path_factory.mktemp("calm"))
    monkeypatch.setenv("DEMO_HOME", str(calm.home))
    calm.up(FIRST)
    calm.up(SECOND)
    return essence(calm)


def begin(stack: Stack, scenario: str) -> str:
    """Bring the stack to where the scenario begins; the verb that is to be killed."""
    if scenario == "create":
        stack.program(SECOND)
        return "up"
    stack.up(FIRST)
    stack.program(SECOND)
    return {"update": "up", "destroy": "destroy", "refresh": "refresh"}[scenario]


@pytest.mark.parametrize("scenario", ["create", "update", "destroy", "refresh"])
def test_a_kill_at_every_boundary_is_made_good_by_the_next_up(
    stack: Stack, undisturbed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, scenario: str
) -> None:
    monkeypatch.setenv("DEMO_HOME", str(stack.home))
    walked = []
    for boundary in range(1, MOST_BOUNDARIES):
        stack_root = stack.root / f"at-{boundary}"
        stack_root.mkdir()
        fresh = Stack(stack_root)
        monkeypatch.setenv("DEMO_HOME", str(fresh.home))
        verb = begin(fresh, scenario)
        passed = killed_at(fresh, verb, boundary)
        if not passed:
            break
        walked.append(passed)
        json.loads(fresh.state_file.read_text()) if fresh.state_file.exists() else None
        fresh.up()
        assert essence(fresh) == undisturbed, f"killed at {boundary}: {passed}"
        assert not fresh.up().has_changes, f"killed at {boundary}: {passed}"
    assert len(walked) >= {"create": 6, "update": 8, "destroy": 6, "refresh": 1}[scenario], walked
    assert "lock:taken" in walked


@pytest.mark.parametrize("call", ["create", "update"])
def test_a_kill_inside_a_call_after_its_effect_is_made_good(stack: Stack, call: str) -> None:
    if call == "update":
        stack.up('Thing("a", {"x": 1})')
    stack.program(f'Thing("a", {{"x": 2, "crash": "{call}"}})')
    environment = {**os.environ, "PYTHONPATH": f"{SUPPORT}{os.pathsep}{KIT}"}
    command = [sys.executable, str(SUPPORT / "engine_process.py"), "up", str(stack.root)]
    assert subprocess.run(command, env=environment, timeout=60, check=False).returncode == 137
    [pending] = stack.deployment()["pending_operations"]
    assert pending["type"] == {"create": "creating", "update": "updating"}[call]
    result = stack.up('Thing("a", {"x": 2})')
    assert any("interrupted" in message for message in stack.messages)
    assert result.ok
    assert stack.things() == {"a": {"x": 2}}
    assert "pending_operations" not in stack.deployment()


def test_a_creation_that_was_killed_and_is_no_longer_wanted_is_told_of(stack: Stack) -> None:
    stack.program('Thing("a", {"crash": "create"})')
    environment = {**os.environ, "PYTHONPATH": f"{SUPPORT}{os.pathsep}{KIT}"}
    command = [sys.executable, str(SUPPORT / "engine_process.py"), "up", str(stack.root)]
    subprocess.run(command, env=environment, timeout=60, check=False)
    stack.up("")
    assert any("it may exist" in message for message in stack.messages)
    assert stack.deployment()["pending_operations"][0]["type"] == "creating"
