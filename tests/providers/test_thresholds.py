"""Thresholds: which way a metric is better, and what is said of a model that misses one."""

from __future__ import annotations

from typing import Any

import pytest

from providers.thresholds import METRICS, base_name, lower_is_better, unmet
from providers.values import Limit, ModelVersionSpec


@pytest.mark.parametrize("name", ["rmse", "mae", "log_loss", "ece", "brier", "mape", "cv_rmse", "mae[city=a=b]",
                                  "val_loss", "test_error", "cv_accuracy_std", "train_mse"])  # fmt: skip
def test_errors_and_losses_are_better_when_low(name: str) -> None:
    assert lower_is_better(name)


@pytest.mark.parametrize("name", ["accuracy", "f1_macro", "roc_auc", "r2", "recall_class_loss", "cv_accuracy",
                                  "accuracy[kind=error]", "glosses"])  # fmt: skip
def test_all_else_is_better_when_high(name: str) -> None:
    assert not lower_is_better(name)


def test_a_metric_of_a_slice_a_class_or_a_fold_is_the_metric() -> None:
    names = ["mae[a=b]", "cv_mae", "recall_class_a_class_b", "accuracy"]
    assert [base_name(name) for name in names] == ["mae", "mae", "recall", "accuracy"]


@pytest.mark.parametrize(
    ("thresholds", "said"),
    [
        ({"accuracy": 0.9, "rmse": 12.0}, []),
        ({"accuracy": 0.95}, ["accuracy is 0.9, below its threshold of 0.95"]),
        ({"rmse": 11.5}, ["rmse is 12, above its threshold of 11.5"]),
        ({"rmse": Limit(min=13)}, ["rmse is 12, below its threshold of 13"]),
        ({"accuracy": {"min": 0.5, "max": 0.8}}, ["accuracy is 0.9, above its threshold of 0.8"]),
        ({"accuracies": 0.1}, ["accuracies has a threshold of 0.1 and was not measured (did you mean 'accuracy'?)"]),
        ({"gini": 0.1}, ["gini has a threshold of 0.1 and was not measured (measured: accuracy)"]),
    ],
)
def test_what_is_not_met_is_told_with_value_and_limit(thresholds: dict[str, Any], said: list[str]) -> None:
    assert unmet(thresholds, {"accuracy": 0.9, "rmse": 12.0}, ["accuracy"]) == said


def test_a_number_that_is_none_meets_no_threshold() -> None:
    assert unmet({"accuracy": 0.1}, {"accuracy": float("nan")}, ["accuracy"])


def test_a_threshold_comes_back_from_the_wire_as_it_went() -> None:
    spec = ModelVersionSpec.model_validate(
        {
            "cloud": "local",
            "name": "m",
            "model": "m",
            "artifact": "x",
            "thresholds": {"accuracy": 0.9, "loss": {"max": 0.3}},
        }
    )
    assert spec.thresholds == {"accuracy": 0.9, "loss": Limit(max=0.3)}
    assert ModelVersionSpec.model_validate(spec.to_wire()) == spec


def test_the_trainer_measures_what_the_preview_knows() -> None:
    import numpy as np

    from training.evaluation.metrics import assess

    two, three = np.array(["a", "b"] * 4), np.array(["a", "b", "c"] * 3)
    even = np.full((9, 3), 1 / 3)
    found = set(assess(three, three, even, ["a", "b", "c"], "classification").metrics)
    found |= set(assess(two, two, even[:8, :2] * 1.5, ["a", "b"], "classification").metrics)
    assert found == set(METRICS["classification"])
    from training.ranking.metrics import NAMES

    assert set(NAMES) == set(METRICS["ranking"])
    numbers = np.arange(1.0, 9.0)
    assert set(assess(numbers, numbers + 1, None, None, "regression").metrics) == set(METRICS["regression"])
