"""A user's script on the local cloud under the contract of another platform."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cloud_support import World

from providers.errors import JobFailed
from providers.local.storage import Store
from providers.values import CodeSpec, Objective, ParameterRange, TrainingSpec, TuningSpec

SCRIPT = """
import argparse, hashlib, json, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN") or os.environ.get("MOORING_CHANNEL_TRAIN"))
parser.add_argument("--model_dir", default=os.environ.get("SM_MODEL_DIR") or os.environ.get("AIP_MODEL_DIR")
                    or os.environ.get("MOORING_MODEL_DIR"))
parser.add_argument("--depth", type=int)
parser.add_argument("--fail", default="False")
given = parser.parse_args()
data = pathlib.Path(given.train)
data = next(data.iterdir()) if data.is_dir() else data
content = json.dumps([data.read_text()[:9], given.depth]).encode()
print("variables:", sorted(name for name in os.environ if name.split("_")[0] in ("SM", "MOORING", "AIP", "AZUREML")))
if given.fail in ("True", "true"):
    raise RuntimeError("as asked")
model = pathlib.Path(given.model_dir)
model.mkdir(parents=True, exist_ok=True)
(model / "weights.json").write_bytes(content)
manifest = {"kind": "mooring-model", "format": 1, "files": {"weights.json": hashlib.sha256(content).hexdigest()}}
(model / "mooring-model.json").write_text(json.dumps(manifest))
print(f"score: {-(given.depth - 3) ** 2};")
"""
"""Written for all platforms; its artifact is decided by its data and its depth."""
CONTRACTS = ("local", "sagemaker", "azureml", "vertex")
OWN = {"local": "MOORING_", "sagemaker": "SM_", "azureml": "AZUREML_", "vertex": "AIP_"}


@pytest.fixture
def world(private_places: Path, tmp_path: Path) -> World:
    return World(private_places, tmp_path)


def spec(world: World, contract: str, **hyperparameters: object) -> TrainingSpec:
    _, data = world.dataset()
    training = world.training(data.uri, SCRIPT, hyperparameters={"depth": 5.0, **hyperparameters})
    code = {"contract": contract, "metrics": {"score": r"score: ([-\d]+);"}}
    return training.model_copy(update={"code": training.code.model_copy(update=code)})


@pytest.mark.slow
@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_script_runs_under_the_contract_it_was_written_for(world: World, contract: str) -> None:
    world.model()
    id, state = world.make(world.adapter.training_run, spec(world, contract), "r")
    assert json.loads((Store(world.home).path(state.artifact) / "weights.json").read_text()) == ["a,b,label", 5]
    assert state.metrics == {"score": -4.0}
    log = "\n".join(world.adapter.training_run.logs(id))  # type: ignore[union-attr]
    (seen,) = [line for line in log.splitlines() if line.startswith("variables:")]
    assert OWN[contract] in seen
    assert contract == "local" or seen.count("MOORING_") == seen.count("MOORING_JOB_FOLDER")
    left = {path.name for path in (world.home / "jobs" / id).iterdir() if path.is_dir()}
    assert not left & {"platform", "source"}, "what is spent is removed"


@pytest.mark.slow
@pytest.mark.parametrize("contract", CONTRACTS)
def test_its_failure_is_told_with_reason_and_place(world: World, contract: str) -> None:
    with pytest.raises(JobFailed) as failed:
        world.make(world.adapter.training_run, spec(world, contract, fail=True), "r")
    assert failed.value.reason.startswith("RuntimeError: as asked (")
    assert "train.py, line 15" in failed.value.reason


@pytest.mark.slow
def test_no_model_is_told_in_the_contracts_words(world: World) -> None:
    _, data = world.dataset()
    training = world.training(data.uri, "print('done')")
    code = training.code.model_copy(update={"contract": "sagemaker"})
    with pytest.raises(JobFailed, match="wrote no model into SM_MODEL_DIR"):
        world.make(world.adapter.training_run, training.model_copy(update={"code": code}), "r")


@pytest.mark.slow
def test_trials_of_a_tuning_run_under_the_contract_too(world: World) -> None:
    training = spec(world, "sagemaker").model_copy(update={"hyperparameters": {}})
    fields = {name: getattr(training, name) for name in type(training).model_fields}
    tuning = TuningSpec(
        **fields,
        space={"depth": ParameterRange(type="int", low=2, high=4)},
        objective=Objective(metric="score"),
        strategy="grid",
        trials=3,
        parallel_trials=2,
    )
    _, state = world.make(world.adapter.tuning_run, tuning, "t")
    assert (state.best_parameters, state.best_value, state.completed_trials) == ({"depth": 3}, 0.0, 3)
    assert json.loads((Store(world.home).path(state.artifact) / "weights.json").read_text())[1] == 3


def test_what_is_wrong_with_contract_and_metrics_is_said_in_check(world: World) -> None:
    kind = world.adapter.training_run
    assert kind is not None
    bad = spec(world, "azureml", model_dir="x")
    code = bad.code.model_copy(update={"metrics": {"a": "no group", "b": "((", "c d": "(x)"}})
    _, problems = kind.check(bad.model_copy(update={"code": code}), world.context("r"))
    assert {problem.property for problem in problems} == {
        "code.metrics.a", "code.metrics.b", "code.metrics.c d", "hyperparameters.model_dir",
    }  # fmt: skip
    own = bad.model_copy(update={"code": CodeSpec(contract="vertex"), "hyperparameters": {"target": "y"}})
    _, problems = kind.check(own, world.context("r"))
    assert [problem.property for problem in problems] == ["code.contract"]


def test_a_contract_that_nobody_named_is_no_input() -> None:
    assert "contract" not in CodeSpec(source="code", entry_point="train.py").to_wire()
    assert "metrics" not in CodeSpec(source="code", entry_point="train.py").to_wire()
    assert CodeSpec(source="code", contract="vertex").to_wire()["contract"] == "vertex"
