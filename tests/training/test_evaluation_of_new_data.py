"""`python -m training.evaluate`: a model on data that it was not trained on, predicted as it would be served."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sklearn.metrics import accuracy_score, log_loss
from training_support import IRIS

from training.__main__ import main as train
from training.evaluate import main

Evaluate = Callable[..., int]


@pytest.fixture(scope="module")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small classifier of iris."""
    return trained(tmp_path_factory.mktemp("iris"), IRIS, "--target", "species", "--estimator", "LogisticRegression")


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A regression with a column of texts."""
    folder = tmp_path_factory.mktemp("prices")
    rows = [f"{area}.5,{'new' if area % 3 else 'old'},{area * 3.1 + 1:.2f}" for area in range(40, 90)]
    (folder / "data.csv").write_text("area,kind,price\n" + "\n".join(rows) + "\n")
    return trained(folder, folder / "data.csv", "--target", "price", "--estimator", "LinearRegression")


def trained(folder: Path, data: Path, *arguments: str) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOORING_CHANNEL_TRAIN", str(data))
        patch.setenv("MOORING_MODEL_DIR", str(folder / "model"))
        assert train(list(arguments)) == 0
    return folder / "model"


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_metrics_predictions_and_report_are_written(iris: Path, tmp_path: Path) -> None:
    assert main([f"--model={iris}", f"--input={IRIS}", f"--output={tmp_path / 'out'}"]) == 0
    rows = table(tmp_path / "out" / "predictions.csv")
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    truth = [row["truth"] for row in rows]
    assert truth == [row["species"] for row in table(IRIS)]
    assert metrics["accuracy"] == pytest.approx(accuracy_score(truth, [row["prediction"] for row in rows]))
    labels = ["setosa", "versicolor", "virginica"]
    shares = [[float(row[f"probability_{label}"]) for label in labels] for row in rows]
    assert metrics["log_loss"] == pytest.approx(log_loss(truth, shares, labels=labels), abs=1e-6)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "150 rows of iris.csv" in page
    assert "In training" in page
    assert {"evaluation.json", "confusion_matrix.png", "roc.png"} <= {
        path.name for path in (tmp_path / "out").iterdir()
    }


def test_numbers_are_measured_by_slices_and_from_json_lines(prices: Path, tmp_path: Path) -> None:
    data = tmp_path / "new.jsonl"
    rows = [{"area": 50.0, "kind": "new", "asked": 156.0, "city": "Rome"}, {"area": 60, "kind": None, "asked": None},
            {"area": 70, "kind": "old", "asked": 300, "city": "Oslo"}]  # fmt: skip
    data.write_text("\n".join(json.dumps({"city": "", **row}) for row in rows) + "\n")
    out = tmp_path / "out"
    assert main([f"--model={prices}", f"--input={data}", f"--output={out}", "--target=asked", "--slices=city"]) == 0
    details = json.loads((out / "evaluation.json").read_text())
    assert (details["rows"], details["data"]["without_truth"]) == (2, 1)
    assert [(entry["value"], entry["rows"]) for entry in details["slices"]] == [("Oslo", 1), ("Rome", 1)]
    told = table(out / "predictions.csv")
    assert [row["row"] for row in told] == ["0", "2"]
    errors = [abs(float(row["prediction"]) - float(row["truth"])) for row in told]
    assert details["metrics"]["mae"] == pytest.approx(sum(errors) / 2)


def test_a_class_that_was_never_seen_counts_as_wrong(iris: Path, tmp_path: Path) -> None:
    lines = IRIS.read_text().splitlines()
    data = tmp_path / "new.csv"
    data.write_text("\n".join([*lines[:4], lines[4].rpartition(",")[0] + ",lily"]) + "\n")
    assert main([f"--model={iris}", f"--input={data}", f"--output={tmp_path / 'out'}"]) == 0
    details = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert details["metrics"]["accuracy"] == 0.75
    assert details["undefined"]["log_loss"] == "the model does not know the class 'lily'"


def test_a_column_without_any_class_of_the_model_is_not_its_truth(
    iris: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([f"--model={iris}", f"--input={IRIS}", f"--output={tmp_path / 'out'}", "--target=petal_width"]) == 1
    message = (
        "no value of the column 'petal_width' is a class of the model (setosa, versicolor, virginica), but such as"
    )
    assert message in capsys.readouterr().err


def test_a_declared_boolean_is_measured_as_training_read_it(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    rows = [f"{at / 40},{('TRUE', 'yes', 'FALSE', 'no')[at % 4]},{('False', 'TRUE')[at >= 20]}" for at in range(40)]
    data.write_text("x,flag,won\n" + "\n".join(rows) + "\n")
    schema = json.dumps({"flag": "boolean", "won": "boolean"})
    model = trained(tmp_path, data, "--target", "won", "--estimator", "LogisticRegression", "--schema", schema)
    assert main([f"--model={model}", f"--input={data}", f"--output={tmp_path / 'out'}"]) == 0
    told, held = table(tmp_path / "out" / "predictions.csv"), table(model / "evaluation" / "predictions.csv")
    assert {row["truth"] for row in told} == {"false", "true"}
    for row in held:
        share = float(told[int(row["row"])]["probability_true"])
        assert share == pytest.approx(float(row["probability_true"]), abs=1e-5)


def test_a_compressed_file_is_evaluated_under_its_own_name(iris: Path, tmp_path: Path) -> None:
    data = tmp_path / "new.csv.gz"
    data.write_bytes(gzip.compress(IRIS.read_bytes()))
    assert main([f"--model={iris}", f"--input={data}", f"--output={tmp_path / 'out'}"]) == 0
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text())["data"]["file"] == "new.csv.gz"


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ("area,kind\n1,new\n", [], "new.csv: the target column 'price' is not in the data"),
        ("area,kind,prize\n1,new,2\n", [], "the target column 'price' is not in the data (did you mean 'prize'?)"),
        ("aera,kind,price\n1,new,2\n", [], "column 'area' is missing from the header"),
        ("area,kind,price\n1,new,2\nbig,new,2\n", [], "line 3: column 'area': 'big' is not a number"),
        ("area,kind,price\n1,new,\n2,new,\n", [], "the column 'price' has no value in any row"),
        ("area,kind,price\n1,new,much\n", [], "row 0, column 'price': 'much' is not a number"),
        ("area,kind,price\n1,new,2\n", ["--slices=knd"], "--slices: column 'knd' is not in the data (did you mean 'k"),
    ],
)
def test_data_that_does_not_fit_is_one_clear_line(
    prices: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, arguments: list[str], message: str
) -> None:
    data = tmp_path / "new.csv"
    data.write_text(content)
    capsys.readouterr()
    assert main([f"--model={prices}", f"--input={data}", f"--output={tmp_path / 'out'}", *arguments]) == 1
    told = capsys.readouterr().err.strip().splitlines()
    assert len(told) == 1
    assert told[0].startswith("evaluation failed: ")
    assert message in told[0]
    assert not (tmp_path / "out").exists()
