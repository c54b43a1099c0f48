"""`kill -9` of the Pulumi CLI with all its processes, `pulumi cancel`, and the same command again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from providers.boundaries import FILE, STOP
from tests.e2e.support.project import Project
from tests.e2e.support.walk import Walk
from tests.e2e.support.walked_stacks import served, signatures, trained

pytestmark = [pytest.mark.pulumi_cli, pytest.mark.slow, pytest.mark.timeout(540)]

IN_CREATE = ["create:begun", "job:launched", "create:done", "endpoint:rollout-begun"]
IN_UPDATE = ["job:launched", "create:done", "endpoint:rollout-begun", "update:done", "version:retired"]
IN_DESTROY = ["endpoint:deleted", "delete:done", "store:removed"]


class PulumiProject:
    """The stack `local` of a project under a plain `pulumi`, as `mooring env` sets it up."""

    def __init__(self, project: Project) -> None:
        self.project = project
        project.write_stack("local", "config:\n  mooring:cloud: local\n")
        self._environment = project.environment(**project.json("env", "--stack", "local"))

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["pulumi", *arguments, "--stack", "local", "--non-interactive", "--color", "never"],
            cwd=self.project.root,
            env={**self._environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> None:
        process = self.start(*arguments)
        said, _ = process.communicate(timeout=180)
        assert process.returncode == 0, said

    def kill(self, verb: str, name: str) -> None:
        """Run `verb` to the boundary `name` and kill the CLI and all below it, except for the supervisor."""
        marks = self.project.root / f"boundaries-{verb}-{time.monotonic_ns()}"
        process = self.start(verb, "--yes", "--skip-preview", **{FILE: str(marks), STOP: f"{name}/1"})
        deadline = time.monotonic() + 120
        while not (marks.exists() and f" {name}\n" in marks.read_text()):
            assert process.poll() is None, f"{verb} ended before {name}: {process.communicate()[0]}"
            assert time.monotonic() < deadline, f"{verb} never came to {name}"
            time.sleep(0.01)
        below = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGKILL)
        for one in below:
            try:
                if "providers.local.supervisor" not in one.cmdline():
                    one.kill()
            except psutil.NoSuchProcess:
                pass
        process.communicate()

    def pending(self) -> list[str]:
        """Types of the operations that the state names as begun."""
        done = self.start("stack", "export")
        exported = json.loads(done.communicate(timeout=60)[0])
        return [one["type"] for one in exported["deployment"].get("pending_operations") or []]


@pytest.fixture
def pulumi(project: Project) -> PulumiProject:
    return PulumiProject(project)


@pytest.fixture
def walk(project: Project) -> Iterator[Walk]:
    made = Walk(project)
    yield made
    made.close()


def kill_and_make_good(pulumi: PulumiProject, walk: Walk, name: str, number: int) -> Path:
    """Kill an `up` of the stack with this number, and see that the next one ends as an undisturbed one."""
    journal = trained(pulumi.project, number, endpoint=True)
    pulumi.kill("up", name)
    walk.readable(name)
    pulumi.run("cancel", "--yes")
    pulumi.run("up", "--yes", "--skip-preview")
    assert set(pulumi.pending()) <= {"creating"}, name
    walk.assert_nothing_besides_the_state(name, pending=True)
    assert signatures(journal, number) == ["begun", "ended"], name
    pulumi.run("refresh", "--yes", "--clear-pending-creates")
    pulumi.run("preview", "--expect-no-changes")
    return journal


def test_the_cli_killed_in_an_up_trains_once_and_leaves_no_orphan(pulumi: PulumiProject, walk: Walk) -> None:
    for number, name in enumerate(IN_CREATE):
        journal = kill_and_make_good(pulumi, walk, name, number)
        pulumi.run("destroy", "--yes", "--skip-preview")
        walk.assert_nothing(name)
        journal.unlink()


def test_the_cli_killed_in_an_update_trains_once_and_leaves_no_orphan(pulumi: PulumiProject, walk: Walk) -> None:
    trained(pulumi.project, 0, endpoint=True)
    pulumi.run("up", "--yes", "--skip-preview")
    for number, name in enumerate(IN_UPDATE, start=1):
        kill_and_make_good(pulumi, walk, name, number)
    pulumi.run("destroy", "--yes", "--skip-preview")
    walk.assert_nothing("after all updates")


def test_the_cli_killed_in_a_destroy_is_finished_by_the_next(pulumi: PulumiProject, walk: Walk) -> None:
    for name in IN_DESTROY:
        if name == "store:removed":
            trained(pulumi.project, 0)
        else:
            served(pulumi.project, 0)
        pulumi.run("up", "--yes", "--skip-preview")
        pulumi.kill("destroy", name)
        pulumi.run("cancel", "--yes")
        pulumi.run("destroy", "--yes", "--skip-preview")
        assert pulumi.pending() == []
        walk.assert_nothing(name)
