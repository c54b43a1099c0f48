"""Tuning: strategies, resuming, and what is wrong with a space."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from cloud_support import SCRIPT, World, until

from providers.errors import JobFailed
from providers.local.jobs.jobs import Jobs
from providers.local.storage import Store
from providers.local.tuning import space_problems
from providers.values import CodeSpec, Objective, ParameterRange, TuningSpec
from training.space import as_arguments, grid

SCORED = (
    SCRIPT
    + """
with open(os.environ["MOORING_METRICS_FILE"], "w") as f:
    json.dump({'score': -(float(arguments["--x"]) - 3) ** 2}, f)
"""
)
"""A script whose score is best at x = 3."""


@pytest.fixture
def world(private_places: Path, tmp_path: Path) -> World:
    return World(private_places, tmp_path)


def tuning(world: World, script: str = SCORED, **fields: Any) -> TuningSpec:
    _, data = world.dataset()
    training = world.training(data.uri, script)
    values = {
        "space": {"x": ParameterRange(type="int", low=0, high=9)},
        "objective": Objective(metric="score"),
        "strategy": "grid",
        "trials": 10,
        "parallel_trials": 2,
    } | fields
    return TuningSpec(**({name: getattr(training, name) for name in type(training).model_fields} | values))


@pytest.mark.slow
def test_a_grid_finds_the_best_point_and_keeps_its_model(world: World) -> None:
    world.model()
    id, state = world.make(world.adapter.tuning_run, tuning(world), "t")
    assert state.best_parameters == {"x": 3}
    assert (state.best_value, state.completed_trials, state.metrics) == (0.0, 10, {"score": 0.0})
    assert json.loads((Store(world.home).path(state.artifact) / "weights.json").read_text()) == {"--x": "3"}
    _, version = world.make(world.adapter.model_version, world.version(state), "v")
    assert version.digest == state.digest
    assert world.adapter.tuning_run.read(id)[1] == state  # type: ignore[union-attr, index]
    assert not (world.home / "checkpoints").exists()


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["random", "bayesian", "hyperband"])
def test_each_strategy_gives_the_same_result_for_the_same_seed(world: World, strategy: str) -> None:
    spec = tuning(world, strategy=strategy, trials=4, parallel_trials=1, seed=7)
    _, first = world.make(world.adapter.tuning_run, spec, "t", "1")
    _, second = world.make(world.adapter.tuning_run, spec, "t", "2")
    assert first.best_parameters == second.best_parameters
    assert first.digest == second.digest
    assert first.completed_trials == 4


@pytest.mark.slow
def test_hyperband_trains_on_growing_shares_of_the_rows(world: World) -> None:
    script = SCORED + "rows = len(open(os.environ['MOORING_CHANNEL_TRAIN']).readlines()) - 1\n"
    script += "print('rows', rows, file=open(os.environ['SEEN'], 'a'))\n"
    seen = world.root / "seen"
    rows = "a,b,label\n" + "".join(f"{i},1,x\n" for i in range(900))
    spec = tuning(world, script, strategy="hyperband", trials=3, parallel_trials=1, environment={"SEEN": str(seen)})
    _, data = world.dataset(rows)
    spec = spec.model_copy(update={"channels": {"train": spec.channels["train"].model_copy(update={"uri": data.uri})}})
    world.make(world.adapter.tuning_run, spec, "t")
    counts = {int(line.split()[1]) for line in seen.read_text().splitlines()}
    assert {100, 300} <= counts
    assert counts <= {100, 300, 900}


@pytest.mark.slow
def test_an_interrupted_tuning_goes_on_behind_its_last_trial(world: World) -> None:
    world.model()
    ran = world.root / "ran"
    script = SCORED + f"open({str(ran)!r}, 'a').write(arguments['--x'] + '\\n')\nimport time; time.sleep(0.1)\n"
    spec = tuning(world, script, parallel_trials=1)
    kind = world.adapter.tuning_run
    assert kind is not None
    id = kind.create(spec, world.context("t"))
    jobs = Jobs(world.home)
    failures: list[str] = []

    def wait() -> None:
        with pytest.raises(JobFailed) as failed:
            kind.wait(id, spec, world.context("t"))
        failures.append(failed.value.reason)

    waiting = threading.Thread(target=wait)
    waiting.start()
    until(
        lambda: sum(len(path.read_text().splitlines()) for path in world.home.glob("checkpoints/*/data/*.jsonl")) >= 3
    )
    os.kill((jobs.get(id).runner or {})["pid"], signal.SIGKILL)
    waiting.join(30)
    assert "interrupted" in failures[0]
    kind.claim(id)
    kind.delete(id, world.context("t"))
    second, state = world.make(kind, spec, "t")
    assert state.best_parameters == {"x": 3}
    assert state.completed_trials == 10
    assert any("going on after" in line for line in kind.logs(second))  # type: ignore[attr-defined]
    values = ran.read_text().split()
    assert set(values) == {str(x) for x in range(10)}
    assert len(values) <= 11, "at most the trial under way was repeated"


@pytest.mark.slow
def test_the_kits_trainer_is_tuned_too(world: World, kit: Path) -> None:
    spec = tuning(
        world,
        space={"max_depth": ParameterRange(type="categorical", choices=[1, 4])},
        objective=Objective(metric="accuracy"),
        trials=2,
    )
    _, data = world.dataset((kit / "data" / "iris.csv").read_text(), "iris")
    spec = spec.model_copy(
        update={
            "code": CodeSpec(),
            "channels": {"train": spec.channels["train"].model_copy(update={"uri": data.uri})},
            "hyperparameters": {"target": "species", "n_estimators": 5.0},
        }
    )
    _, state = world.make(world.adapter.tuning_run, spec, "t")
    assert state.best_parameters["max_depth"] == 4
    assert state.metrics["accuracy"] == state.best_value
    assert (Store(world.home).path(state.artifact) / "signature.json").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("raise ValueError('x is bad')", "none of 2 trials succeeded; the last one: ValueError: x is bad"),
        (SCORED.replace("'score'", "'scor'"), "it measured no 'score' (did you mean 'scor'?)"),
    ],
)
def test_when_no_trial_succeeds_the_reason_is_that_of_the_last(world: World, script: str, words: str) -> None:
    with pytest.raises(JobFailed) as failed:
        world.make(world.adapter.tuning_run, tuning(world, script, trials=2), "t")
    assert words in failed.value.reason


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"type": "int", "low": 5, "high": 5}, "must be below"),
        ({"type": "int", "low": 0.5, "high": 5}, "whole numbers"),
        ({"type": "float", "low": 0, "high": 1, "log": True}, "above 0"),
        ({"type": "float", "high": 1}, "needs low and high"),
        ({"type": "categorical"}, "needs choices"),
        ({"type": "int", "low": 1, "high": 2, "choices": [1]}, "no choices"),
    ],
)
def test_a_range_that_is_none_is_a_problem(world: World, limits: dict[str, Any], words: str) -> None:
    (problem,) = space_problems(tuning(world, space={"x": ParameterRange(**limits)}))
    assert problem.property == "space.x"
    assert words in problem.reason


def test_what_contradicts_itself_is_a_problem(world: World) -> None:
    spec = tuning(world, parallel_trials=11).model_copy(update={"hyperparameters": {"x": 1}})
    assert {problem.property for problem in space_problems(spec)} == {"space.x", "parallelTrials"}
    assert [problem.property for problem in space_problems(tuning(world, space={}))] == ["space"]


def test_a_grid_has_all_choices_and_evenly_spaced_ranges() -> None:
    space = {
        "a": {"type": "categorical", "choices": ["x", "y"]},
        "b": {"type": "float", "low": 1.0, "high": 100.0, "log": True},
        "c": {"type": "int", "low": 1, "high": 9},
    }
    points = list(grid(space, 18))
    assert len(points) == 18
    assert {point["a"] for point in points} == {"x", "y"}
    assert sorted({round(point["b"], 9) for point in points}) == [1.0, 10.0, 100.0]
    assert sorted({point["c"] for point in points}) == [1, 5, 9]


def test_arguments_are_sorted_and_plain() -> None:
    assert as_arguments({"b": True, "a": "x y", "d": None, "c": [1]}) == ["--a", "x y", "--b", "true", "--c", "[1]"]
