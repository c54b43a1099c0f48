"""An `up` that was killed while something was being made, and then a `destroy` instead of another `up`."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.e2e.support.project import Project
from tests.e2e.support.stacks import iris

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.mark.parametrize("line", ["TrainingRun iris creating", "Endpoint iris creating"])
def test_a_destroy_after_a_killed_up_leaves_nothing(project: Project, line: str) -> None:
    project.write_stack("local", iris())
    process = project.start("up", "--stack", "local", "--yes")
    assert process.stdout is not None
    for printed in process.stdout:
        if line in printed:
            break
    time.sleep(0.4)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    project.run("destroy", "--stack", "local", "--yes")
    assert project.state("local")["deployment"].get("resources", []) == []
    assert project.json("doctor", "--orphans")["orphans"] == []
    deadline = time.monotonic() + 10
    while project.processes() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert project.processes() == []
