"""`mooring predict --model`, `inspect` and `package`: models without a stack."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import joblib
import pytest
from local_models import FAST, IRIS, KIT, Run, left_beside, runner
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression

from mooring.cli import exits, main
from training.artifact.digest import tree_digest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]
NEW_ROWS = KIT / "data" / "new_rows.csv"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def iris(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained model, not to be changed."""
    folder = tmp_path_factory.mktemp("trained") / "iris"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOORING_HOME", str(home))
        assert main(["train", "--data", str(IRIS), "--target", "species", *FAST, "--output", str(folder)]) == exits.OK
    return folder


@pytest.fixture
def run(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("MOORING_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return runner(capfd)


def test_a_models_folder_predicts_one_line_a_row(run: Run, iris: Path) -> None:
    ran = run("predict", "--model", iris, "--input", NEW_ROWS)
    assert ran.out.split() == ["setosa", "versicolor", "virginica", "setosa", "versicolor"]


def test_json_has_predictions_and_shares_in_the_order_of_the_classes(run: Run, iris: Path) -> None:
    told = run("predict", "--model", iris, "--input", NEW_ROWS, "--probabilities", "--json").json()
    assert (told["rows"], told["digest"]) == (5, tree_digest(iris))
    for label, shares in zip(told["predictions"], told["probabilities"], strict=True):
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        assert told["classes"][shares.index(max(shares))] == label


def test_every_format_gives_the_same_predictions_and_numbers_stay_numbers(run: Run, iris: Path, tmp_path: Path) -> None:
    expected = run("predict", "--model", iris, "--input", IRIS).out.split()
    source: Path = IRIS
    for name in ("a.jsonl", "b.parquet", "c.json", "d.csv"):
        run("predict", "--model", iris, "--input", source, "--output", name)
        source = tmp_path / name
    with source.open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["prediction"] for row in rows] == expected
    assert [row["model_prediction"] for row in rows] == expected
    first = json.loads((tmp_path / "a.jsonl").read_text().splitlines()[0])
    assert isinstance(first["sepal_length"], float)
    assert left_beside(tmp_path / "a.jsonl") == []


def test_a_compressed_file_is_predicted_and_a_damaged_one_is_one_line(run: Run, iris: Path, tmp_path: Path) -> None:
    packed = tmp_path / "rows.csv.gz"
    packed.write_bytes(gzip.compress(NEW_ROWS.read_bytes()))
    assert run("predict", "--model", iris, "--input", packed).out.split()[:2] == ["setosa", "versicolor"]
    packed.write_bytes(packed.read_bytes()[:-12])
    told = run("predict", "--model", iris, "--input", packed, expect=exits.FAILED).err
    assert "rows.csv.gz: the file ends in the middle" in told


def test_a_csv_output_has_the_rows_as_they_were_and_a_share_a_class(run: Run, iris: Path, tmp_path: Path) -> None:
    run("predict", "--model", iris, "--input", NEW_ROWS, "--output", "out.csv", "--probabilities")
    with (tmp_path / "out.csv").open() as out, NEW_ROWS.open() as given:
        rows, before = list(csv.DictReader(out)), list(csv.DictReader(given))
    assert [{name: row[name] for name in before[0]} for row in rows] == before
    assert [name for name in rows[0] if name not in before[0]] == [
        "prediction", "probability_setosa", "probability_versicolor", "probability_virginica",
    ]  # fmt: skip


def test_wrong_rows_are_all_named_by_their_lines_and_nothing_is_written(run: Run, iris: Path, tmp_path: Path) -> None:
    text = "sepal_length,sepal_width,petal_length,petal_width\n5,3,1,0.2\n5,x,1,0.2\n5,3,1,0.2\n5,3,1\n"
    (tmp_path / "rows.csv").write_text(text)
    ran = run("predict", "--model", iris, "--input", "rows.csv", "--output", "out.csv", expect=exits.FAILED)
    assert "line 3: column 'sepal_width': 'x' is not a number" in ran.err
    assert "line 5: 3 fields, but the header names 4" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


WRONG_INPUT = [
    (
        "sepal_lenght,sepal_width,petal_length,petal_width\n1,2,3,4\n",
        "column 'sepal_length' is missing from the header",
    ),
    ("", "empty"),
    ("sepal_length,sepal_width,petal_length,petal_width\n", "there is no row in it"),
]


@pytest.mark.parametrize(("text", "message"), WRONG_INPUT, ids=["column", "empty", "no row"])
def test_an_input_that_does_not_fit_is_one_clear_error(
    run: Run, iris: Path, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "rows.csv").write_text(text)
    assert message in run("predict", "--model", iris, "--input", "rows.csv", expect=exits.FAILED).err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--input", "rows.xml"), exits.FAILED, "'.xml' is none of .csv"),
        (("--input", NEW_ROWS, "--format", "cvs"), exits.FAILED, "there is no format 'cvs' (did you mean 'csv'?)"),
        (("--input", "gone.csv"), exits.FAILED, "--input gone.csv: no such file or folder"),
        (("--input", NEW_ROWS, "--stack", "local"), exits.USAGE, "without --stack"),
    ],
)
def test_wrong_words_for_a_prediction(
    run: Run, iris: Path, tmp_path: Path, words: tuple[Any, ...], code: int, message: str
) -> None:
    (tmp_path / "rows.xml").write_text("<a/>")
    assert message in run("predict", "--model", iris, *words, expect=code).err


def test_inspect_shows_the_whole_model_and_loads_no_package_of_it(run: Run, iris: Path) -> None:
    before = set(sys.modules)
    page = run("inspect", iris).out
    told = run("inspect", iris, "--json").json()
    assert not {"onnxruntime", "skops", "polars"} & (set(sys.modules) - before)
    assert told["digest"] == tree_digest(iris)
    assert told["signature"]["prediction"]["classes"] == ["setosa", "versicolor", "virginica"]
    assert told["lineage"]["data"]["digest"].startswith("sha256:")
    assert told["card"] == (iris / "model_card.md").read_text() == run("inspect", iris, "--card").out
    sizes = {file["name"]: file["bytes"] for file in told["files"]}
    assert sizes == {str(path.relative_to(iris)): path.stat().st_size for path in iris.rglob("*") if path.is_file()}
    assert "LogisticRegression" in page
    assert "petal_width   number  may be missing  0.1 to 2.5" in page


def test_a_changed_or_newer_model_is_refused_by_every_command(run: Run, iris: Path, tmp_path: Path) -> None:
    shutil.copytree(iris, tmp_path / "changed")
    (tmp_path / "changed/metrics.json").write_text('{"accuracy": 1.0}\n')
    shutil.copytree(iris, tmp_path / "newer")
    manifest = json.loads((iris / "mooring-model.json").read_text())
    (tmp_path / "newer/mooring-model.json").write_text(json.dumps(manifest | {"format": 99}))
    for words in (("inspect",), ("predict", "--input", NEW_ROWS, "--model")):
        assert "metrics.json: its SHA-256 is not the one in" in run(*words, "changed", expect=exits.FAILED).err
        assert "format 99 is newer than this version reads" in run(*words, "newer", expect=exits.FAILED).err


def test_inspect_of_what_is_no_model_says_what_would_be(run: Run, tmp_path: Path) -> None:
    (tmp_path / "m.joblib").write_bytes(b"x")
    assert "`mooring package m.joblib` makes one" in run("inspect", "m.joblib", expect=exits.FAILED).err
    assert "a model of a stack is shown with --stack" in run("inspect", "gone", expect=exits.FAILED).err


def test_a_joblib_file_is_packaged_when_trusted_and_predicts_as_scikit_learn_did(run: Run, tmp_path: Path) -> None:
    features, target = load_iris(return_X_y=True, as_frame=True)
    model = LogisticRegression(max_iter=500).fit(features.to_numpy(), target)
    joblib.dump(model, tmp_path / "model.joblib")
    assert "pass --trust" in run("package", "model.joblib", "--output", "m", expect=exits.FAILED).err
    assert not (tmp_path / "m").exists()
    told = run("package", "model.joblib", "--trust", "--columns", "a,b,c,d", "--output", "m", "--json").json()
    assert told["digest"] == tree_digest(tmp_path / "m")
    features.set_axis(list("abcd"), axis=1).to_json(tmp_path / "rows.jsonl", orient="records", lines=True)
    said = run("predict", "--model", "m", "--input", "rows.jsonl").out.split()
    assert said == [str(label) for label in model.predict(features.to_numpy())]


def test_an_xgboost_file_is_packaged_without_trust_and_predicts_as_xgboost_did(run: Run, tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    data = load_diabetes(as_frame=True)
    model = xgboost.XGBRegressor(n_estimators=10).fit(data.data, data.target)
    model.save_model(tmp_path / "model.json")
    told = run("package", "model.json", "--output", "m", "--json").json()
    assert [column["name"] for column in told["signature"]["columns"]] == list(data.data.columns)
    data.data.to_csv(tmp_path / "rows.csv", index=False)
    said = run("predict", "--model", "m", "--input", "rows.csv", "--json").json()["predictions"]
    assert said == pytest.approx(model.predict(data.data).tolist(), rel=1e-4)


@pytest.mark.parametrize(
    ("name", "content", "words", "message"),
    [
        ("m.onnx", b"no", (), "m.onnx: not an ONNX model, or a truncated one"),
        ("m.bin", b"??", (), "its format cannot be told"),
        ("m.onnx", b"no", ("--format", "onxx"), "there is no format 'onxx' (did you mean 'onnx'?)"),
    ],
)
def test_what_cannot_be_packaged_is_one_line(
    run: Run, tmp_path: Path, name: str, content: bytes, words: tuple[str, ...], message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    ran = run("package", name, "--output", "m", *words, expect=exits.FAILED)
    assert message in ran.err
    assert ran.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_evaluate_compares_other_rows_with_those_held_out_and_writes_its_files(
    run: Run, iris: Path, tmp_path: Path
) -> None:
    lines = IRIS.read_text().splitlines()
    (tmp_path / "later.csv").write_text("\n".join([lines[0], *lines[100:]]) + "\n")
    told = run("evaluate", "--model", iris, "--input", "later.csv", "--output", "found", "--json").json()
    predicted = run("predict", "--model", iris, "--input", "later.csv").out.split()
    truth = [line.rpartition(",")[2] for line in lines[100:]]
    right = sum(one == other for one, other in zip(predicted, truth, strict=True))
    assert told["metrics"]["accuracy"] == pytest.approx(right / len(truth))
    assert {"metrics.json", "predictions.csv", "report.html"} <= set(told["files"])
    assert json.loads((tmp_path / "found/metrics.json").read_text()) == told["metrics"]
    refused = run("evaluate", "--model", iris, "--input", NEW_ROWS, expect=exits.FAILED).err
    assert "the target column 'species' is not in the data" in refused
