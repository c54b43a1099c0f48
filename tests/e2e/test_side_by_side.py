"""Several commands at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.support.project import Project
from tests.e2e.support.stacks import iris
from tests.e2e.support.walked_stacks import TRAINED, signatures, trained

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_two_ups_of_one_stack_one_wins_and_the_other_names_who_holds_the_lock(project: Project) -> None:
    project.write_stack("local", iris())
    both = [project.start("up", "--stack", "local", "--yes") for _ in range(2)]
    outputs = [process.communicate(timeout=150)[0] for process in both]
    codes = [process.returncode for process in both]
    assert codes.count(0) >= 1, outputs
    for code, output, other in zip(codes, outputs, reversed(both), strict=True):
        if code:
            assert "lock" in output
            assert str(other.pid) in output
    assert project.json("preview", "--stack", "local", "--expect-no-changes")["changeSummary"].get("create", 0) == 0
    jobs = [r for r in project.state("local")["deployment"]["resources"] if r["type"] == "moor:index:TrainingRun"]
    assert len(jobs) == 1
    project.run("destroy", "--stack", "local", "--yes")


def test_twenty_stacks_at_once_all_come_up_and_go(project: Project, kit: Path) -> None:
    journal = trained(project, 0)
    names = [f"s{number}" for number in range(20)]
    for number, name in enumerate(names):
        project.write_stack(name, TRAINED.format(journal=journal, round=number))
    ups = [project.start("up", "--stack", name, "--yes") for name in names]
    outputs = [process.communicate(timeout=300)[0] for process in ups]
    assert [p.returncode for p in ups] == [0] * 20, [o for p, o in zip(ups, outputs, strict=True) if p.returncode]
    assert [signatures(journal, number) for number in range(20)] == [["begun", "ended"]] * 20
    downs = [project.start("destroy", "--stack", name, "--yes") for name in names]
    outputs = [process.communicate(timeout=200)[0] for process in downs]
    assert [p.returncode for p in downs] == [0] * 20, outputs
    assert project.processes() == []
