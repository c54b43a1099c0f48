"""Existing models become artifacts, in every format, and what cannot be served is refused in one line."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from training_support import KIT

from serving.errors import RowError
from serving.predictor import Predictor
from training.artifact.digest import tree_digest
from training.artifact.manifest import verify
from training.errors import TrainingError
from training.package import package

FEATURES, CLASSES = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[CLASSES]


@pytest.fixture(scope="module")
def forest() -> Pipeline:
    return make_pipeline(StandardScaler(), RandomForestClassifier(20, random_state=0)).fit(FEATURES, NAMES)


@pytest.fixture(scope="module")
def onnx_bytes(forest: Pipeline) -> bytes:
    from training.forms.onnx_form import Input, convert

    return convert(forest, [Input("x", "number", (0, 1, 2, 3))], exact=True)


def predictions(folder: Path, rows: list[Any]) -> list[Any]:
    return list(Predictor(folder).predict(rows).values)


def test_a_joblib_file_is_served_as_onnx_with_its_own_labels(tmp_path: Path, forest: Pipeline) -> None:
    joblib.dump(forest, tmp_path / "model.joblib")
    digest = package(tmp_path / "model.joblib", tmp_path / "out", trust=True)
    manifest = verify(tmp_path / "out")
    assert digest == tree_digest(tmp_path / "out")
    assert (manifest["serve"], manifest["origin"]) == ("onnx", "package")
    assert manifest["parity"]["rows"] == 300
    assert predictions(tmp_path / "out", FEATURES.tolist()) == forest.predict(FEATURES).tolist()


def test_packaging_twice_gives_one_digest(tmp_path: Path, forest: Pipeline) -> None:
    joblib.dump(forest, tmp_path / "model.joblib")
    assert package(tmp_path / "model.joblib", tmp_path / "1", trust=True) == package(
        tmp_path / "model.joblib", tmp_path / "2", trust=True
    )


@pytest.mark.parametrize("kind", ["joblib", "pickle"])
def test_a_pickle_without_trust_is_refused_and_never_loaded(tmp_path: Path, kind: str) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "executed",)

    path = tmp_path / ("model.joblib" if kind == "joblib" else "model.pkl")
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(TrainingError, match=r"runs the code it holds .* pass --trust \(trust: true"):
        package(path, tmp_path / "out")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("imputed", [True, False])
def test_missing_values_are_taken_where_an_imputer_fills_them(tmp_path: Path, imputed: bool) -> None:
    steps = [SimpleImputer()] if imputed else []
    model = make_pipeline(*steps, StandardScaler(), RandomForestClassifier(10, random_state=0)).fit(FEATURES, NAMES)
    joblib.dump(model, tmp_path / "m.joblib")
    package(tmp_path / "m.joblib", tmp_path / "out", trust=True)
    predictor = Predictor(tmp_path / "out")
    assert predictor.artifact.manifest["serve"] == "onnx"
    row = [5.1, None, 1.4, float("nan")]
    if imputed:
        assert list(predictor.predict([row]).values) == model.predict([[5.1, np.nan, 1.4, np.nan]]).tolist()
    else:
        with pytest.raises(RowError, match="row 0: column 'x1' has no value, and the model cannot fill one in"):
            predictor.predict([row])


def test_whole_number_classes_stay_numbers(tmp_path: Path) -> None:
    model = LogisticRegression(max_iter=500).fit(FEATURES, CLASSES)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    package(tmp_path / "model.pkl", tmp_path / "out", trust=True)
    assert predictions(tmp_path / "out", FEATURES.tolist()) == model.predict(FEATURES).tolist()
    assert Predictor(tmp_path / "out").classes == [0, 1, 2]


def test_skops_needs_no_trust_for_scikit_learns_own_types(tmp_path: Path, forest: Pipeline) -> None:
    skops.io.dump(forest, tmp_path / "model.skops")
    package(tmp_path / "model.skops", tmp_path / "out")
    assert predictions(tmp_path / "out", FEATURES[::10].tolist()) == forest.predict(FEATURES[::10]).tolist()


def test_skops_lists_the_types_that_are_not_trusted(tmp_path: Path) -> None:
    model = make_pipeline(FunctionTransformer(shutil.copy), LinearRegression())
    skops.io.dump(model, tmp_path / "model.skops")
    with pytest.raises(TrainingError, match=r"types that are not trusted: shutil\.copy; check them, and pass --trust"):
        package(tmp_path / "model.skops", tmp_path / "out")


def test_a_regressor_answers_numbers(tmp_path: Path) -> None:
    model = RandomForestRegressor(10, random_state=0).fit(FEATURES[:, :3], FEATURES[:, 3])
    joblib.dump(model, tmp_path / "model.joblib")
    package(tmp_path / "model.joblib", tmp_path / "out", trust=True)
    np.testing.assert_allclose(
        predictions(tmp_path / "out", FEATURES[:, :3].tolist()), model.predict(FEATURES[:, :3]), rtol=1e-5
    )


def test_a_model_fitted_on_a_data_frame_keeps_names_and_text_columns(tmp_path: Path) -> None:
    frame = pd.DataFrame({"area": [30.0, 50.0, 80.0, 120.0] * 5, "kind": ["new", "old", "new", "old"] * 5})
    target = ["cheap", "cheap", "dear", "dear"] * 5
    prepare = make_column_transformer((StandardScaler(), ["area"]), (OneHotEncoder(handle_unknown="ignore"), ["kind"]))
    model = make_pipeline(prepare, RandomForestClassifier(10, random_state=0)).fit(frame, target)
    joblib.dump(model, tmp_path / "model.joblib")
    package(tmp_path / "model.joblib", tmp_path / "out", trust=True)
    predictor = Predictor(tmp_path / "out")
    assert [(column.name, column.type) for column in predictor.columns] == [("area", "number"), ("kind", "string")]
    assert predictor.artifact.manifest["serve"] == "onnx"
    rows = [{"kind": "new", "area": 130.0}, {"area": 20, "kind": "(never seen)"}]
    expected = model.predict(pd.DataFrame(rows)).tolist()
    assert list(predictor.predict(rows).values) == expected


def test_a_text_model_takes_texts(tmp_path: Path) -> None:
    texts = ["good fine great", "bad awful poor", "great good", "poor bad"] * 5
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, ["up", "down"] * 10)
    joblib.dump(model, tmp_path / "model.joblib")
    package(tmp_path / "model.joblib", tmp_path / "out", trust=True)
    assert predictions(tmp_path / "out", ["really good", "awful"]) == ["up", "down"]
    assert verify(tmp_path / "out")["serve"] == "sklearn"


def test_an_onnx_file_needs_nothing_else(tmp_path: Path, onnx_bytes: bytes, forest: Pipeline) -> None:
    (tmp_path / "flowers.onnx").write_bytes(onnx_bytes)
    package(tmp_path / "flowers.onnx", tmp_path / "out")
    predictor = Predictor(tmp_path / "out")
    assert predictor.encoder.names == ["x_0", "x_1", "x_2", "x_3"]
    assert predictor.classes == ["setosa", "versicolor", "virginica"]
    assert predictions(tmp_path / "out", FEATURES.tolist()) == forest.predict(FEATURES).tolist()


def test_columns_of_an_onnx_file_can_be_named(tmp_path: Path, onnx_bytes: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(onnx_bytes)
    package(tmp_path / "m.onnx", tmp_path / "out", columns=["sl", "sw", "pl", "pw"])
    assert predictions(tmp_path / "out", [{"pw": 0.2, "pl": 1.4, "sw": 3.5, "sl": 5.1}]) == ["setosa"]
    with pytest.raises(TrainingError, match="--columns has 2 names, but the model takes 4 columns"):
        package(tmp_path / "m.onnx", tmp_path / "other", columns=["a", "b"])


def test_a_zipmap_is_understood(tmp_path: Path, forest: Pipeline) -> None:
    from skl2onnx import to_onnx

    model = to_onnx(forest["randomforestclassifier"], FEATURES[:1].astype(np.float32))
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    package(tmp_path / "m.onnx", tmp_path / "out")
    found = Predictor(tmp_path / "out").predict(FEATURES.tolist()).probabilities
    assert found is not None
    np.testing.assert_allclose(found, forest["randomforestclassifier"].predict_proba(FEATURES), atol=1e-5)


def test_a_graph_of_tensors_answers_tensors(tmp_path: Path) -> None:
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Mul", ["image", "image"], ["squared"]), helper.make_node("ReduceSum", ["image"], ["total"])],
        "g",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [None, 2, 3])],
        [
            helper.make_tensor_value_info("squared", TensorProto.FLOAT, [None, 2, 3]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    package(tmp_path / "m.onnx", tmp_path / "out")
    answer = Predictor(tmp_path / "out").predict([[[1, 2, 3], [4, 5, 6]], [[0, 0, 0], [1, 1, 1]]])
    np.testing.assert_array_equal(answer.values[0], [[1, 4, 9], [16, 25, 36]])
    assert answer.values.shape == (2, 2, 3)


def mlflow_folder(folder: Path, flavors: str) -> Path:
    folder.mkdir()
    signature = json.dumps([{"type": "double", "name": name, "required": True} for name in ("sl", "sw", "pl", "pw")])
    (folder / "MLmodel").write_text(f"artifact_path: model\nflavors:\n{flavors}\nsignature:\n  inputs: '{signature}'\n")
    return folder


def test_an_mlflow_folder_of_the_sklearn_flavor(tmp_path: Path, forest: Pipeline) -> None:
    flavor = "  python_function:\n    loader_module: mlflow.sklearn\n  sklearn:\n    pickled_model: model.pkl"
    folder = mlflow_folder(tmp_path / "model", flavor)
    (folder / "model.pkl").write_bytes(pickle.dumps(forest))
    with pytest.raises(TrainingError, match="pass --trust"):
        package(folder, tmp_path / "out")
    package(folder, tmp_path / "out", trust=True)
    assert predictions(tmp_path / "out", [{"sl": 5.1, "sw": 3.5, "pl": 1.4, "pw": 0.2}]) == ["setosa"]


def test_an_mlflow_folder_of_the_onnx_flavor_needs_no_trust(tmp_path: Path, onnx_bytes: bytes) -> None:
    folder = mlflow_folder(tmp_path / "model", "  onnx:\n    data: model.onnx\n    onnx_version: 1.16.0")
    (folder / "model.onnx").write_bytes(onnx_bytes)
    package(folder, tmp_path / "out")
    assert predictions(tmp_path / "out", [{"sl": 5.1, "sw": 3.5, "pl": 1.4, "pw": 0.2}]) == ["setosa"]


@pytest.mark.parametrize(
    ("flavors", "message"),
    [
        (
            "  spark:\n    model_data: x",
            "has the flavors spark; one of onnx, sklearn, xgboost, lightgbm, keras, tensorflow is needed",
        ),
        ("  onnx:\n    data: ../../etc/passwd", "points outside the folder"),
        ("  onnx:\n    data: gone.onnx", "the model file 'gone.onnx' is missing"),
        ("  onnx: [", "not YAML"),
    ],
)
def test_a_wrong_mlflow_folder_is_told(tmp_path: Path, flavors: str, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        package(mlflow_folder(tmp_path / "model", flavors), tmp_path / "out")


def tar_of(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def test_a_sagemaker_archive_with_one_model(tmp_path: Path, forest: Pipeline) -> None:
    stream = io.BytesIO()
    joblib.dump(forest, stream)
    path = tar_of(tmp_path / "model.tar.gz", {"model.joblib": stream.getvalue(), "code/inference.py": b"pass\n"})
    package(path, tmp_path / "out", trust=True)
    assert predictions(tmp_path / "out", FEATURES[:1].tolist()) == ["setosa"]


def test_an_artifact_in_an_archive_keeps_its_digest(tmp_path: Path, onnx_bytes: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(onnx_bytes)
    digest = package(tmp_path / "m.onnx", tmp_path / "first")
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "first", arcname="iris")
    assert package(tmp_path / "model.tar.gz", tmp_path / "second") == digest


@pytest.mark.parametrize("name", ["../evil.onnx", "/evil.onnx", "a/../../evil.onnx"])
def test_an_archive_that_would_write_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(TrainingError, match="would land outside"):
        package(tar_of(tmp_path / "m.tar.gz", {name: b"x"}), tmp_path / "out")
    assert not (tmp_path / "evil.onnx").exists()


def test_an_archive_with_a_link_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "m.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("model.onnx")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(TrainingError, match=r"'model\.onnx' is a link"):
        package(tmp_path / "m.tar.gz", tmp_path / "out")


def test_an_artifact_with_a_pickle_needs_trust_again(tmp_path: Path) -> None:
    texts = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["one two", "red green"] * 5, [0, 1] * 5)
    joblib.dump(texts, tmp_path / "m.joblib")
    package(tmp_path / "m.joblib", tmp_path / "first", trust=True, columns=["words"])
    with pytest.raises(TrainingError, match="holds a pickle, which runs the code in it; pass --trust"):
        package(tmp_path / "first", tmp_path / "second")
    assert package(tmp_path / "first", tmp_path / "second", trust=True) == tree_digest(tmp_path / "first")


def test_a_tampered_artifact_is_refused(tmp_path: Path, onnx_bytes: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(onnx_bytes)
    package(tmp_path / "m.onnx", tmp_path / "first")
    (tmp_path / "first" / "signature.json").write_text("{}")
    with pytest.raises(TrainingError, match=r"signature\.json: its SHA-256 is not the one"):
        package(tmp_path / "first", tmp_path / "second")


@pytest.mark.parametrize(
    ("name", "keep", "message"),
    [
        ("m.onnx", 0.5, "not an ONNX model, or a truncated one"),
        ("m.onnx", 0.0, "not an ONNX model, or a truncated one"),
        ("m.skops", 0.5, "not a skops file, or a truncated one"),
        ("m.joblib", 0.5, "not a joblib file, or a truncated one"),
        ("m.pkl", 0.5, "not a pickle file, or a truncated one"),
        ("m.tar.gz", 0.5, "not a tar archive, or a truncated one"),
    ],
)
def test_a_truncated_file_is_told(
    tmp_path: Path, forest: Pipeline, onnx_bytes: bytes, name: str, keep: float, message: str
) -> None:
    path = tmp_path / name
    if name == "m.onnx":
        path.write_bytes(onnx_bytes)
    elif name == "m.skops":
        skops.io.dump(forest, path)
    elif name == "m.tar.gz":
        tar_of(path, {"model.onnx": onnx_bytes})
    else:
        joblib.dump(forest, path) if name == "m.joblib" else path.write_bytes(pickle.dumps(forest))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(TrainingError, match=message):
        package(path, tmp_path / "out", trust=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["m.onnx", "m.skops", "m.joblib", "m.pkl", "m.tar.gz"])
@pytest.mark.parametrize("content", [b"", b"\0\1\2 garbage " * 20, b"\x80\x05garbage", b"PK\x03\x04garbage"])
def test_garbage_is_told_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TrainingError, match=f"^{name}: ") as caught:
        package(tmp_path / name, tmp_path / "out", trust=True)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"a": 1}, "holds a dict, which cannot predict"),
        (StandardScaler().fit(FEATURES), "holds a StandardScaler, which cannot predict"),
        (RandomForestClassifier(), "the RandomForestClassifier in it is not fitted"),
        (
            RandomForestClassifier(2, random_state=0).fit(FEATURES, np.column_stack([CLASSES, CLASSES])),
            "predicts 2 targets at once",
        ),
    ],
)
def test_an_object_that_cannot_be_served_is_told(tmp_path: Path, model: Any, message: str) -> None:
    joblib.dump(model, tmp_path / "m.joblib")
    with pytest.raises(TrainingError, match=message):
        package(tmp_path / "m.joblib", tmp_path / "out", trust=True)


def test_the_command_prints_the_digest_or_one_line(tmp_path: Path, onnx_bytes: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(onnx_bytes)
    command = [sys.executable, "-m", "training.package", "--output", str(tmp_path / "out"), "--input"]
    done = subprocess.run([*command, str(tmp_path / "m.onnx")], cwd=KIT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, f"model written: {tree_digest(tmp_path / 'out')}")
    done = subprocess.run(
        [*command, str(tmp_path / "x"), "--format", "onx"], cwd=KIT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.strip() == "packaging failed: --format: 'onx' is unknown (did you mean 'onnx'?)"
