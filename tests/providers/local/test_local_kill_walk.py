"""SIGKILL at every boundary of a deployment and of its removal: the next run ends as an undisturbed one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cloud_support import ROWS, until

from providers.contract import KINDS, Ownership
from providers.local import create
from providers.local.job_records import ENDED
from providers.local.jobs import Jobs

HERE = Path(__file__).resolve().parent
MOST = 60
"""Boundaries that are walked at most."""


def start(verb: str, home: Path, root: Path, boundaries: Path | None = None, stop: int = 0) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parents[2]}"}
    if boundaries:
        environment |= {"MOORING_BOUNDARY_FILE": str(boundaries), "MOORING_BOUNDARY_STOP": str(stop)}
    command = [sys.executable, str(HERE / "local_deployment.py"), verb, str(home), str(root)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(verb: str, home: Path, root: Path) -> str:
    said, _ = (process := start(verb, home, root)).communicate(timeout=60)
    assert process.returncode == 0, said
    return said.splitlines()[-1]


def killed(verb: str, home: Path, root: Path, number: int) -> bool:
    """Run and SIGKILL at boundary `number`; False when there are not so many."""
    passed = root / f"passed-{verb}-{number}"
    process = start(verb, home, root, passed, number)
    until(
        lambda: process.poll() is not None or (passed.exists() and len(passed.read_text().splitlines()) >= number), 60
    )
    was_running = process.poll() is None
    process.send_signal(signal.SIGKILL)
    said, _ = process.communicate()
    assert was_running or process.returncode == 0, said
    return was_running


def counts(home: Path) -> dict[str, int]:
    """How many things of each kind there are, claimed or not."""
    adapter = create(home / "local")
    whole = Ownership("proj", "dev", "", "")
    return {name: len(kind.find(whole)) for name in KINDS.values() if (kind := adapter.kind(name))}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "rows.csv").write_text(ROWS)
    return tmp_path


@pytest.mark.slow
def test_after_a_kill_at_each_boundary_of_up_the_next_one_ends_the_same(private_places: Path, root: Path) -> None:
    expected = None
    for number in range(1, MOST):
        home, project = private_places / str(number), root / str(number)
        project.mkdir()
        (project / "rows.csv").write_text(ROWS)
        going_on = killed("up", home, project, number)
        result = json.loads(finish("up", home, project))
        expected = expected or result
        assert result == expected
        made = counts(home)
        assert made == {**dict.fromkeys(made, 0), "dataset": 1, "model": 1, "training_run": 1, "model_version": 1}
        jobs = Jobs(home / "local").list()
        assert [job.spec.kind for job in jobs] == ["training"]
        assert all(job.status in ENDED for job in jobs)
        assert list((home / "local" / "tmp").iterdir()) == []
        if not going_on:
            break
    assert number > 12, "the walk is as long as the deployment"
    assert number < MOST - 1


@pytest.mark.slow
def test_after_a_kill_at_each_boundary_of_destroy_nothing_is_left(private_places: Path, root: Path) -> None:
    home = private_places
    for number in range(1, MOST):
        finish("up", home, root)
        assert list((home / "local" / "tmp").iterdir()) == []
        going_on = killed("destroy", home, root, number)
        finish("destroy", home, root)
        assert set(counts(home).values()) == {0}
        left = {path for path in (home / "local").rglob("*") if path.is_file()}
        assert {path.relative_to(home / "local").parts[0] for path in left} <= {"code", "hashes", "tmp", "models.lock"}
        if not going_on:
            break
    assert number > 6
    assert number < MOST - 1
