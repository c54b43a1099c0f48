"""`python -m training` end to end: what it writes, that it writes the same twice, and how it refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from training_support import IRIS, RunTraining

from training.artifact.digest import tree_digest
from training.artifact.manifest import verify


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


def test_iris_gives_a_whole_artifact_and_metrics(run_training: RunTraining, tmp_path: Path) -> None:
    done = run_training(IRIS, "--target", "species", "--n_estimators", "20")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "model"
    manifest = verify(folder)
    assert manifest["task"] == "classification"
    assert manifest["serve"] == "onnx"
    assert manifest["estimator"] == "sklearn.ensemble.RandomForestClassifier"
    figures = {"calibration", "confusion_matrix", "importance", "precision_recall", "roc"}
    assert set(manifest["files"]) == {f"evaluation/{name}.png" for name in figures} | {
        "model.onnx",
        "model.skops",
        "signature.json",
        "metrics.json",
        "profile.json",
        "lineage.json",
        "model_card.md",
        "evaluation/predictions.csv",
        "evaluation/evaluation.json",
        "evaluation/metrics.json",
        "evaluation/report.html",
    }
    assert manifest["parity"]["rows"] == 150
    assert manifest["parity"]["labels_that_differ"] == 0
    assert tree_digest(folder) in last_line(done.stdout)
    metrics = json.loads((tmp_path / "model-metrics.json").read_text())
    assert metrics == json.loads((folder / "metrics.json").read_text())
    assert metrics["accuracy"] >= 0.8


def test_metrics_can_be_recomputed_from_the_predictions(train_here: RunTraining, tmp_path: Path) -> None:
    assert train_here(IRIS, "--target", "species", "--n_estimators", "10").returncode == 0
    with (tmp_path / "model" / "evaluation" / "predictions.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    with IRIS.open() as stream:
        truth = [row["species"] for row in csv.DictReader(stream)]
    assert all(row["truth"] == truth[int(row["row"])] for row in rows)
    metrics = json.loads((tmp_path / "model" / "metrics.json").read_text())
    assert metrics["accuracy"] == pytest.approx(sum(row["truth"] == row["prediction"] for row in rows) / len(rows))
    recalls = []
    for label in {row["truth"] for row in rows}:
        of_class = [row for row in rows if row["truth"] == label]
        recalls.append(sum(row["prediction"] == label for row in of_class) / len(of_class))
    assert metrics["recall_macro"] == pytest.approx(sum(recalls) / len(recalls))


def test_training_twice_gives_one_digest(run_training: RunTraining, tmp_path: Path) -> None:
    for number in ("1", "2"):
        done = run_training(
            IRIS,
            "--target",
            "species",
            "--n_estimators",
            "10",
            model=number,
            PYTHONHASHSEED=number,
            MOORING_JOB_ID=number,
        )
        assert done.returncode == 0, done.stderr
    first, second = (json.loads((tmp_path / name / "run.json").read_text()) for name in ("1", "2"))
    assert (first["run"], second["run"]) == ("1", "2")
    assert tree_digest(tmp_path / "1") == tree_digest(tmp_path / "2")


def test_another_seed_gives_another_digest(run_training: RunTraining, tmp_path: Path) -> None:
    for seed in ("1", "2"):
        assert (
            run_training(IRIS, "--target", "species", "--n_estimators", "5", "--seed", seed, model=seed).returncode == 0
        )
    assert tree_digest(tmp_path / "1") != tree_digest(tmp_path / "2")


def test_a_continuous_target_is_a_regression(train_here: RunTraining, tmp_path: Path) -> None:
    data = tmp_path / "houses.csv"
    random = np.random.default_rng(0)
    rows = [
        f"{area:.1f},{kind},{area * 3 + (50 if kind == 'new' else 0):.2f}"
        for area, kind in zip(random.uniform(30, 200, 120), random.choice(["new", "old", ""], 120), strict=True)
    ]
    data.write_text("area,kind,price\n" + "\n".join(rows) + "\n")
    done = train_here(data, "--target", "price", "--n_estimators", "30")
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "model-metrics.json").read_text())
    assert set(metrics) == {"mae", "median_ae", "mape", "rmse", "r2"}
    assert metrics["r2"] > 0.8
    signature = json.loads((tmp_path / "model" / "signature.json").read_text())
    assert [(column["name"], column["type"]) for column in signature["columns"]] == [
        ("area", "number"),
        ("kind", "string"),
    ]
    assert signature["columns"][1]["categories"] == ["new", "old"]
    assert verify(tmp_path / "model")["serve"] == "onnx"


@pytest.mark.parametrize(
    "estimator",
    [
        "sklearn.linear_model.LogisticRegression",
        "sklearn.svm.LinearSVC",
        "sklearn.neighbors.KNeighborsClassifier",
        "sklearn.ensemble.GradientBoostingClassifier",
        "sklearn.ensemble.HistGradientBoostingClassifier",
        "sklearn.naive_bayes.GaussianNB",
        "sklearn.neural_network.MLPClassifier",
    ],
)
def test_other_estimators_train_and_are_served_somehow(train_here: RunTraining, tmp_path: Path, estimator: str) -> None:
    done = train_here(IRIS, "--target", "species", "--estimator", estimator)
    assert done.returncode == 0, done.stderr
    manifest = verify(tmp_path / "model")
    assert manifest["serve"] == ("onnx" if manifest["parity"]["within_limit"] else "sklearn")
    assert json.loads((tmp_path / "model-metrics.json").read_text())["accuracy"] > 0.8


HEADER = "a,b,y\n"
ROWS = "".join(f"{number},{number % 7},{'x' if number % 2 else 'z'}\n" for number in range(20))


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (HEADER + ROWS, ["--target", "yy"], "the target column 'yy' is not in the data (did you mean 'y'?)"),
        (HEADER + ROWS, [], "--target is missing"),
        ("", ["--target", "y"], "the file is empty"),
        (HEADER, ["--target", "y"], "a header line but no rows"),
        ("y\n1\n2\n", ["--target", "y"], "no column but the target 'y'"),
        (HEADER + "1,2,x\n3,4,x\n", ["--target", "y"], "has one class only ('x')"),
        (HEADER + ROWS + "1,2,lone\n", ["--target", "y"], "classes with a single row ('lone')"),
        ("a,b,y\n" + "1,,x\n2,,z\n" * 5, ["--target", "y"], "column 'b' has no value in any row"),
        ("a,a,y\n1,2,x\n", ["--target", "y"], "duplicate column name 'a'"),
        (HEADER + ROWS + "oops,1,x\n", ["--target", "y"], "line 22, column 'a': 'oops' is not a number"),
        (HEADER + ROWS, ["--target", "y", "--n_estimators", "-5"], "n_estimators"),
        (HEADER + ROWS, ["--target", "y", "--n_estimator", "5"], "did you mean 'n_estimators'"),
        (HEADER + ROWS, ["--target", "y", "--estimator", "sklearn.linear_model.Ridge"], "but the target 'y' is text"),
        (HEADER + ROWS, ["--target", "y", "--test_size", "0.01"], "cannot be held out"),
        ("a,y\n" + "1,0.5\n2,0.7\n" * 5, ["--target", "y", "--estimator", "LogisticRegression"], "is continuous"),
        ("a,y\n" + "1,5\n2,5\n" * 5, ["--target", "y", "--task", "regression"], "is 5 in every row"),
        (HEADER + ROWS, ["--target", "y", "--drop", "a,bb"], "did you mean 'b'"),
    ],
)
def test_bad_input_is_one_clear_line(
    train_here: RunTraining, tmp_path: Path, content: str, arguments: list[str], message: str
) -> None:
    data = tmp_path / "data.csv"
    data.write_text(content)
    done = train_here(data, *arguments)
    assert done.returncode == 1
    assert last_line(done.stderr).startswith("training failed: ")
    assert message in last_line(done.stderr)
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "model" / "mooring-model.json").exists()


def test_an_output_folder_in_use_is_left_alone(train_here: RunTraining, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "kept").write_text("mine")
    done = train_here(IRIS, "--target", "species", "--n_estimators", "2")
    assert done.returncode == 1
    assert "the output folder is not empty (it holds kept)" in last_line(done.stderr)
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["kept"]


def test_missing_data_is_named(run_training: RunTraining, tmp_path: Path) -> None:
    done = run_training(tmp_path / "absent.csv", "--target", "y")
    assert done.returncode == 1
    assert "absent.csv: the training data does not exist" in last_line(done.stderr)
