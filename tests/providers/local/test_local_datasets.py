"""Datasets: copies by content, and what is wrong with a source."""

from __future__ import annotations

from pathlib import Path

import pytest
from cloud_support import ROWS, World

from providers.contract import Ownership
from providers.errors import Unavailable
from providers.local.storage import Store
from providers.values import DatasetSpec

KIT = Path(__file__).resolve().parents[3]


@pytest.fixture
def world(private_places: Path, tmp_path: Path) -> World:
    return World(private_places, tmp_path)


def test_a_dataset_is_copied_and_each_content_is_a_version(world: World) -> None:
    id, state = world.dataset()
    kind = world.adapter.dataset
    assert kind is not None
    assert Store(world.home).path(state.uri).read_text() == ROWS
    (world.root / "rows.csv").write_text(ROWS + "1,2,x\n")
    spec, _ = kind.check(DatasetSpec(cloud="local", name="rows", source="rows.csv"), world.context("d:rows"))
    changed = kind.update(id, {}, spec, world.context("d:rows", "2"))
    assert changed.versions == [state.version, changed.version]
    assert kind.read(id) == (spec, changed)
    for _ in range(2):
        kind.delete(id, world.context("d:rows"))
    assert kind.read(id) is None
    assert world.adapter.dataset.find(Ownership("proj", "dev", "", "")) == []


def test_a_dataset_that_was_not_copied_yet_is_there_and_has_no_state(world: World) -> None:
    (world.root / "rows.csv").write_text(ROWS)
    kind, context = world.adapter.dataset, world.context("d:rows")
    assert kind is not None
    spec, _ = kind.check(DatasetSpec(cloud="local", name="rows", source="rows.csv"), context)
    id = kind.create(spec, context)
    assert kind.read(id) == (spec, None)
    state = kind.wait(id, spec, context)
    assert kind.read(id) == (spec, state)
    kind.delete(id, context)
    assert kind.read(id) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [("", "is empty"), ("\n \n", "is empty"), ("a,b,label\n", "a header and no rows")],
)
def test_an_empty_csv_is_a_problem_of_the_source(world: World, content: str, words: str) -> None:
    (world.root / "x.csv").write_text(content)
    assert world.adapter.dataset is not None
    spec = DatasetSpec(cloud="local", name="x", source="x.csv")
    _, (problem,) = world.adapter.dataset.check(spec, world.context("d"))
    assert problem.property == "source"
    assert words in problem.reason


def test_a_missing_source_is_told_with_the_near_name(world: World) -> None:
    (world.root / "iris.csv").write_text(ROWS)
    assert world.adapter.dataset is not None
    spec = DatasetSpec(cloud="local", name="x", source="irs.csv", region="eu", container="b")
    _, problems = world.adapter.dataset.check(spec, world.context("d"))
    assert {problem.property for problem in problems} == {"source", "region", "container"}
    assert "did you mean 'iris.csv'?" in str(problems)


def test_a_source_that_changes_between_check_and_copy_is_told(world: World) -> None:
    (world.root / "x.csv").write_text(ROWS)
    kind = world.adapter.dataset
    assert kind is not None
    spec, _ = kind.check(DatasetSpec(cloud="local", name="x", source="x.csv"), world.context("d"))
    (world.root / "x.csv").write_text(ROWS + "9,9,y\n")
    id = kind.create(spec, world.context("d"))
    with pytest.raises(Unavailable, match="changed while it was being deployed"):
        kind.wait(id, spec, world.context("d"))
    assert kind.read(id) == (spec, None)
