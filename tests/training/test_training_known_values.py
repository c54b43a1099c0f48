"""Made-up rows lie where the model decides, so that comparing both forms on them says something."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, PowerTransformer, QuantileTransformer
from sklearn.tree import DecisionTreeRegressor

from serving.predictor import Predictor
from training.artifact.manifest import verify
from training.forms.columns_of import columns_of, sample
from training.forms.known_values import known_values
from training.package import package

RANDOM = np.random.default_rng(0)
INCOMES = np.column_stack([RANDOM.normal(30_000, 5_000, 300), RANDOM.uniform(18, 80, 300)])
TARGET = INCOMES[:, 0] / 100 + INCOMES[:, 1]


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeRegressor(max_depth=5),
        RandomForestRegressor(5, max_depth=5),
        GradientBoostingRegressor(n_estimators=5),
        HistGradientBoostingRegressor(max_iter=5),
        make_pipeline(SimpleImputer(), RandomForestRegressor(5, max_depth=5)),
        make_pipeline(ColumnTransformer([("all", "passthrough", [0]), ("age", SimpleImputer(), [1])]), Ellipsis),
    ],
    ids=lambda model: type(model).__name__,
)
def test_rows_fall_on_both_sides_of_a_trees_splits(model: Any) -> None:
    if hasattr(model, "steps") and model[-1] is Ellipsis:
        model = make_pipeline(model[0], QuantileTransformer(n_quantiles=20), DecisionTreeRegressor())
    model.fit(INCOMES, TARGET)
    rows = sample(model, columns_of(model).columns, missing=False)
    known = known_values(model, range(2))
    assert known
    assert all(18 <= value <= 50_000 for values in known.values() for value in values.seen + values.splits)
    if 0 in known:
        assert 20_000 < np.median(rows[1::2, 0]) < 40_000
        assert len(np.unique(model.predict(rows))) > 10


def test_quantiles_that_onnx_orders_otherwise_are_found_and_the_original_is_served(tmp_path: Path) -> None:
    lengths, labels = load_iris(return_X_y=True)  # values that repeat, as measured lengths do
    model = make_pipeline(
        QuantileTransformer(n_quantiles=50),
        PowerTransformer(),
        KBinsDiscretizer(3, encode="ordinal"),
        LogisticRegression(),
    ).fit(lengths, labels)
    joblib.dump(model, tmp_path / "m.joblib")
    package(tmp_path / "m.joblib", tmp_path / "out", trust=True)
    answer = Predictor(tmp_path / "out").predict(lengths.tolist())
    np.testing.assert_allclose(answer.probabilities, model.predict_proba(lengths), atol=1e-4)
    assert verify(tmp_path / "out")["serve"] == "sklearn"
