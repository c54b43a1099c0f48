"""How much each column weighs, whatever the pipeline makes of it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from training.evaluation.importance import importance

ROWS = 60
NUMBERS = np.random.default_rng(0).normal(size=(ROWS, 2))
CITY = np.where(NUMBERS[:, 1] > 0, "Rome", "Oslo")
TRUTH = np.where(NUMBERS[:, 1] > 0, "yes", "no")


def mixed() -> np.ndarray:
    features = np.empty((ROWS, 3), dtype=object)
    features[:, :2], features[:, 2] = NUMBERS, CITY
    return features


@pytest.mark.parametrize("estimator", [RandomForestClassifier(20, random_state=0), LogisticRegression()])
def test_what_was_made_of_a_column_is_summed_under_its_name(estimator: object) -> None:
    prepare = ColumnTransformer(
        [
            ("numbers", Pipeline([("scale", StandardScaler())]), [0, 1]),
            ("texts", OneHotEncoder(sparse_output=False), [2]),
        ]
    )
    model = Pipeline([("prepare", prepare), ("model", estimator)]).fit(mixed(), TRUTH)
    found = importance(model, ["noise", "signal", "city x0"])
    shares = {entry["column"]: entry["share"] for entry in found}
    assert set(shares) == {"noise", "signal", "city x0"}
    assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
    assert found[-1]["column"] == "noise"
    assert [entry["share"] for entry in found] == sorted(shares.values(), reverse=True)


@pytest.mark.parametrize("estimator", [SVC(), HistGradientBoostingClassifier(max_iter=2)])
def test_an_estimator_that_tells_nothing_has_none(estimator: object) -> None:
    model = Pipeline([("scale", StandardScaler()), ("model", estimator)]).fit(NUMBERS, TRUTH)
    assert importance(model, ["a", "b"]) == []


def test_a_bare_estimator_and_one_without_any_weight_have_none() -> None:
    assert importance(LogisticRegression().fit(NUMBERS, TRUTH), ["a", "b"]) == []
    flat = RandomForestClassifier(2, max_depth=1, random_state=0).fit(np.zeros((ROWS, 2)), TRUTH)
    assert importance(Pipeline([("model", flat)]), ["a", "b"]) == []
