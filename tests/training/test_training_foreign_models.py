"""Fitted models of many makes answer, once packaged, what they answered where they were fitted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, StackingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import LinearSVC

from serving.errors import RowError
from serving.predictor import Predictor
from training.errors import TrainingError
from training.package import package

FEATURES, CLASSES = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[CLASSES]


def packaged(model: Any, folder: Path, name: str = "model.joblib") -> Predictor:
    joblib.dump(model, folder / name)
    package(folder / name, folder / "out", trust=True)
    return Predictor(folder / "out")


def check(model: Any, rows: Any, folder: Path) -> Predictor:
    """Labels, and probabilities where there are some, are the model's own."""
    predictor = packaged(model, folder)
    sent = json.loads(rows.to_json(orient="records")) if isinstance(rows, pd.DataFrame) else rows.tolist()
    answer = predictor.predict(sent)
    assert [str(label) for label in answer.values] == [str(label) for label in model.predict(rows).tolist()]
    if answer.probabilities is not None:
        assert np.abs(answer.probabilities - model.predict_proba(rows)).max() < 1e-4
    return predictor


def frame(rows: int = 120) -> tuple[pd.DataFrame, Any]:
    """Ages and cities, some of them missing, and a class that follows from both."""
    random = np.random.default_rng(0)
    data = pd.DataFrame({"age": random.integers(18, 80, rows) * 1.0, "city": random.choice(["Bern", "Lyon"], rows)})
    labels = np.where((data.age > 40) ^ (data.city == "Bern"), "yes", "no")
    data.loc[::7, "age"] = np.nan
    data.loc[::5, "city"] = None
    return data, labels


def filled() -> ColumnTransformer:
    texts = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    return ColumnTransformer([("n", make_pipeline(SimpleImputer(), StandardScaler()), ["age"]), ("t", texts, ["city"])])


def test_a_missing_text_goes_through_the_models_own_imputer(tmp_path: Path) -> None:
    data, labels = frame()
    model = make_pipeline(filled(), RandomForestClassifier(10, random_state=0)).fit(data, labels)
    predictor = check(model, data, tmp_path)
    assert [column.nullable for column in predictor.columns] == [True, True]


def test_an_encoder_that_saw_missing_texts_is_given_them(tmp_path: Path) -> None:
    data, labels = frame()
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    prepare = ColumnTransformer([("city", encoder, ["city"])], remainder="passthrough")
    check(make_pipeline(prepare, HistGradientBoostingClassifier(max_iter=10)).fit(data, labels), data, tmp_path)


def test_a_search_stands_for_the_pipeline_it_found_best(tmp_path: Path) -> None:
    data, labels = frame()
    pipeline = Pipeline([("prepare", filled()), ("model", RandomForestClassifier(5, random_state=0))])
    search = GridSearchCV(pipeline, {"model__max_depth": [2, 3]}, cv=2).fit(data, labels)
    assert [column.type for column in check(search, data, tmp_path).columns] == ["number", "string"]


def test_a_vote_over_pipelines_that_were_fitted_on_frames(tmp_path: Path) -> None:
    data, labels = frame()
    pipeline = make_pipeline(filled(), LogisticRegression())
    check(StackingClassifier([("a", pipeline), ("b", pipeline)], cv=2).fit(data, labels), data, tmp_path)


def test_free_text_beside_numbers_is_a_text_column(tmp_path: Path) -> None:
    data = pd.DataFrame({"review": ["good film", "bad film", "good", "bad bad"] * 5, "stars": [4.0, 1.0, 5.0, 2.0] * 5})
    prepare = ColumnTransformer([("words", TfidfVectorizer(), "review"), ("stars", StandardScaler(), ["stars"])])
    model = make_pipeline(prepare, LogisticRegression()).fit(data, ["p", "n", "p", "n"] * 5)
    assert [column.type for column in check(model, data, tmp_path).columns] == ["string", "number"]


def test_columns_of_truth_values_take_true_and_false(tmp_path: Path) -> None:
    data = pd.DataFrame({"member": [True, False] * 20, "age": np.arange(40.0)})
    prepare = ColumnTransformer([("m", OneHotEncoder(), ["member"]), ("a", StandardScaler(), ["age"])])
    check(make_pipeline(prepare, LogisticRegression()).fit(data, ["x", "y"] * 20), data, tmp_path)


def test_neighbours_at_the_same_distance_are_chosen_as_scikit_learn_does(tmp_path: Path) -> None:
    predictor = check(KNeighborsClassifier().fit(FEATURES, CLASSES), FEATURES, tmp_path)
    assert predictor.artifact.manifest["serve"] == "sklearn"


@pytest.mark.parametrize("labels", [CLASSES == 1, CLASSES.astype(float)], ids=["truth values", "floats"])
def test_labels_that_onnx_writes_otherwise_do_not_rule_it_out(tmp_path: Path, labels: Any) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(FEATURES, labels)
    predictor = packaged(model, tmp_path)
    expected = [str(label) for label in labels] if labels.dtype == bool else CLASSES.tolist()
    found = predictor.predict(FEATURES.tolist()).values
    assert predictor.artifact.manifest["serve"] == "onnx"
    assert sum(one != other for one, other in zip(found, expected, strict=True)) < 50
    assert {type(label) for label in found} == {type(expected[0])}
    assert found == [str(x) if labels.dtype == bool else int(x) for x in model.predict(FEATURES)]


def test_a_classifier_without_probabilities_is_served_as_onnx(tmp_path: Path) -> None:
    predictor = check(LinearSVC().fit(FEATURES, NAMES), FEATURES, tmp_path)
    assert predictor.artifact.manifest["serve"] == "onnx"
    assert predictor.predict(FEATURES[:1].tolist()).probabilities is None


def test_distances_in_an_onnx_graph_are_no_probabilities(tmp_path: Path) -> None:
    from skl2onnx import to_onnx

    model = LinearSVC().fit(FEATURES, CLASSES)
    (tmp_path / "m.onnx").write_bytes(to_onnx(model, FEATURES[:1].astype(np.float32)).SerializeToString())
    package(tmp_path / "m.onnx", tmp_path / "out")
    assert not Predictor(tmp_path / "out").has_probabilities


@pytest.mark.parametrize("saw", [True, False])
def test_a_forest_takes_missing_values_where_it_learned_from_some(tmp_path: Path, saw: bool) -> None:
    data = FEATURES.copy()
    holes = np.random.default_rng(0).random(len(data)) < 0.2
    if saw:
        data[holes, 2] = np.nan
    predictor = check(RandomForestClassifier(10, random_state=0).fit(data, NAMES), data, tmp_path)
    assert [column.nullable for column in predictor.columns] == [False, False, saw, False]


def test_a_model_of_positive_numbers_is_checked_with_such(tmp_path: Path) -> None:
    check(make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()).fit(FEATURES, NAMES), FEATURES, tmp_path)


def needs_a_frame(table: Any) -> Any:
    """What only a data frame can answer."""
    return table[["a"]]


def test_a_model_that_cannot_do_without_data_frames_is_refused_in_one_line(tmp_path: Path) -> None:
    data = pd.DataFrame({"a": FEATURES[:, 0], "b": FEATURES[:, 1]})
    model = make_pipeline(FunctionTransformer(needs_a_frame), LogisticRegression()).fit(data, NAMES)
    with pytest.raises(TrainingError, match=r"model\.joblib: the model cannot predict a row of plausible values \("):
        packaged(model, tmp_path)


def test_a_compressed_joblib_file_is_no_archive(tmp_path: Path) -> None:
    model = LogisticRegression(max_iter=500).fit(FEATURES, NAMES)
    predictor = packaged(model, tmp_path, "model.joblib.gz")
    assert predictor.predict(FEATURES[:2].tolist()).values == ["setosa", "setosa"]
    with pytest.raises(RowError, match="'x0' has no value, and the model cannot fill one in"):
        predictor.predict([[None, 1, 1, 1]])


def test_a_column_that_the_model_drops_may_hold_anything_or_be_left_out(tmp_path: Path) -> None:
    rows = pd.DataFrame({"id": list("abcdef"), "city": ["Rome", "Oslo"] * 3, "age": [1.0, 2, 3, 4, 5, 6], "note": None})
    chosen = ColumnTransformer([("c", OneHotEncoder(), ["city"]), ("n", StandardScaler(), ["age"])])
    model = make_pipeline(chosen, LogisticRegression()).fit(rows, ["x", "y", "x", "y", "x", "x"])
    joblib.dump(model, tmp_path / "m.joblib")
    package(tmp_path / "m.joblib", tmp_path / "out", trust=True)
    predictor = Predictor(tmp_path / "out")
    whole = rows.assign(note="text").to_dict("records")
    expected = model.predict(rows).tolist()
    assert predictor.predict(whole).values == expected
    assert predictor.predict([{"city": row["city"], "age": row["age"]} for row in whole]).values == expected
    with pytest.raises(RowError, match="column 'age' is missing"):
        predictor.predict([{"id": "a", "city": "Rome"}])


def test_a_gaussian_process_is_served_by_scikit_learn_which_onnx_does_not_match_at_what_it_learned(
    tmp_path: Path,
) -> None:
    random = np.random.default_rng(0)
    learned, numbers = random.random((30, 2)), random.random(30)
    joblib.dump(GaussianProcessRegressor().fit(learned, numbers), tmp_path / "m.joblib")
    package(tmp_path / "m.joblib", tmp_path / "out", trust=True)
    np.testing.assert_allclose(Predictor(tmp_path / "out").predict(learned.tolist()).values, numbers, atol=1e-3)


def test_steps_that_answer_with_data_frames_are_served_without_pandas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, names = load_iris(return_X_y=True, as_frame=True)
    knn = KNeighborsClassifier()  # not converted: the server itself does without
    model = make_pipeline(StandardScaler().set_output(transform="pandas"), knn).fit(features, names)
    expected = model.predict(features).tolist()
    joblib.dump(model, tmp_path / "m.joblib")
    monkeypatch.delattr("sklearn.utils._set_output.PandasAdapter.create_container")
    package(tmp_path / "m.joblib", tmp_path / "out", trust=True)
    assert Predictor(tmp_path / "out").predict(features.to_numpy().tolist()).values == expected


def test_what_a_pickle_holds_besides_a_model_is_told(tmp_path: Path) -> None:
    joblib.dump(LogisticRegression, tmp_path / "class.joblib")
    with pytest.raises(TrainingError, match="holds the class LogisticRegression itself; save a fitted model of it"):
        package(tmp_path / "class.joblib", tmp_path / "out", trust=True)
    (tmp_path / "mine.pkl").write_bytes(b"cjson\nMyOwnModel\n.")
    with pytest.raises(TrainingError, match="needs 'MyOwnModel' of the module 'json', whose code is not in the file"):
        package(tmp_path / "mine.pkl", tmp_path / "out", trust=True)
