"""`kill -9` at every step boundary of an `up`, an update and a `destroy`, from outside, with real processes.

A first run counts the boundaries (`providers/boundaries.py`); then each is killed once, and the next command
must end in the same state as the undisturbed one: nothing twice, nothing orphaned, no state unreadable.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.support.project import Project
from tests.e2e.support.stacks import iris

pytestmark = [pytest.mark.slow, pytest.mark.timeout(540)]

CLOUD_ID = re.compile(r"/[a-z]+-[0-9a-f]{10}@")
"""The part of a local address that the cloud chose; it is another one after each destroy."""

SHARES = 4
"""The walk is cut into this many tests, so that they run side by side."""


def passed(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.is_file() else []


def walk_to(project: Project, stop: int, *command: str) -> str | None:
    """Run `command` until boundary `stop`, SIGKILL it there; its name, or None when it ended before."""
    file = project.root / "boundaries"
    file.unlink(missing_ok=True)
    process = project.start(*command, MOORING_BOUNDARY_FILE=str(file), MOORING_BOUNDARY_STOP=str(stop))
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            lines = passed(file)
            if len(lines) >= stop:
                _, pid, name = lines[stop - 1].split(" ", 2)
                os.kill(int(pid), signal.SIGKILL)
                os.killpg(process.pid, signal.SIGKILL)
                return name
            if process.poll() is not None:
                return None
            time.sleep(0.01)
        raise AssertionError(f"boundary {stop} was not reached in 120 s: {passed(file)}")
    finally:
        process.kill()
        process.communicate()


def essence(project: Project) -> list[tuple[str, Any, Any]]:
    """What must be the same however often it was disturbed: resources with inputs, without ids and times."""
    resources = project.state("local")["deployment"].get("resources", [])
    return sorted(
        (
            resource["urn"],
            json.loads(CLOUD_ID.sub("/ID@", json.dumps(resource.get("inputs", {}), sort_keys=True))),
            len(resource.get("initErrors", [])),
        )
        for resource in resources
    )


def count_boundaries(project: Project, *command: str) -> int:
    file = project.root / "boundaries"
    file.unlink(missing_ok=True)
    project.run(*command, MOORING_BOUNDARY_FILE=str(file))
    return len(passed(file))


def assert_sound(project: Project, expected: list[tuple[str, Any, Any]], where: str) -> None:
    deployment = project.state("local")["deployment"]
    assert not deployment.get("pending_operations"), where
    assert not [r for r in deployment.get("resources", []) if r.get("delete")], where
    assert essence(project) == expected, where
    assert project.json("doctor", "--orphans")["orphans"] == [], where


@pytest.mark.parametrize("share", range(SHARES))
def test_up_killed_at_each_boundary_ends_as_an_undisturbed_one(project: Project, share: int) -> None:
    up = ("up", "--stack", "local", "--yes")
    project.write_stack("local", iris())
    total = count_boundaries(project, *up)
    assert total > 10
    expected = essence(project)
    destroy = ("destroy", "--stack", "local", "--yes")
    project.run(*destroy)
    for stop in range(1 + share, total + 1, SHARES):
        name = walk_to(project, stop, *up)
        project.run(*up)
        assert_sound(project, expected, f"killed at {stop} {name}")
        project.run("preview", "--stack", "local", "--expect-no-changes")
        project.run(*destroy)
        assert project.processes() == [], f"left after destroy, killed at {stop} {name}"


@pytest.mark.parametrize("share", range(SHARES))
def test_an_update_killed_at_each_boundary_ends_as_an_undisturbed_one(project: Project, share: int) -> None:
    up = ("up", "--stack", "local", "--yes")
    project.write_stack("local", iris(trees=3))
    project.run(*up)
    project.write_stack("local", iris(trees=4))
    total = count_boundaries(project, *up)
    assert total > 10
    trees = 4
    for stop in range(1 + share, total + 1, SHARES):
        trees += 1
        project.write_stack("local", iris(trees=trees))
        name = walk_to(project, stop, *up)
        project.run(*up)
        resources = essence(project)
        runs = [inputs for urn, inputs, _ in resources if "TrainingRun" in urn]
        assert [run["hyperparameters"]["n_estimators"] for run in runs] == [trees], f"killed at {stop} {name}"
        assert_sound(project, resources, f"killed at {stop} {name}")
        project.run("preview", "--stack", "local", "--expect-no-changes")
    project.run("destroy", "--stack", "local", "--yes")
    assert project.processes() == []


@pytest.mark.parametrize("share", range(SHARES))
def test_a_destroy_killed_at_each_boundary_is_finished_by_the_next(project: Project, share: int) -> None:
    up, destroy = ("up", "--stack", "local", "--yes"), ("destroy", "--stack", "local", "--yes")
    project.write_stack("local", iris())
    project.run(*up)
    total = count_boundaries(project, *destroy)
    assert total > 10
    for stop in range(1 + share, total + 1, SHARES):
        project.run(*up)
        name = walk_to(project, stop, *destroy)
        project.run(*destroy)
        assert project.state("local")["deployment"].get("resources", []) == [], f"killed at {stop} {name}"
        assert project.json("doctor", "--orphans")["orphans"] == [], f"killed at {stop} {name}"
        assert project.processes() == [], f"killed at {stop} {name}"
