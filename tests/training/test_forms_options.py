"""Models that skl2onnx refuses for an option only get their ONNX form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from training.forms.sklearn_forms import grouped, make_forms

ROWS = np.random.default_rng(3).standard_normal((120, 2))
LABELS = np.array(["a", "b", "c"])[np.digitize(ROWS[:, 0], [-0.5, 0.5])]
PARTS = [("first", LogisticRegression()), ("second", GaussianNB())]


@pytest.mark.parametrize(
    "estimator",
    [
        LinearSVC(),
        VotingClassifier(PARTS),
        VotingClassifier(PARTS, voting="soft"),
        VotingClassifier([("s", LinearSVC())]),
    ],
    ids=["LinearSVC", "hard votes", "soft votes", "votes of LinearSVC"],
)
def test_it_is_served_as_onnx_and_left_as_it_was(estimator: Any) -> None:
    model = make_pipeline(StandardScaler(), estimator).fit(ROWS, LABELS)
    before = model.steps[-1][1].get_params(deep=False)
    made = make_forms(model, grouped(["x", "y"], []), ROWS, range(len(ROWS)))
    assert made.entries["serve"] == "onnx"
    assert made.entries["parity"]["labels_that_differ"] == 0
    assert model.steps[-1][1].get_params(deep=False) == before
