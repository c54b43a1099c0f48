"""Hyperparameters arrive as text; they are typed by what they are for, and misspelt ones are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from training.errors import TrainingError
from training.estimators.estimators import load_estimator, make_estimator, task_of, typed
from training.jobs.job import parse_arguments
from training.jobs.local import local_job
from training.options import parse_options


def test_arguments_become_a_mapping() -> None:
    words = ["--target", "y", "--max-depth=3", "--shift", "-1.5", "--bootstrap", "--seed", "4"]
    assert parse_arguments(words) == {
        "target": "y",
        "max_depth": "3",
        "shift": "-1.5",
        "bootstrap": "true",
        "seed": "4",
    }


@pytest.mark.parametrize(("words", "message"), [(["y"], "given as --name value"), (["--a", "1", "--a", "2"], "twice")])
def test_malformed_arguments_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        parse_arguments(words)


def test_a_missing_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="MOORING_CHANNEL_TRAIN is not set"):
        local_job([], {"MOORING_MODEL_DIR": str(tmp_path)})


def test_own_options_and_parameters_are_told_apart() -> None:
    options = parse_options({"target": "y", "seed": "7.0", "test_size": "0.5", "drop": "a, b", "max_depth": "3"})
    assert (options.seed, options.test_size, options.drop) == (7, 0.5, ("a", "b"))
    assert options.parameters == {"max_depth": "3"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "--target is missing"),
        ({"target": "y", "seed": "x"}, "--seed: 'x' is not a whole number"),
        ({"target": "y", "seed": "-1"}, "--seed"),
        ({"target": "y", "seed": "nan"}, "--seed"),
        ({"target": "y", "test_size": "1"}, "share between 0 and 1"),
        ({"target": "y", "test_size": "nan"}, "share between 0 and 1"),
        ({"target": "y", "task": "clasification"}, "did you mean 'classification'"),
    ],
)
def test_wrong_options_are_told(given: dict[str, str], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        parse_options(given)


@pytest.mark.parametrize(
    ("text", "default", "value"),
    [
        ("100.0", 100, 100),
        ("0.5", 1, 0.5),
        ("5.0", None, 5),
        ("0.7", None, 0.7),
        ("1", 1.0, 1),
        ("sqrt", "sqrt", "sqrt"),
        ("0.3", "sqrt", 0.3),
        ("None", 3, None),
        ("Yes", False, True),
        ("0", True, False),
        ('{"a": 2}', None, {"a": 2}),
        ("[10, 5]", (100,), [10, 5]),
    ],
)
def test_values_are_typed_by_the_default(text: str, default: Any, value: Any) -> None:
    found = typed("p", text, default)
    assert found == value
    assert type(found) is type(value)


def test_a_value_that_is_no_boolean_is_told() -> None:
    with pytest.raises(TrainingError, match="--bootstrap: 'perhaps' is not a boolean"):
        typed("bootstrap", "perhaps", True)


def test_seed_and_one_thread_are_set_where_they_exist() -> None:
    model = make_estimator(load_estimator("sklearn.ensemble.RandomForestClassifier"), {"n_estimators": "5"}, 9)
    assert (model.n_estimators, model.random_state, model.n_jobs) == (5, 9, 1)
    assert (
        "random_state"
        not in make_estimator(load_estimator("sklearn.neighbors.KNeighborsClassifier"), {}, 9).get_params()
    )


def test_the_task_follows_from_the_estimator() -> None:
    assert task_of(load_estimator("sklearn.linear_model.Ridge")) == "regression"
    assert task_of(load_estimator("LogisticRegression")) == "classification"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sklearn.ensemble.RandomForestClasifier", "did you mean 'sklearn.ensemble.RandomForestClassifier'"),
        ("sklearn.ensembles.RandomForestClassifier", "did you mean 'sklearn.ensemble.RandomForestClassifier'"),
        ("RandomForestClasifier", "did you mean 'RandomForestClassifier'"),
        ("xgboostt.XGBClassifier", "no module 'xgboostt'"),
        ("os.path.join", "is no estimator"),
    ],
)
def test_an_unknown_estimator_brings_the_near_ones(name: str, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        load_estimator(name)


def test_an_unknown_parameter_brings_the_near_ones() -> None:
    with pytest.raises(TrainingError, match=r"--n_estimator: .* no such parameter \(did you mean 'n_estimators'"):
        make_estimator(load_estimator("sklearn.ensemble.RandomForestClassifier"), {"n_estimator": "5"}, 0)
