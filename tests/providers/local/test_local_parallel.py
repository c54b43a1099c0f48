"""Stacks side by side in one home: none gets in the way of another."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cloud_support import ROWS, World

from providers.contract import Context, Ownership
from providers.local import records
from providers.local.jobs.jobs import Jobs
from providers.values import ModelSpec

HERE = Path(__file__).resolve().parent


@pytest.mark.slow
def test_stacks_come_and_go_side_by_side_in_one_home(private_places: Path, tmp_path: Path) -> None:
    def start(verb: str, number: int) -> subprocess.Popen[str]:
        root = tmp_path / str(number)
        root.mkdir(exist_ok=True)
        (root / "rows.csv").write_text(ROWS)
        command = [
            sys.executable,
            str(HERE / "local_deployment.py"),
            verb,
            str(private_places),
            str(root),
            f"s{number}",
        ]
        environment = {**os.environ, "PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parents[2]}"}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    for turn in range(4):  # some come while others go
        running = [start("destroy" if (turn + number) % 2 else "up", number) for number in range(4)]
        said = [process.communicate(timeout=120)[0] for process in running]
        assert [process.returncode for process in running] == [0] * 4, "\n".join(said)
    for number in range(4):
        start("destroy", number).communicate(timeout=120)
    home = private_places / "local"
    left = {path.relative_to(home).parts[0] for path in home.rglob("*") if path.is_file()}
    assert left <= {"code", "hashes", "tmp", "models.lock"}


@pytest.mark.parametrize("name", ["job.json", "status.json"])
def test_a_damaged_job_record_is_told_and_never_taken_for_an_absent_job(
    private_places: Path, tmp_path: Path, name: str
) -> None:
    world = World(private_places, tmp_path)
    _, data = world.dataset()
    kind = world.adapter.training_run
    assert kind is not None
    id, _ = world.make(kind, world.training(data.uri), "r")
    path = Jobs(world.home).folder(id) / name
    path.write_text(path.read_text()[:40])
    with pytest.raises(records.RecordDamaged, match=name):
        kind.find(Ownership("proj", "dev", "r", "1"))
    records.remove_tree(path.parent)
    assert kind.find(Ownership("proj", "dev", "r", "1")) == []


def test_names_that_are_no_folder_names_stay_inside_the_home(private_places: Path, tmp_path: Path) -> None:
    world = World(private_places, tmp_path)
    kind = world.adapter.model
    assert kind is not None
    context = Context(Ownership("..", "a/../../b", "u", "1"), tmp_path)
    id = kind.create(ModelSpec(cloud="local", name="m"), context)
    assert kind.find(context.owner)[0].id == id
    assert all(world.home in path.parents for path in private_places.rglob("group.json"))
    kind.delete(id, context)
    assert kind.find(context.owner) == []
