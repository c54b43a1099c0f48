"""Batch predictions: every row in its place, bad ones counted and told, whatever the file's size."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from serving_support import IRIS, KIT, ROW

from serving.batch import CHUNK, run
from serving.errors import RequestError
from serving.predictor import Predictor


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_csv_keeps_its_columns_and_order_and_gains_predictions(
    iris_model: Path, iris: Predictor, tmp_path: Path
) -> None:
    assert run(iris_model, IRIS, tmp_path / "out") == {"rows": 150, "failed_rows": 0}
    given, written = table(IRIS), table(tmp_path / "out" / "predictions.csv")
    assert [{name: row[name] for name in given[0]} for row in written] == given
    rows = [[float(row[name]) if row[name] else None for name in iris.encoder.names] for row in given]
    offline = iris.predict(rows)
    assert [row["prediction"] for row in written] == list(offline.values)
    assert offline.probabilities is not None
    assert [float(row["probability_setosa"]) for row in written] == pytest.approx(offline.probabilities[:, 0].tolist())
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == {"rows": 150, "failed_rows": 0}
    assert table(tmp_path / "out" / "errors.csv") == []


def test_another_delimiter_is_told_from_the_header(iris_model: Path, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text(IRIS.read_text().replace(",", ";"))
    assert run(iris_model, tmp_path / "d.csv", tmp_path / "out") == {"rows": 150, "failed_rows": 0}


def test_bad_rows_are_counted_told_and_leave_their_line_empty(iris_model: Path, tmp_path: Path) -> None:
    lines = [
        "sepal_length,sepal_width,petal_length,petal_width",
        "5.1,3.5,1.4,0.2",
        "x,3.5,1.4,0.2",
        "1,2,3",
        "1e39,1,1,1",
    ]
    (tmp_path / "d.csv").write_bytes("\n".join([*lines, "6.7,3.1,5.6,2.4"]).encode() + b"\n1,2,3,\xff\n")
    assert run(iris_model, tmp_path / "d.csv", tmp_path / "out") == {"rows": 6, "failed_rows": 4}
    predicted = [row["prediction"] for row in table(tmp_path / "out" / "predictions.csv")]
    assert predicted == ["setosa", "", "", "", "virginica", ""]
    errors = {int(row["row"]): row["error"] for row in table(tmp_path / "out" / "errors.csv")}
    assert list(errors) == [1, 2, 3, 5]
    assert errors[1] == "column 'sepal_length': 'x' is not a number"
    assert errors[2] == "3 fields, but the header names 4"
    assert "out of range" in errors[3]
    assert errors[5] == "not UTF-8"


def test_more_rows_than_a_chunk_stay_in_order(iris_model: Path, tmp_path: Path) -> None:
    count = 2 * CHUNK + 7
    rows = "".join(f"{at},5.1,3.5,1.4,{'bad' if at == CHUNK else 0.2}\n" for at in range(count))
    (tmp_path / "d.csv").write_text("id,sepal_length,sepal_width,petal_length,petal_width\n" + rows)
    assert run(iris_model, tmp_path / "d.csv", tmp_path / "out") == {"rows": count, "failed_rows": 1}
    written = table(tmp_path / "out" / "predictions.csv")
    assert [int(row["id"]) for row in written] == list(range(count))
    assert [at for at, row in enumerate(written) if row["prediction"] != "setosa"] == [CHUNK]


def test_json_lines_are_taken(iris_model: Path, tmp_path: Path) -> None:
    lines = [json.dumps({**ROW, "id": "a"}), json.dumps(list(ROW.values())), "{", json.dumps({"sepal_length": 1}), "5"]
    (tmp_path / "d.jsonl").write_text("\n".join([*lines, json.dumps({**ROW, "sepal_width": None})]))
    assert run(iris_model, tmp_path / "d.jsonl", tmp_path / "out") == {"rows": 6, "failed_rows": 3}
    written = table(tmp_path / "out" / "predictions.csv")
    assert list(written[0])[:6] == [*ROW, "id", "prediction"]
    assert [row["prediction"] for row in written] == ["setosa", "setosa", "", "", "", "setosa"]
    errors = [row["error"] for row in table(tmp_path / "out" / "errors.csv")]
    assert errors[1] == "column 'sepal_width' is missing"


def test_numbers_and_texts_are_predicted_from_a_folder(mixed_model: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "d.csv").write_text("kind,area,prediction\nnew,30,mine\n,40,mine\n")
    assert run(mixed_model, tmp_path / "in", tmp_path / "out")["failed_rows"] == 0
    written = table(tmp_path / "out" / "predictions.csv")
    assert list(written[0]) == ["kind", "area", "prediction", "model_prediction"]
    assert all(float(row["model_prediction"]) > 0 for row in written)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.csv", "", "the input file is empty"),
        ("d.csv", "sepal_length,sepal_width,petal_length\n", r"column 'petal_width' is missing from the header"),
        ("d.csv", "sepal_length,sepal_width,petal_length,petal_width\n", "no rows"),
        ("d.jsonl", "\n", "the input file is empty"),
        ("d.parquet", "PAR1", "'.parquet' is not supported"),
    ],
)
def test_a_file_that_no_row_can_mend_is_refused(
    iris_model: Path, tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(RequestError, match=message):
        run(iris_model, tmp_path / name, tmp_path / "out")


def test_the_command_fails_with_one_line(iris_model: Path, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("sepal_length,sepal_width,petal_length,petal_width\nx,1,1,1\n")
    command = [
        sys.executable,
        "-m",
        "serving.batch",
        "--model",
        str(iris_model),
        "--output",
        str(tmp_path / "out"),
        "--input",
    ]
    for path, message in (
        (tmp_path / "absent.csv", "no such file"),
        (tmp_path / "d.csv", "none of 1 rows could be predicted"),
    ):
        done = subprocess.run([*command, str(path)], cwd=KIT, capture_output=True, text=True, timeout=60)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
        assert message in done.stderr
