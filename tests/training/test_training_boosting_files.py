"""Models in the file formats of XGBoost and LightGBM become artifacts that answer as the library does."""

from __future__ import annotations

import pickle
import tarfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.datasets import load_diabetes, load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from serving.predictor import Predictor
from training.artifact.manifest import verify
from training.errors import TrainingError
from training.formats import detect, image_of
from training.package import package

xgboost = pytest.importorskip("xgboost")
lightgbm = pytest.importorskip("lightgbm")

IRIS, CLASSES = load_iris(return_X_y=True)
DIABETES = load_diabetes(as_frame=True)


def packaged(path: Path, **further: Any) -> Predictor:
    package(path, path.parent / "out", **further)
    assert verify(path.parent / "out")["serve"] == "onnx"
    return Predictor(path.parent / "out")


def same(predictor: Predictor, rows: Any, expected: Any, shares: Any = None) -> None:
    answer = predictor.predict(np.asarray(rows).tolist())
    np.testing.assert_allclose(np.asarray(answer.values, dtype=float), np.asarray(expected, dtype=float), rtol=1e-4)
    if shares is not None:
        np.testing.assert_allclose(answer.probabilities, shares, atol=1e-5)


@pytest.mark.parametrize("ending", ["json", "ubj"])
@pytest.mark.parametrize("labels", [CLASSES, (CLASSES == 1).astype(int)], ids=["three", "two"])
def test_a_classifier_of_xgboosts(tmp_path: Path, ending: str, labels: Any) -> None:
    model = xgboost.XGBClassifier(n_estimators=8).fit(IRIS, labels)
    model.save_model(tmp_path / f"m.{ending}")
    assert detect(tmp_path / f"m.{ending}") == "xgboost"
    predictor = packaged(tmp_path / f"m.{ending}")
    assert predictor.classes == sorted(set(labels.tolist()))
    same(predictor, IRIS, model.predict(IRIS), model.predict_proba(IRIS))


def test_a_regressor_of_xgboosts_keeps_its_columns_and_takes_missing_values(tmp_path: Path) -> None:
    rows = DIABETES.data.copy()
    rows.iloc[::5, 2] = np.nan
    model = xgboost.XGBRegressor(n_estimators=8).fit(rows, DIABETES.target)
    model.save_model(tmp_path / "m.json")
    predictor = packaged(tmp_path / "m.json")
    assert predictor.encoder.names == list(rows.columns)
    same(predictor, rows.where(rows.notna(), None), model.predict(rows))


def test_a_booster_that_answers_class_numbers_gets_its_probabilities_back(tmp_path: Path) -> None:
    options = {"objective": "multi:softmax", "num_class": 3, "seed": 0}
    booster = xgboost.train(options, xgboost.DMatrix(IRIS, label=CLASSES), 5)
    booster.save_model(tmp_path / "m.ubj")
    booster.set_param({"objective": "multi:softprob"})
    same(packaged(tmp_path / "m.ubj"), IRIS, booster.predict(xgboost.DMatrix(IRIS)).argmax(1))
    found = Predictor(tmp_path / "out").predict(IRIS.tolist()).probabilities
    np.testing.assert_allclose(found, booster.predict(xgboost.DMatrix(IRIS)), atol=1e-5)


@pytest.mark.parametrize("labels", [CLASSES, (CLASSES == 1).astype(int)], ids=["three", "two"])
def test_a_classifier_of_lightgbms(tmp_path: Path, labels: Any) -> None:
    model = lightgbm.LGBMClassifier(n_estimators=8, verbose=-1).fit(IRIS, labels)
    model.booster_.save_model(tmp_path / "m.txt")
    assert detect(tmp_path / "m.txt") == "lightgbm"
    same(packaged(tmp_path / "m.txt"), IRIS, model.predict(IRIS), model.predict_proba(IRIS))


def test_a_regressor_of_lightgbms_keeps_its_columns(tmp_path: Path) -> None:
    model = lightgbm.LGBMRegressor(n_estimators=8, verbose=-1).fit(DIABETES.data, DIABETES.target)
    model.booster_.save_model(tmp_path / "m.txt")
    predictor = packaged(tmp_path / "m.txt")
    assert predictor.encoder.names == list(DIABETES.data.columns)
    same(predictor, DIABETES.data, model.predict(DIABETES.data))


def test_a_pipeline_that_ends_in_boosted_trees_names_their_package_and_image(tmp_path: Path) -> None:
    model = make_pipeline(StandardScaler(), xgboost.XGBClassifier(n_estimators=5)).fit(IRIS, CLASSES)
    joblib.dump(model, tmp_path / "m.joblib")
    assert image_of(tmp_path / "m.joblib", "joblib") == "boosting"
    for method in ("zlib", "gzip", "bz2", "xz", "lzma"):
        joblib.dump(model, tmp_path / "packed.joblib", compress=(method, 3))
        assert image_of(tmp_path / "packed.joblib", "joblib") == "boosting", method
    joblib.dump(model[0], tmp_path / "other.joblib", compress=3)
    assert image_of(tmp_path / "other.joblib", "joblib") is None
    same(packaged(tmp_path / "m.joblib", trust=True), IRIS, model.predict(IRIS))
    assert "xgboost" in verify(tmp_path / "out")["packages"]


def test_an_mlflow_folder_of_the_xgboost_flavor_has_its_columns_from_the_signature(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    model = xgboost.XGBClassifier(n_estimators=3).fit(IRIS, CLASSES)
    model.save_model(folder / "model.ubj")
    inputs = '[{"name": "sl"}, {"name": "sw"}, {"name": "pl"}, {"name": "pw"}]'
    flavor = "flavors:\n  xgboost: {data: model.ubj, model_class: xgboost.sklearn.XGBClassifier}\n"
    (folder / "MLmodel").write_text(f"{flavor}signature: {{inputs: '{inputs}'}}\n")
    assert image_of(folder, detect(folder)) == "boosting"
    predictor = packaged(folder)
    assert predictor.encoder.names == ["sl", "sw", "pl", "pw"]
    same(predictor, IRIS, model.predict(IRIS))


def test_packaging_a_booster_twice_gives_one_digest(tmp_path: Path) -> None:
    xgboost.XGBClassifier(n_estimators=3).fit(IRIS, CLASSES).save_model(tmp_path / "m.json")
    assert package(tmp_path / "m.json", tmp_path / "1") == package(tmp_path / "m.json", tmp_path / "2")


def test_data_frame_categories_are_refused_with_what_to_do(tmp_path: Path) -> None:
    rows = DIABETES.data.assign(kind=np.where(DIABETES.data["sex"] > 0, "a", "b"))
    rows["kind"] = rows["kind"].astype("category")
    boosted = xgboost.XGBRegressor(n_estimators=2, enable_categorical=True).fit(rows, DIABETES.target)
    boosted.save_model(tmp_path / "m.json")
    light = lightgbm.LGBMRegressor(n_estimators=2, verbose=-1).fit(rows, DIABETES.target)
    light.booster_.save_model(tmp_path / "m.txt")
    for name in ("m.json", "m.txt"):
        with pytest.raises(TrainingError, match=rf"{name}: it was fitted on a data frame's categories"):
            package(tmp_path / name, tmp_path / "out")


def test_an_objective_without_one_answer_a_row_is_refused(tmp_path: Path) -> None:
    options = {"objective": "binary:logitraw", "seed": 0}
    xgboost.train(options, xgboost.DMatrix(IRIS, label=CLASSES == 1), 2).save_model(tmp_path / "m.json")
    with pytest.raises(TrainingError, match="its objective is binary:logitraw, which is not supported"):
        package(tmp_path / "m.json", tmp_path / "out")


@pytest.mark.parametrize("name", ["m.json", "m.ubj", "m.txt"])
def test_half_a_file_is_told_as_such(tmp_path: Path, name: str) -> None:
    if name == "m.txt":
        lightgbm.LGBMClassifier(n_estimators=2, verbose=-1).fit(IRIS, CLASSES).booster_.save_model(tmp_path / name)
    else:
        xgboost.XGBClassifier(n_estimators=2).fit(IRIS, CLASSES).save_model(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TrainingError, match="or a truncated one"):
        package(tmp_path / name, tmp_path / "out")


@pytest.mark.parametrize(("name", "content"), [("m.json", b'{"a": 1}'), ("m.txt", b"hello"), ("m.dat", b"?")])
def test_other_json_and_text_is_no_model(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TrainingError, match="its format cannot be told; say it with --format"):
        package(tmp_path / name, tmp_path / "out")


def test_sagemakers_own_xgboost_is_told_by_its_name_and_first_bytes_also_where_it_is_a_pickle(tmp_path: Path) -> None:
    model = xgboost.XGBClassifier(n_estimators=3).fit(IRIS, CLASSES)
    model.get_booster().save_model(tmp_path / "m.ubj")
    for place, content in (("new", (tmp_path / "m.ubj").read_bytes()), ("old", pickle.dumps(model.get_booster()))):
        (tmp_path / place).mkdir()
        (tmp_path / place / "xgboost-model").write_bytes(content)
        with tarfile.open(tmp_path / f"{place}.tar.gz", "w:gz") as archive:
            archive.add(tmp_path / place / "xgboost-model", "xgboost-model")
        assert image_of(tmp_path / f"{place}.tar.gz", "tar") == "boosting"
        package(tmp_path / f"{place}.tar.gz", tmp_path / f"{place}-out", trust=True)
        same(Predictor(tmp_path / f"{place}-out"), IRIS, model.predict(IRIS))


def test_lightgbm_as_mlflow_3_keeps_it_with_skops(tmp_path: Path) -> None:
    model = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(IRIS, CLASSES)
    folder = tmp_path / "model"
    folder.mkdir()
    skops.io.dump(model, folder / "model.skops")
    (folder / "MLmodel").write_text("flavors:\n  lightgbm: {data: model.skops, serialization_format: skops}\n")
    same(packaged(folder), IRIS, model.predict(IRIS))
