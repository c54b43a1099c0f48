"""Tuning runs on AWS, beyond the contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from adapter_bench import REGION, Stack
from running_emulator import KIT

from providers.aws.contents import Contents
from providers.aws.naming import split
from providers.aws.training import TrainingKind
from providers.aws.tuning import TuningKind
from providers.aws.tuning_request import tuning_request
from providers.errors import JobFailed
from providers.values import TuningSpec

SCRIPT = """
import joblib, os, sys
from sklearn.linear_model import LogisticRegression
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
print(f"score={float(given['--depth']) * (2 if given['--kind'] == 'b c' else 1)};")
joblib.dump(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), os.path.join(os.environ["SM_MODEL_DIR"], "model.joblib"))
"""
CHOICES = {"depth": {"type": "int", "low": 1, "high": 2}, "kind": {"type": "categorical", "choices": ["a", "b c"]}}
SpecOf = Callable[..., TuningSpec]


@pytest.fixture
def kind(stack: Stack) -> TuningKind:
    return TuningKind(stack.home)


@pytest.fixture(scope="module")
def data(made_stack: Stack) -> str:
    content = (KIT / "data" / "iris.csv").read_bytes()
    made_stack.running.client("s3").put_object(Bucket=made_stack.name, Key="data/iris.csv", Body=content)
    return f"s3://{made_stack.name}/data/"


@pytest.fixture
def spec_of(stack: Stack, data: str) -> SpecOf:
    def make(**given: Any) -> TuningSpec:
        own = {"model": "flowers", "channels": {"train": {"uri": data}}, "identity": {"principal": stack.role},
               "objective": {"metric": "score"}, "space": CHOICES}  # fmt: skip
        return TuningSpec.model_validate({**stack.scope, **own, **given})

    return make


@pytest.mark.slow
def test_a_grid_tries_all_and_the_best_trials_model_is_the_result(
    kind: TuningKind, stack: Stack, spec_of: SpecOf
) -> None:
    code = stack.script("grid", SCRIPT) | {"metrics": {"score": "score=([0-9.]+);"}}
    context = stack.context("grid")
    spec, problems = kind.check(
        spec_of(code=code, strategy="grid", trials=4, parallel_trials=2, environment={"A": "b"}), context
    )
    assert list(problems) == []
    id = kind.create(spec, context)
    assert len(split(id)[1]) <= 32
    state = kind.wait(id, spec, context)
    assert state.best_parameters == {"depth": 2, "kind": "b c"}
    assert (state.best_value, state.completed_trials, state.metrics) == (4.0, 4, {"score": 4.0})
    assert state.digest == Contents(REGION, stack.home).stat(state.artifact).digest
    assert kind.read(id) == (spec, state)
    assert sorted(kind.logs(id)) == ["score=1.0;", "score=2.0;", "score=2.0;", "score=4.0;"]
    assert TrainingKind(stack.home).find(stack.owner("grid")) == [], "its trials are no runs of Mooring's"
    name = split(id)[1]
    kind.delete(id, context)
    assert kind.read(id) is None
    listed = stack.running.client("sagemaker").list_training_jobs(NameContains=name)["TrainingJobSummaries"]
    assert (listed, [key for key in stack.objects() if name in key]) == ([], [])


def test_a_tuning_whose_trials_fail_tells_the_scripts_reason(kind: TuningKind, stack: Stack, spec_of: SpecOf) -> None:
    code = stack.script("broken", "raise ValueError('no such flower')\n")
    context = stack.context("broken")
    spec, _ = kind.check(spec_of(code=code, strategy="random", trials=2, seed=1), context)
    id = kind.create(spec, context)
    with pytest.raises(JobFailed, match=r"ValueError: no such flower \(train.py, line 1\)") as raised:
        kind.wait(id, spec, context)
    assert "no such flower" in raised.value.log_tail
    kind.delete(id, context)


def test_the_request_says_strategy_limits_and_ranges(stack: Stack, spec_of: SpecOf) -> None:
    space = {
        "rate": {"type": "float", "low": 0.001, "high": 1, "log": True},
        "depth": {"type": "int", "low": 1, "high": 5},
        "fast": {"type": "categorical", "choices": [True, False]},
    }
    spec = spec_of(space=space, trials=7, parallel_trials=3, seed=5, hyperparameters={"target": "species"},
                   objective={"metric": "rmse", "direction": "minimize"}, time_limit=60)  # fmt: skip
    request = tuning_request("name", spec, stack.owner("request"), "s3://b/kit/")
    config = request["HyperParameterTuningJobConfig"]
    assert (config["Strategy"], config["RandomSeed"]) == ("Bayesian", 5)
    assert config["HyperParameterTuningJobObjective"] == {"Type": "Minimize", "MetricName": "rmse"}
    assert config["ResourceLimits"] == {
        "MaxNumberOfTrainingJobs": 7, "MaxParallelTrainingJobs": 3, "MaxRuntimeInSeconds": 120,
    }  # fmt: skip
    assert config["ParameterRanges"] == {
        "IntegerParameterRanges": [{"Name": "depth", "MinValue": "1", "MaxValue": "5", "ScalingType": "Linear"}],
        "ContinuousParameterRanges": [
            {"Name": "rate", "MinValue": "0.001", "MaxValue": "1", "ScalingType": "Logarithmic"}
        ],
        "CategoricalParameterRanges": [{"Name": "fast", "Values": ['"true"', '"false"']}],
    }
    job = request["TrainingJobDefinition"]
    assert job["StaticHyperParameters"]["sagemaker_submit_directory"] == '"s3://b/kit/kit.tar.gz"'
    assert job["AlgorithmSpecification"]["MetricDefinitions"][0]["Name"] == "rmse"


@pytest.mark.parametrize(
    ("changes", "property"),
    [
        ({"space": {}}, "space"),
        ({"trials": 751}, "trials"),
        ({"trials": 3, "strategy": "grid"}, "trials"),
        ({"strategy": "grid", "space": {"a": {"type": "float", "low": 0, "high": 1}}}, "space.a"),
        ({"strategy": "hyperband"}, "strategy"),
        ({"parallel_trials": 20}, "parallelTrials"),
    ],
)
def test_bad_input_is_told_in_the_preview(
    kind: TuningKind, stack: Stack, spec_of: SpecOf, changes: dict[str, Any], property: str
) -> None:
    spec = spec_of(**{"hyperparameters": {"target": "species"}, **changes})
    _, problems = kind.check(spec, stack.context("bad"))
    assert [problem.property for problem in problems] == [property]
