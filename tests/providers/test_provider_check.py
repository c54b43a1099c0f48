"""Check: inputs normalised and completed, problems named, unknowns left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from contract.fake_cloud import digest_of
from contract.provider_calls import Engine

from providers.codec import UNKNOWN

RUN: dict[str, Any] = {"cloud": "fake", "name": "r", "model": "m", "channels": {"train": {"uri": "u"}}}
ENDPOINT: dict[str, Any] = {
    "cloud": "fake",
    "name": "e",
    "deployments": [{"name": "d", "model": "m", "digest": digest_of("x")}],
}


def test_inputs_come_back_without_defaults_and_with_computed_hashes(engine: Engine, tmp_path: Path) -> None:
    checked = engine.check("Dataset", {"cloud": "fake", "name": "d", "source": "a.csv"})
    content = digest_of((tmp_path / "a.csv").read_text())
    assert checked.inputs == {"cloud": "fake", "name": "d", "source": "a.csv", "sourceHash": content}


def test_what_the_user_said_stays_even_if_it_is_the_default(engine: Engine) -> None:
    checked = engine.check("Model", {"cloud": "fake", "name": "m", "keepVersions": 5})
    assert checked.inputs["keepVersions"] == 5


def test_names_in_snake_case_become_the_wires(engine: Engine) -> None:
    checked = engine.check("TrainingRun", {**RUN, "time_limit": 5, "hyperparameters": {"n_estimators": 3}})
    assert checked.inputs["timeLimit"] == 5
    assert checked.inputs["hyperparameters"] == {"n_estimators": 3}


@pytest.mark.parametrize(
    ("type_name", "inputs", "property", "reason"),
    [
        ("Dataset", {"cloud": "fake", "name": "d", "source": "a.csv", "fromat": "csv"}, "fromat", "'format'"),
        ("Dataset", {"cloud": "fake", "name": "d"}, "source", "is not there"),
        ("Dataset", {"cloud": "fake", "name": "d", "sql": {"url": "sqlite://"}}, "sql.query", "is required"),
        ("Dataset", {"cloud": "fake", "name": "d", "source": "a.csv", "schema": {"age": "x"}}, "schema.age", "choices"),
        ("Dataset", {"cloud": "fake", "name": "d", "source": "b.csv"}, "source", "is not there"),
        ("Dataset", {"cloud": "fake", "name": "D!", "source": "a.csv"}, "name", "lower-case letters"),
        ("Dataset", {"cloud": "fake", "name": "x" * 64, "source": "a.csv"}, "name", "1 to 63"),
        ("Dataset", {"cloud": "fak", "name": "d", "source": "a.csv"}, "cloud", "did you mean 'fake'"),
        ("Model", {"cloud": "fake", "name": "m", "onDestroy": "kep"}, "onDestroy", "did you mean 'keep'"),
        ("Model", {"cloud": "fake", "name": "m", "keepVersions": 0}, "keepVersions", "must be at least 1"),
        ("Model", {"cloud": "fake", "name": "m", "keepVersions": "many"}, "keepVersions", "a whole number"),
        ("Model", {"cloud": "fake", "name": "m", "tags": {"forbidden": "x"}}, "tags", "must not hold"),
        ("Model", {"cloud": "fake", "name": "m", "tags": ["x"]}, "tags", "an object"),
        ("TrainingRun", {**RUN, "machine": {"vcpus": -1}}, "machine.vcpus", "greater than 0"),
        ("TrainingRun", {**RUN, "machine": {"cpus": 1}}, "machine.cpus", "did you mean 'vcpus'"),
        ("TrainingRun", {**RUN, "machine": 3}, "machine", "object or one plain value"),
        ("TrainingRun", {**RUN, "channels": {"my data": {}}}, 'channels["my data"].uri', "is required"),
        ("Endpoint", {**ENDPOINT, "deployments": []}, "deployments", "at least 1 item"),
        ("Endpoint", {**ENDPOINT, "deployments": [{"name": "d", "model": "m"}]}, "deployments[0].digest", "required"),
        ("Endpoint", {**ENDPOINT, "deployments": [{"name": "d", "model": "m", "digest": "1"}]},
         "deployments[0].digest", "sha256:"),
        ("Endpoint", {**ENDPOINT, "rollout": {"strategy": "canari"}}, "rollout.strategy", "'canary'"),
        ("BatchPrediction", {**RUN, "cloud": "bare"}, "cloud", "clouds that can: fake"),
    ],
)  # fmt: skip
def test_each_mistake_is_one_failure_of_its_property(
    engine: Engine, type_name: str, inputs: dict[str, Any], property: str, reason: str
) -> None:
    failures = engine.check(type_name, inputs).failures
    assert property in failures
    assert reason in failures[property]


def test_all_mistakes_are_reported_at_once(engine: Engine) -> None:
    failures = engine.check("Endpoint", {"cloud": "fake", "nam": "e", "port": "x", "mode": "fast"}).failures
    assert {"nam", "name", "port", "mode", "deployments"} <= set(failures)


def test_a_mistake_in_what_may_be_secret_does_not_repeat_it(engine: Engine) -> None:
    failures = engine.check("TrainingRun", {**RUN, "environment": {"KEY": ["hunter2"]}}).failures
    assert failures["environment.KEY"] == "must be text"


def test_an_unknown_is_never_a_problem(engine: Engine) -> None:
    unknown = {
        "cloud": "fake",
        "name": UNKNOWN,
        "mode": UNKNOWN,
        "port": UNKNOWN,
        "rollout": {"stepPercent": UNKNOWN},
        "deployments": [{"name": "d", "model": UNKNOWN, "digest": UNKNOWN, "weight": UNKNOWN}, UNKNOWN],
    }
    checked = engine.check("Endpoint", unknown)
    assert checked.failures == {}
    assert checked.inputs == unknown


@pytest.mark.parametrize("type_name", ["Dataset", "TrainingRun", "TuningRun", "Model", "ModelVersion", "Endpoint",
                                       "BatchPrediction"])  # fmt: skip
def test_unknown_everywhere_passes(engine: Engine, type_name: str) -> None:
    from providers.contract import SPECS
    from providers.properties import wire_names

    inputs = dict.fromkeys(wire_names(SPECS[type_name]), UNKNOWN)
    assert engine.check(type_name, inputs).failures == {}
    assert engine.check(type_name, {**inputs, "cloud": "fake"}).failures == {}


def test_what_is_known_is_checked_beside_an_unknown(engine: Engine) -> None:
    failures = engine.check("TrainingRun", {**RUN, "channels": {"train": {"uri": UNKNOWN}}, "timeLimit": 0}).failures
    assert list(failures) == ["timeLimit"]
    failures = engine.check("Model", {"cloud": "fake", "name": UNKNOWN, "tags": {"forbidden": "x"}}).failures
    assert list(failures) == ["tags"]


def test_the_hash_of_a_known_source_is_computed_beside_an_unknown(engine: Engine) -> None:
    checked = engine.check("Dataset", {"cloud": "fake", "name": "d", "source": "a.csv", "tags": {"t": UNKNOWN}})
    assert checked.inputs["sourceHash"].startswith("sha256:")
    assert checked.inputs["tags"] == {"t": UNKNOWN}


def test_a_problem_of_the_placeholder_of_an_unknown_is_not_reported(engine: Engine) -> None:
    checked = engine.check("Dataset", {"cloud": "fake", "name": "d", "source": UNKNOWN})
    assert checked.failures == {}


def test_an_unknown_type_is_named_with_the_nearest(engine: Engine) -> None:
    with pytest.raises(Exception, match=r"'moor:index:Datset' \(did you mean 'moor:index:Dataset'\?\)"):
        engine.check("Datset", {})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_refused(engine: Engine, value: float) -> None:
    failures = engine.check("TrainingRun", {**RUN, "hyperparameters": {"rate": value}}).failures
    assert failures == {"hyperparameters.rate": "must be a finite number"}
