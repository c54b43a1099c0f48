"""The ONNX form answers as scikit-learn does, on values that sit on the splits of trees too; else it is not used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from training_support import IRIS

from training import pipeline
from training.data.read import read
from training.forms import onnx_form
from training.forms.onnx_form import Input, classifier_parity, regressor_parity
from training.forms.sklearn_forms import grouped, make_forms
from training.options import parse_options
from training.workflow import train

NUMBERS = ("sepal_length", "sepal_width", "petal_length", "petal_width")


def grid(rows: int, seed: int = 0) -> Any:
    """Measurements with one decimal: many of them fall on a split."""
    return np.random.default_rng(seed).integers(0, 40, (rows, 4)) / 10


def test_the_exact_form_is_right_on_every_split_where_the_plain_one_is_not() -> None:
    features = grid(400)
    target = (features.sum(axis=1) > 8).astype(int)
    model = make_pipeline(StandardScaler(), RandomForestClassifier(30, random_state=0)).fit(
        features[:200], target[:200]
    )
    inputs = [Input("numbers", "number", (0, 1, 2, 3))]
    expected = model.predict_proba(features)
    differences = {}
    for exact in (True, False):
        _, outputs = onnx_form.run(onnx_form.convert(model, inputs, exact=exact), features, inputs)
        differences[exact] = np.abs(outputs[1] - expected).max()
    assert differences[True] < 1e-5
    assert differences[False] > 1e-3


def test_iris_is_served_from_the_exact_form_with_missing_values() -> None:
    table = read(IRIS)
    trained = train(table, parse_options({"target": "species", "n_estimators": "50"}))
    features = pipeline.matrix(table.without("species"))
    assert np.isnan(features).any()
    forms = make_forms(trained.model, grouped(NUMBERS, []), features, range(len(features)))
    assert forms.entries["serve"] == "onnx"
    assert forms.entries["forms"]["onnx"]["inputs"][0]["dtype"] == "float64"
    assert forms.entries["parity"]["max_difference"] < 1e-5


def test_numbers_and_texts_together_are_exact(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    rows = [
        f"{a:g},{'' if k == 'gap' else k},{'yes' if a > 2 or k == 'red' else 'no'}"
        for a, k in zip(grid(300)[:, 0], random.choice(["red", "blue", "gap"], 300), strict=True)
    ]
    (tmp_path / "d.csv").write_text("a,kind,y\n" + "\n".join(rows) + "\n")
    table = read(tmp_path / "d.csv")
    trained = train(table, parse_options({"target": "y", "n_estimators": "20"}))
    forms = make_forms(trained.model, grouped(["a"], ["kind"]), pipeline.matrix(table.without("y")), range(300))
    assert forms.entries["parity"]["within_limit"]
    assert [given["dtype"] for given in forms.entries["forms"]["onnx"]["inputs"]] == ["float64", "string"]


def test_a_regressors_numbers_are_within_the_relative_limit() -> None:
    features = grid(300)
    model = make_pipeline(StandardScaler(), RandomForestRegressor(20, random_state=0)).fit(
        features, features @ [1, 2, 3, 4]
    )
    forms = make_forms(model, grouped(NUMBERS, []), features, range(300))
    assert forms.entries["serve"] == "onnx"


def test_labels_that_differ_are_counted_listed_and_rule_the_form_out() -> None:
    parity = classifier_parity([np.array(["a", "b", "b"])], np.array(["a", "a", "b"]), None, [10, 11, 12])
    assert not parity.used
    assert parity.to_json()["labels_that_differ"] == 1
    assert parity.listed == [{"row": 11, "original": "a", "onnx": "b"}]


@pytest.mark.parametrize(("shift", "used"), [(0.0, True), (5e-5, True), (5e-3, False), (np.nan, False)])
def test_probabilities_over_the_limit_rule_the_form_out(shift: float, used: bool) -> None:
    labels, scores = np.array(["a", "b"]), np.array([[0.9, 0.1], [0.2, 0.8]])
    assert classifier_parity([labels, scores + shift], labels, scores, [0, 1]).used is used


def test_numbers_over_the_limit_rule_the_form_out() -> None:
    values = np.array([0.0, 100.0])
    assert regressor_parity([values[:, None] + 1e-3], values).used
    assert not regressor_parity([values[:, None] + 0.1], values).used


def test_a_form_over_the_limit_is_left_out_and_the_artifact_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    features = grid(60)
    model = RandomForestClassifier(5, random_state=0).fit(features, features[:, 0] > 2)
    monkeypatch.setattr(onnx_form, "PROBABILITY_LIMIT", -1.0)
    forms = make_forms(model, grouped(NUMBERS, []), features, range(60))
    assert forms.entries["serve"] == "sklearn"
    assert "onnx" not in forms.entries["forms"]
    assert "model.onnx" not in forms.files
    assert forms.entries["parity"]["within_limit"] is False
