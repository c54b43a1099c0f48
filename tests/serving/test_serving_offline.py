"""Offline predictions: every row of a file, or the reason why not."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import polars
import pytest
from PIL import Image

from serving.cells import Column, checked
from serving.errors import RequestError
from serving.offline import main
from serving.offline_pictures import arrays, pictures
from serving.offline_rows import input_format, read
from training.package import package

KIT = Path(__file__).resolve().parents[2]
HEAD = "sepal_length,sepal_width,petal_length,petal_width"
PICTURE = Column("image", "image", False, shape=(2, 2), dtype="uint8")


@pytest.fixture(scope="module")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "iris"
    package(KIT / "examples/onnx-file/iris.onnx", folder)
    return folder


def predict(iris: Path, source: Path, output: Path, *more: str) -> int:
    return main(["--model", str(iris), "--input", str(source), "--output", str(output), *more])


def test_more_rows_than_a_chunk_are_predicted_in_order(iris: Path, tmp_path: Path) -> None:
    lines = ["5.1,3.5,1.4,0.2,a", "6.3,3.3,6.0,2.5,b"] * 2100
    (tmp_path / "rows.csv").write_text("\n".join([f"{HEAD},id", *lines]) + "\n")
    assert predict(iris, tmp_path / "rows.csv", tmp_path / "out.jsonl") == 0
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["prediction"] for row in rows] == ["setosa", "virginica"] * 2100
    assert rows[1] == {
        "sepal_length": 6.3, "sepal_width": 3.3, "petal_length": 6.0, "petal_width": 2.5, "id": "b",
        "prediction": "virginica",
    }  # fmt: skip


def test_bad_rows_of_all_chunks_are_counted_and_the_first_five_named(
    iris: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["5.1,3.5,1.4,0.2"] * 5000
    for at in (0, 1, 2500, 2501, 4000, 4001, 4999):
        lines[at] = "5.1,,1.4,0.2"
    (tmp_path / "rows.csv").write_text("\n".join([HEAD, *lines]) + "\n")
    assert predict(iris, tmp_path / "rows.csv", tmp_path / "out.csv") == 1
    said = capsys.readouterr().err
    assert [f"line {line}: column 'sepal_width' has no value" in said for line in (2, 3, 2502, 2503, 4002)] == [
        True
    ] * 5
    assert said.endswith(" (and 2 more rows)\n")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", "[5.1, 3.5, 1.4]\n", "line 1: an object with the model's columns is expected, or a list of 4"),
        ("a.jsonl", "{\n", "line 1: not JSON"),
        ("a.json", '{"a": 1}', "row 1: column 'sepal_length' is missing"),
        ("a.json", "7", "a list of objects is expected"),
        ("a.parquet", "PAR1", "not a Parquet file, or a damaged one"),
        ("a.npz", "PK", "not arrays as numpy.savez writes them"),
        ("a.csv", f'{HEAD}\n1,2,"3,4\n', "is not CSV"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_place(
    iris: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    assert predict(iris, tmp_path / name, tmp_path / "out.csv") == 1
    said = capsys.readouterr().err
    assert said.startswith("prediction failed: ")
    assert message in said
    assert not (tmp_path / "out.csv").exists()


def test_arrays_give_a_row_each_and_what_is_no_picture_is_copied(tmp_path: Path) -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    np.savez(tmp_path / "a.npz", images=pixels, labels=np.array([4, 5, 6]))
    rows = list(arrays(tmp_path / "a.npz", [PICTURE]))
    assert rows[1] == ("row 2", {"label": 5}, [[[4, 5], [6, 7]]])
    with pytest.raises(RequestError, match=r"a\.npz: array 'picture' is missing \(one of: image, label\)"):
        list(arrays(tmp_path / "a.npz", [Column("picture", "image", False)]))


def test_a_folder_of_pictures_is_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b/2.png", "a/1.png"):
        (tmp_path / name).parent.mkdir()
        Image.fromarray(np.full((2, 2), 7, dtype=np.uint8)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("x")
    assert input_format(tmp_path) == input_format(tmp_path / "a/1.png") == "pictures"
    found = list(pictures(tmp_path, [PICTURE]))
    assert [(place, given) for place, given, _ in found] == [
        ("a/1.png", {"file": "a/1.png"}),
        ("b/2.png", {"file": "b/2.png"}),
    ]
    assert base64.b64decode(found[0][2][0]) == (tmp_path / "a/1.png").read_bytes()
    with pytest.raises(RequestError, match="a picture alone, and the model takes the columns x, y"):
        list(pictures(tmp_path, [Column("x", "number", False), Column("y", "number", False)]))


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_file_with_another_delimiter_is_predicted_as_training_reads_it(
    iris: Path, tmp_path: Path, delimiter: str
) -> None:
    text = f"\ufeff{HEAD},note\n5.1,3.5,1.4,0.2,x\n6.3,3.3,6.0,2.5,y\n".replace(",", delimiter)
    (tmp_path / "rows.csv").write_text(text.replace("x", '"a, b"'), encoding="utf-8")
    assert predict(iris, tmp_path / "rows.csv", tmp_path / "out.jsonl") == 0
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(row["note"], row["prediction"]) for row in rows] == [("a, b", "setosa"), ("y", "virginica")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"{HEAD}\n1,2,3,4\n".encode("utf-16"), "rows.csv: the file is UTF-16; save it as UTF-8"),
        (f'{HEAD}\n1,2,3,"4\n'.encode(), "line 2 is not CSV: a quote is opened that is not closed before the end"),
    ],
)
def test_a_file_that_is_no_csv_in_utf8_is_told_as_such(
    iris: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, message: str
) -> None:
    (tmp_path / "rows.csv").write_bytes(content)
    assert predict(iris, tmp_path / "rows.csv", tmp_path / "out.csv") == 1
    assert message in capsys.readouterr().err


def test_numbers_in_a_column_of_categories_are_the_texts_that_training_read(tmp_path: Path) -> None:
    rows = [{"grade": 3}, {"grade": 4.0}, {"grade": -0.5}, {"grade": None}]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    polars.DataFrame(rows, infer_schema_length=None).write_parquet(tmp_path / "rows.parquet")
    for name in ("rows.jsonl", "rows.parquet"):
        found = read(tmp_path / name, name[5:], [Column("grade", "string", True)])
        assert [row.values for row in found] == [["3"], ["4"], ["-0.5"], [None]]


def test_a_folder_of_tables_is_told_to_be_no_table(
    iris: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "1.csv").write_text(f"{HEAD}\n1,2,3,4\n")
    assert predict(iris, tmp_path / "parts", tmp_path / "out.csv") == 1
    assert "parts: a folder without a picture; a table is one file" in capsys.readouterr().err


def test_truths_are_read_as_training_reads_a_declared_boolean() -> None:
    declared = Column.parse({"name": "ok", "type": "string", "nullable": True, "categories": ["false", "true"]})
    values = ["TRUE", "True", "yes", "1", True, "N", "0", "maybe", ""]
    expected = ["true"] * 5 + ["false"] * 2 + ["maybe", ""]
    assert [checked(0, declared, value) for value in values] == expected
    as_written = Column.parse({"name": "ok", "type": "string", "nullable": True, "categories": ["False", "True"]})
    assert [checked(0, as_written, value) for value in ("TRUE", False, "1")] == ["True", "False", "1"]
