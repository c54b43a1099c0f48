"""Thresholds and the metric of a search: what is known to be wrong before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.components import _plain
from infra.settings import InvalidSettings, parse


def settings(thresholds: dict[str, Any], *, tuning: dict[str, Any] | None = None, **training: Any) -> dict[str, Any]:
    model: dict[str, Any] = {"training": {"dataset": "d", "target": "y", **training}, "thresholds": thresholds}
    if tuning:
        model["tuning"] = {"space": {"a": {"type": "int", "low": 1, "high": 2}}, "objective": tuning}
    return {"cloud": "local", "datasets": {"d": "data.csv"}, "models": {"m": model}}


def problems(given: dict[str, Any], root: Path | None = None) -> list[str]:
    with pytest.raises(InvalidSettings) as caught:
        parse(given, source="here", root=root)
    return str(caught.value).splitlines()


NEAR_F1 = "f1: is no metric that the trainer measures (did you mean 'f1_macro' or 'f1_micro' or 'f1_weighted'?)"
LINEAR = "sklearn.linear_model.LinearRegression"


@pytest.mark.parametrize(
    ("thresholds", "training", "line"),
    [
        ({"acuracy": 0.9}, {}, "acuracy: is no metric that the trainer measures (did you mean 'accuracy'?)"),
        ({"f1": 0.9}, {}, NEAR_F1),
        ({"rmse": 9}, {"task": "classification"}, "rmse: is a metric of regression, and this is a classification; it"),
        (
            {"ece": 0.9},
            {"estimator": LINEAR},
            "ece: is a metric of classification, and this is a regression; it has: m",
        ),
        ({"recall_class_yes": 0.9}, {"task": "regression"}, "recall_class_yes: is of a class, and a regression has no"),
        ({"cv_accuracy": 0.9}, {}, "cv_accuracy: is of a cross-validation; add 'crossValidation' to the training"),
        ({"ece[city=Rome]": 0.9}, {}, "is of a slice of 'city', which is no column that is sliced by; add it to the "),
        ({"accuracy": "high"}, {}, "accuracy: must be a number"),
        ({"accuracy": {"mn": 1}}, {}, "accuracy.mn: unknown key (did you mean 'min'?)"),
        ({"accuracy": {}}, {}, "accuracy: needs 'min', 'max' or both"),
        ({"accuracy": {"min": 2, "max": 1}}, {}, "accuracy: 'min' (2) is above 'max' (1)"),
    ],
)
def test_a_threshold_that_cannot_be_met_or_missed_is_told_in_the_preview(
    thresholds: dict[str, Any], training: dict[str, Any], line: str
) -> None:
    found = problems(settings(thresholds, **training))
    assert any(line in problem for problem in found), found


@pytest.mark.parametrize(
    ("thresholds", "training"),
    [
        ({"accuracy": 0.9, "log_loss": 0.3, "ece": 0.1, "f1_weighted": 0.5}, {}),
        ({"rmse": 12, "r2": 0.5}, {"estimator": "sklearn.ensemble.RandomForestRegressor"}),
        ({"recall_class_yes": 0.9, "accuracy[city=Rome]": 0.8}, {"slices": ["city"]}),
        ({"cv_accuracy": 0.9, "cv_accuracy_std": 0.1}, {"crossValidation": 5}),
        ({"accuracy": {"min": 0.5, "max": 0.99}}, {}),
    ],
)
def test_what_the_trainer_measures_may_have_a_threshold(thresholds: dict[str, Any], training: dict[str, Any]) -> None:
    parse(settings(thresholds, **training), source="here", root=None)


def test_an_own_script_may_measure_anything() -> None:
    given = settings({"val_loss": {"max": 0.3}, "wins": 4}, source="src", entryPoint="train.py")
    model = parse(given, source="here", root=None).models["m"]
    assert _plain(model.thresholds) == {"val_loss": {"max": 0.3}, "wins": 4.0}


def test_a_search_in_the_wrong_direction_is_refused() -> None:
    found = problems(settings({}, task="regression", tuning={"metric": "rmse"}))
    assert any("objective.direction: must be 'minimize': rmse is better when it is low" in line for line in found)
    parse(settings({}, task="regression", tuning={"metric": "rmse", "direction": "minimize"}), source="here", root=None)


def test_a_search_for_what_is_not_measured_is_refused() -> None:
    found = problems(settings({}, tuning={"metric": "acc"}))
    assert any("objective.metric: 'acc' is no metric that the trainer measures" in line for line in found)


def test_a_supplied_model_file_has_no_metrics_to_hold_thresholds_against(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"x")
    given = {"cloud": "local", "models": {"m": {"file": "m.onnx", "thresholds": {"accuracy": 0.9}}}}
    found = problems(given, tmp_path)
    assert found == ["here: models.m.thresholds: 'm.onnx' brings no metrics that thresholds could be held against"]
