"""The command line for real: a stack on this machine, with the embedded engine, in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.support import forks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]

STACK = """\
config:
  mooring:cloud: local
  mooring:datasets:
    iris: {path: data/iris.csv}
  mooring:models:
    iris:
      training:
        dataset: iris
        target: species
        parameters:
          n_estimators: 3  # few
  mooring:endpoints:
    iris:
      model: iris
"""


class Place:
    """A project of its own, and commands in it."""

    def __init__(self, root: Path, kit: Path, home: Path) -> None:
        self.root, self.home = root, home
        (root / "stacks").mkdir(parents=True)
        shutil.copy(kit / "Pulumi.yaml", root)
        shutil.copytree(kit / "data", root / "data")
        for shared in ("infra", "providers", ".venv"):
            (root / shared).symlink_to(kit / shared)
        (root / "stacks" / "Pulumi.local.yaml").write_text(STACK)
        self.environment = {**os.environ, "MOORING_PROJECT": str(root), "MOORING_HOME": str(home), "NO_COLOR": "1"}

    def start(self, *words: str, stack: str | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "mooring", *words], cwd=self.root,
            env={**self.environment, "MOORING_STACK": stack or "local"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *words: str, expect: int = 0, stack: str | None = None) -> str:
        done = forks.run(words, self.root, {**self.environment, "MOORING_STACK": stack or "local"})
        out, err = done.stdout, done.stderr
        assert done.returncode == expect, f"mooring {' '.join(words)}: {done.returncode}\n{out}\n{err}"
        return out if expect == 0 else out + err

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json"))

    def processes(self) -> list[int]:
        import psutil

        found = []
        for process in psutil.process_iter(["pid", "cmdline", "environ", "status"]):
            told = [*(process.info["cmdline"] or []), *(process.info["environ"] or {}).values()]
            mine = any(str(self.home) in text for text in told)
            if mine and process.pid != os.getpid() and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        return found


@pytest.fixture
def place(tmp_path: Path, kit: Path, private_places: Path) -> Iterator[Place]:
    made = Place(tmp_path / "p", kit, private_places)
    yield made
    for pid in made.processes():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def served(place: Place) -> int:
    (endpoint,) = place.json("status")["endpoints"]
    assert endpoint["status"] == "healthy"
    (deployment,) = endpoint["deployments"]
    return int(deployment["version"])


def test_a_stack_from_up_to_destroy_with_a_rollback_that_the_next_preview_agrees_with(place: Place) -> None:
    place.run("up", "--yes")
    species = place.run("predict", "--input", "data/new_rows.csv").split()
    assert len(species) == 5
    assert set(species) <= {"setosa", "versicolor", "virginica"}
    assert place.json("preview", "--expect-no-changes")["changeSummary"].get("same")

    place.run("config", "set", "models.iris.training.parameters.n_estimators", "4")
    assert "# few" in (place.root / "stacks" / "Pulumi.local.yaml").read_text()
    ops = {(step["op"], step["urn"].split("::")[-2].rpartition(":")[2]) for step in place.json("preview")["steps"]}
    assert {("replace", "TrainingRun"), ("replace", "ModelVersion"), ("update", "Endpoint")} <= ops
    place.run("preview", "--expect-no-changes", expect=7)
    place.run("up", "--yes")
    assert served(place) == 2

    place.run("rollback", "--yes")
    assert served(place) == 1
    assert "pinned" in place.run("preview", "--expect-no-changes")
    place.run("up", "--yes")
    assert served(place) == 1
    place.run("rollback", "--clear", "--yes")
    assert served(place) == 2
    place.run("preview", "--expect-no-changes")

    assert "serving iris" in place.run("logs")
    assert "model written" in place.run("logs", "--run")
    assert len(place.json("history")) == 5
    assert place.json("doctor", "--orphans")["orphans"] == []
    place.run("destroy", "--yes")
    assert place.processes() == []
    assert place.json("status")["deployed"] is False


def test_a_stack_with_a_pin_comes_up_again_after_a_destroy(place: Place) -> None:
    place.run("up", "--yes")
    place.run("config", "set", "models.iris.training.parameters.n_estimators", "4")
    place.run("up", "--yes")
    place.run("rollback")
    place.run("destroy", "--yes")
    assert "pin:" not in (place.root / "stacks" / "Pulumi.local.yaml").read_text()
    place.run("up", "--yes")
    assert served(place) == 1

    place.run("destroy", "--yes")
    place.run("config", "set", "endpoints.iris.pin.iris", "sha256:" + "0" * 64)
    place.run("rollback", "--clear")
    assert "pin:" not in (place.root / "stacks" / "Pulumi.local.yaml").read_text()


def test_an_interrupted_up_exits_130_and_the_next_one_ends_what_it_began(place: Place) -> None:
    process = place.start("up", "--yes")
    assert process.stdout is not None
    for line in process.stdout:
        if "TrainingRun iris creating" in line:
            break
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    place.run("up", "--yes")
    assert place.json("doctor", "--orphans")["orphans"] == []
    assert served(place) == 1
    place.run("destroy", "--yes")
    assert place.processes() == []


def test_cancel_stops_the_operation_that_holds_the_stack_and_the_next_up_finishes_it(place: Place) -> None:
    process = place.start("up", "--yes")
    assert process.stdout is not None
    for line in process.stdout:
        if "TrainingRun iris creating" in line:
            break
    assert f"process {process.pid}" in place.run("up", "--yes", expect=1)
    told = place.json("cancel", "--yes")
    process.communicate(timeout=60)
    assert process.returncode in (0, 130)  # it may have been done by then
    if process.returncode:
        assert f"process {process.pid}" in told["stopped"][0]
    place.run("up", "--yes")
    assert served(place) == 1
    place.run("destroy", "--yes")


def test_an_emulated_stack_lives_beside_the_real_one_and_its_file_is_not_written(place: Place) -> None:
    file = place.root / "stacks" / "Pulumi.local.yaml"
    before = file.read_bytes()
    place.run("up", "--yes", "--emulate")
    assert place.json("status", "--emulate")["endpoints"][0]["status"] == "healthy"
    assert place.json("status")["deployed"] is False
    assert len(place.run("predict", "--input", "data/new_rows.csv", "--emulate").split()) == 5
    other = file.with_name("Pulumi.staging.yaml")
    other.write_bytes(before)
    place.run("promote", "iris", "--from", "local", "--to", "staging", "--yes", "--emulate")
    place.run("config", "set", "tags.for", "testing", "--emulate", stack="staging")
    place.run("up", "--yes", "--emulate", stack="staging")
    (promoted,) = json.loads(place.run("status", "--emulate", "--json", stack="staging"))["models"]
    (trained,) = place.json("status", "--emulate")["models"]
    assert promoted["digest"] == trained["digest"]
    assert "testing" in place.run("config", "get", "tags.for", "--emulate", stack="staging")
    assert file.read_bytes() == other.read_bytes() == before
    place.run("destroy", "--yes", "--emulate", stack="staging")
    place.run("destroy", "--yes", "--emulate")
    assert place.processes() == []
