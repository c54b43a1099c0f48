"""The predictor answers as the trained model does, refuses wrong rows by row and column, and tampered folders."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from serving_support import IRIS, KIT, ROW

from serving.artifact import load
from serving.cells import Column
from serving.columns import Encoder
from serving.errors import ModelError, RequestError, RowError
from serving.predictor import Predictor


def iris_rows() -> list[dict[str, float | None]]:
    with IRIS.open() as stream:
        return [
            {name: float(value) if value else None for name, value in row.items() if name != "species"}
            for row in csv.DictReader(stream)
        ]


def test_every_row_is_answered_as_scikit_learn_answers_it(iris: Predictor, iris_model: Path) -> None:
    entry = iris.artifact.form("sklearn")
    model = skops.io.load(iris_model / "model.skops", trusted=entry["trusted_types"])
    rows = iris_rows()
    matrix = np.array([[row[name] for name in entry["columns"]] for row in rows], dtype=float)
    answer = iris.predict(rows)
    assert list(answer.values) == model.predict(matrix).tolist()
    assert answer.probabilities is not None
    np.testing.assert_allclose(answer.probabilities, model.predict_proba(matrix), atol=1e-5)


def test_the_two_forms_answer_alike(iris_model: Path, tmp_path: Path, iris: Predictor) -> None:
    shutil.copytree(iris_model, tmp_path / "m")
    manifest = json.loads((tmp_path / "m" / "mooring-model.json").read_text())
    manifest["serve"] = "sklearn"
    (tmp_path / "m" / "mooring-model.json").write_text(json.dumps(manifest))
    other = Predictor(tmp_path / "m")
    assert list(other.predict(iris_rows()).values) == list(iris.predict(iris_rows()).values)


def test_order_of_keys_and_lists_do_not_matter(iris: Predictor) -> None:
    turned = dict(reversed(ROW.items()))
    answers = [iris.predict([row]).probabilities for row in (ROW, turned, list(ROW.values()))]
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])


def test_missing_values_are_imputed(iris: Predictor) -> None:
    for absent in (None, float("nan")):
        assert list(iris.predict([{**ROW, "sepal_width": absent}]).values) == ["setosa"]


def test_the_quick_and_the_thorough_way_give_the_same(iris: Predictor) -> None:
    rows = [row for row in iris_rows() if None not in row.values()]
    together = iris.predict(rows).probabilities
    with_one_missing = iris.predict([*rows, {**ROW, "sepal_width": None}]).probabilities
    assert together is not None
    assert with_one_missing is not None
    np.testing.assert_array_equal(together, with_one_missing[:-1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"petal_lenght": 1}, "row 1: unknown column 'petal_lenght'"),
        ({"sepal_length": "5.1"}, "row 1: column 'sepal_length': '5.1' is not a number"),
        ({"sepal_length": True}, "row 1: column 'sepal_length': True is not a number"),
        ({"sepal_length": [1, 2]}, "row 1: column 'sepal_length': [1, 2] is not a number"),
        ({"sepal_length": float("inf")}, "row 1: column 'sepal_length': inf is out of range"),
        ({"sepal_length": 1e39}, "row 1: column 'sepal_length': 1e+39 is out of range"),
        ({"sepal_length": 10**400}, "is out of range"),
    ],
)
def test_wrong_rows_name_row_and_column(iris: Predictor, change: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError) as caught:
        iris.predict([ROW, {**ROW, **change}])
    assert message in str(caught.value)


def test_true_and_false_are_taken_for_their_texts() -> None:
    entry = {"name": "member", "type": "string", "nullable": False, "categories": ["FALSE", "TRUE"]}
    encode = Encoder([Column.parse(entry)]).encode
    assert encode([{"member": True}, {"member": False}, {"member": "TRUE"}]).texts[:, 0].tolist() == [
        "TRUE",
        "FALSE",
        "TRUE",
    ]
    with pytest.raises(RowError, match="True is not text"):
        Encoder([Column.parse({**entry, "categories": ["TRUE", "maybe"]})]).encode([{"member": True}])


def test_a_misspelt_column_brings_the_near_one(iris: Predictor) -> None:
    row = {("petal_lenght" if name == "petal_length" else name): value for name, value in ROW.items()}
    with pytest.raises(RequestError, match=r"unknown column 'petal_lenght' \(did you mean 'petal_length'\?\)"):
        iris.predict([row])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no rows; at least one is expected"),
        ([{"sepal_length": 1}], "row 0: column 'sepal_width' is missing"),
        ([[1, 2, 3]], "row 0: 3 values, but the model takes 4: sepal_length, sepal_width"),
        (["setosa"], "row 0: 'setosa' is no row"),
        ([None], "row 0: None is no row"),
        ([5], "row 0: 5 is no row"),
    ],
)
def test_what_is_no_row_is_told(iris: Predictor, rows: list[Any], message: str) -> None:
    with pytest.raises(RequestError) as caught:
        iris.predict(rows)
    assert message in str(caught.value)


def test_numbers_and_texts_are_taken_together(mixed_model: Path) -> None:
    predictor = Predictor(mixed_model)
    new, old, unseen, absent = predictor.predict(
        [{"area": 30, "kind": kind} for kind in ("new", "old", "never", None)]
    ).values
    assert new > old
    assert absent == new
    assert unseen != pytest.approx(0)
    with pytest.raises(RequestError, match="row 0: column 'kind': 3 is not text"):
        predictor.predict([{"area": 30, "kind": 3}])


@pytest.mark.parametrize("name", ["model.onnx", "signature.json", "model_card.md"])
def test_a_changed_file_is_refused(iris_model: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(iris_model, tmp_path / "m")
    with (tmp_path / "m" / name).open("ab") as stream:
        stream.write(b" ")
    with pytest.raises(ModelError, match=f"{name}: its SHA-256 is not the one in mooring-model.json"):
        Predictor(tmp_path / "m")


def test_missing_further_and_linked_files_are_refused(iris_model: Path, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        shutil.copytree(iris_model, tmp_path / name)
    (tmp_path / "a" / "metrics.json").unlink()
    (tmp_path / "b" / "more.pkl").write_bytes(b"x")
    (tmp_path / "c" / "link").symlink_to("/etc/passwd")
    for name, message in (("a", "missing"), ("b", "not listed"), ("c", "symbolic link")):
        with pytest.raises(ModelError, match=message):
            Predictor(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no model artifact"),
        ("{", "damaged, not JSON"),
        ("[]", "not the manifest of a model artifact"),
        ('{"kind": "mooring-model", "format": 99}', "format 99 is newer than this server reads"),
    ],
)
def test_a_wrong_manifest_is_told(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "mooring-model.json").write_text(content)
    with pytest.raises(ModelError, match=message):
        load(tmp_path)


def test_a_pickle_is_never_loaded_unless_the_manifest_trusts_it(iris_model: Path, tmp_path: Path) -> None:
    import hashlib
    import pickle

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "executed",)

    shutil.copytree(iris_model, tmp_path / "m")
    data = pickle.dumps(Evil())
    (tmp_path / "m" / "model.pkl").write_bytes(data)
    path = tmp_path / "m" / "mooring-model.json"
    manifest = json.loads(path.read_text())
    manifest["files"]["model.pkl"] = hashlib.sha256(data).hexdigest()
    manifest["serve"] = "sklearn"
    manifest["forms"]["sklearn"] |= {"file": "model.pkl", "format": "pickle"}
    path.write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="a pickle that the manifest does not trust"):
        Predictor(tmp_path / "m")
    assert not (tmp_path / "executed").exists()


def test_serving_onnx_imports_no_scikit_learn(iris_model: Path) -> None:
    code = (
        "import sys; from serving.predictor import Predictor; import serving.app;"
        f"Predictor({str(iris_model)!r}).predict([[1, 2, 3, 4]]);"
        "print([name for name in ('sklearn', 'pandas', 'onnx', 'training', 'providers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=KIT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
