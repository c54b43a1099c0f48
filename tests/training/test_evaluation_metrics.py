"""Metrics against scikit-learn's own and cases worked by hand; what is not defined is left out with a reason."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as reference
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from training.errors import TrainingError
from training.evaluation.metrics import assess, evaluate, headline
from training.evaluation.record import all_metrics, evaluation_files

TRUTH = np.array(["a", "a", "a", "b", "b", "c"], dtype=object)
GUESS = np.array(["a", "a", "b", "b", "c", "c"], dtype=object)
CHANCE = np.array(
    [[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.2, 0.3, 0.5], [0.1, 0.2, 0.7]]
)
CLASSES = ["a", "b", "c"]


def test_the_averages_of_a_case_worked_by_hand() -> None:
    found = assess(TRUTH, GUESS, None, CLASSES, "classification").metrics
    # a: precision 2/2, recall 2/3; b: 1/2, 1/2; c: 1/2, 1/1
    assert found["accuracy"] == pytest.approx(4 / 6)
    assert found["precision_macro"] == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)
    assert found["recall_macro"] == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert found["recall_weighted"] == pytest.approx((3 * 2 / 3 + 2 * 1 / 2 + 1) / 6)
    assert found["f1_macro"] == pytest.approx((4 / 5 + 1 / 2 + 2 / 3) / 3)
    assert found["precision_micro"] == found["recall_micro"] == found["f1_micro"] == found["accuracy"]


def test_classes_and_confusion_of_the_same_case() -> None:
    details = assess(TRUTH, GUESS, None, CLASSES, "classification").details
    assert details["confusion"] == {"labels": CLASSES, "counts": [[2, 1, 0], [0, 1, 1], [0, 0, 1]]}
    assert [(entry["class"], entry["rows"], entry["predicted"]) for entry in details["per_class"]] == [
        ("a", 3, 2), ("b", 2, 2), ("c", 1, 2)
    ]  # fmt: skip
    assert [entry["f1"] for entry in details["per_class"]] == pytest.approx([4 / 5, 1 / 2, 2 / 3])


@pytest.mark.parametrize("labels", [CLASSES, [0, 1, 2], [True, False]])
def test_everything_is_what_scikit_learn_computes(labels: list[Any]) -> None:
    random = np.random.default_rng(3)
    labels = sorted(labels)
    scores = random.dirichlet(np.ones(len(labels)), 200)
    truth = np.array(labels)[random.integers(len(labels), size=200)]
    guess = np.array(labels)[scores.argmax(axis=1)]
    found = assess(truth, guess, scores, labels, "classification").metrics
    for average in ("macro", "micro", "weighted"):
        assert found[f"precision_{average}"] == pytest.approx(reference.precision_score(truth, guess, average=average))
        assert found[f"recall_{average}"] == pytest.approx(reference.recall_score(truth, guess, average=average))
        assert found[f"f1_{average}"] == pytest.approx(reference.f1_score(truth, guess, average=average))
    assert found["log_loss"] == pytest.approx(reference.log_loss(truth, scores, labels=labels))
    if len(labels) == 2:
        assert found["roc_auc"] == pytest.approx(reference.roc_auc_score(truth, scores[:, 1]))
        assert found["brier"] == pytest.approx(reference.brier_score_loss(truth, scores[:, 1], pos_label=labels[1]))
        return
    for name, average in (("roc_auc", "macro"), ("roc_auc_weighted", "weighted")):
        area = reference.roc_auc_score(truth, scores, multi_class="ovr", average=average)
        assert found[name] == pytest.approx(area)
    hits = truth[:, None] == np.array(labels)
    assert found["brier"] == pytest.approx(((scores - hits) ** 2).sum(axis=1).mean())


def test_the_calibration_error_of_a_case_worked_by_hand() -> None:
    found = assess(TRUTH, GUESS, CHANCE, CLASSES, "classification")
    # Bins of the confidence: 0.5 -> one row, wrong; 0.6 -> one, right; 0.7 -> two, one right; 0.8 -> two, both right
    assert found.metrics["ece"] == pytest.approx((0.5 + 0.4 + 2 * 0.2 + 2 * 0.2) / 6)
    curve = found.details["calibration"]
    assert curve["of"] == "most likely class"
    assert [(entry["rows"], entry["observed"]) for entry in curve["bins"]] == [(1, 0), (1, 1), (2, 0.5), (2, 1)]


def test_of_two_classes_the_second_one_is_calibrated() -> None:
    truth, scores = np.array(["no", "yes", "yes", "no"]), np.array([0.05, 0.95, 0.92, 0.91])
    both = np.column_stack([1 - scores, scores])
    guess = np.array(["no", "yes", "yes", "yes"])
    curve = assess(truth, guess, both, ["no", "yes"], "classification").details["calibration"]
    assert curve["of"] == "second class"
    assert [(entry["rows"], entry["observed"]) for entry in curve["bins"]] == [(1, 0), (3, pytest.approx(2 / 3))]


def test_curves_are_thinned_and_keep_their_ends_and_their_area() -> None:
    random = np.random.default_rng(0)
    truth = np.where(random.random(3000) < 0.3, "yes", "no")
    score = np.clip(random.normal(0.4, 0.2, 3000) + 0.2 * (truth == "yes"), 0, 1)
    both = np.column_stack([1 - score, score])
    found = assess(truth, np.where(score > 0.5, "yes", "no"), both, ["no", "yes"], "classification")
    (curve,) = found.details["curves"]
    assert curve["class"] == "yes"
    assert len(curve["roc"]) <= 101
    assert (curve["roc"][0], curve["roc"][-1]) == ([0.0, 0.0], [1.0, 1.0])
    across, up = zip(*curve["roc"], strict=True)
    assert reference.auc(across, up) == pytest.approx(found.metrics["roc_auc"], abs=0.003)
    assert curve["average_precision"] == pytest.approx(reference.average_precision_score(truth == "yes", score))


def test_a_class_without_a_row_leaves_the_roc_out_and_keeps_the_rest() -> None:
    found = assess(TRUTH[:5], GUESS[:5], CHANCE[:5], CLASSES, "classification")
    assert found.details["undefined"] == {"roc_auc": "no row of the class 'c'"}
    assert "roc_auc" not in found.metrics
    assert found.metrics["log_loss"] == pytest.approx(reference.log_loss(TRUTH[:5], CHANCE[:5], labels=CLASSES))
    assert found.details["per_class"][2] == {"class": "c", "rows": 0, "predicted": 1, "precision": 0.0}


def test_a_class_that_the_model_does_not_know_is_wrong_and_has_no_likelihood() -> None:
    truth = np.array(["a", "b", "zebra"])
    found = assess(truth, np.array(["a", "b", "a"]), CHANCE[[0, 3, 0]][:, :2] + 0.05, ["a", "b"], "classification")
    assert found.metrics["accuracy"] == pytest.approx(2 / 3)
    assert found.details["undefined"]["log_loss"] == "the model does not know the class 'zebra'"
    assert found.details["confusion"]["labels"] == ["a", "b", "zebra"]


def test_a_model_without_probabilities_says_so() -> None:
    features, truth = np.arange(20.0)[:, None], np.repeat(["x", "y"], 10)
    found = evaluate(LinearSVC().fit(features, truth), features, truth, "classification")
    assert found.probabilities is None
    assert set(found.details["undefined"]) == {"roc_auc", "log_loss", "brier", "ece"}
    assert found.details["undefined"]["ece"] == "the model gives no probabilities"
    assert "calibration" not in found.details


def test_evaluating_a_model_is_assessing_its_predictions() -> None:
    features, truth = np.arange(20.0)[:, None], np.repeat([3, 5], 10)
    model = LogisticRegression().fit(features, truth)
    found = evaluate(model, features, truth, "classification")
    same = assess(truth, model.predict(features), model.predict_proba(features), [3, 5], "classification")
    assert found.metrics == same.metrics
    assert found.metrics["accuracy"] == 1.0


def test_the_errors_of_numbers_worked_by_hand() -> None:
    found = assess(np.array([1.0, 2.0, 4.0]), np.array([2.0, 2.0, 2.0]), None, None, "regression")
    assert found.metrics == pytest.approx(
        {"mae": 1, "median_ae": 1, "rmse": (5 / 3) ** 0.5, "mape": (1 + 0 + 0.5) / 3, "r2": 1 - 5 / (14 / 3)}
    )
    assert found.details["residuals"]["mean"] == pytest.approx(-1 / 3)
    assert sum(found.details["residuals"]["histogram"]["counts"]) == 3


def test_what_equal_or_zero_truth_leaves_undefined() -> None:
    found = assess(np.zeros(3), np.array([0.0, 1.0, 2.0]), None, None, "regression")
    assert found.details["undefined"] == {"mape": "a true value is 0", "r2": "all true values are equal"}
    assert set(found.metrics) == {"mae", "median_ae", "rmse"}
    alone = assess(np.ones(1), np.ones(1), None, None, "regression")
    assert alone.details["undefined"] == {"r2": "one row only"}


def test_a_prediction_that_is_no_number_is_an_error_and_not_a_metric() -> None:
    with pytest.raises(TrainingError, match="no finite number for 1 of 2 held-out rows"):
        assess(np.ones(2), np.array([1.0, np.inf]), None, None, "regression")


def test_all_of_it_is_json_without_a_nan() -> None:
    found = assess(TRUTH, GUESS, CHANCE, CLASSES, "classification")
    json.dumps(evaluation_files(found.metrics, found.details), allow_nan=False)


def test_every_number_of_a_class_has_a_name() -> None:
    found = assess(TRUTH, GUESS, CHANCE, CLASSES, "classification")
    named = all_metrics({**found.metrics, "cv_accuracy": 0.5}, found.details)
    assert named["recall_class_a"] == pytest.approx(2 / 3)
    assert named["cv_accuracy"] == 0.5
    assert named["accuracy"] == found.metrics["accuracy"]


def test_the_line_of_progress_leaves_out_what_says_nearly_the_same() -> None:
    found = headline(assess(TRUTH, GUESS, CHANCE, CLASSES, "classification").metrics)
    assert found.startswith("accuracy 0.6667, precision_macro 0.6667, ")
    assert "micro" not in found
    assert "ece" in found


def test_a_label_is_the_same_class_as_a_whole_and_as_a_decimal_number() -> None:
    found = assess(np.array([1.0, 2.0, 2.0]), np.array([1, 2, 1]), None, [1, 2], "classification")
    assert found.metrics["accuracy"] == pytest.approx(2 / 3)
    assert found.details["confusion"]["labels"] == ["1", "2"]


def test_errors_beyond_double_precision_are_left_out_with_a_reason() -> None:
    found = assess(np.array([1e300, -1e300]), np.array([1e299, 0.0]), None, None, "regression")
    assert found.details["undefined"]["rmse"] == "the errors are too large to be squared or summed"
    assert "mae" in found.metrics
    json.dumps(found.details, allow_nan=False)
