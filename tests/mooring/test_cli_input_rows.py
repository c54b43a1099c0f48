"""Rows for `mooring predict`: the formats, and each wrong input as one clear error."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mooring.input_rows import read_placed, read_rows
from providers.errors import InvalidInput


def test_csv_cells_are_numbers_text_or_missing(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("a,b,c\n1,2.5,x\n-3,,nan\n\n1e3, 7 ,007\n")
    assert read_rows(file) == [
        {"a": 1, "b": 2.5, "c": "x"},
        {"a": -3, "b": None, "c": None},
        {"a": 1000.0, "b": 7, "c": 7},
    ]


def test_columns_that_the_model_takes_as_text_stay_text(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("zip,n\n007,1\n")
    assert read_rows(file, text_columns=["zip"]) == [{"zip": "007", "n": 1}]


def test_a_byte_order_mark_and_quoted_line_ends_are_no_trouble(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes('\ufeffa,b\r\n"x\ny",2\r\n'.encode())
    assert read_rows(file) == [{"a": "x\ny", "b": 2}]


@pytest.mark.parametrize(
    "text", ['[{"a": 1}, {"a": 2}]', '{"instances": [{"a": 1}, {"a": 2}]}'], ids=["list", "instances"]
)
def test_json_is_a_list_of_objects_or_instances(tmp_path: Path, text: str) -> None:
    file = tmp_path / "rows.json"
    file.write_text(text)
    assert read_rows(file) == [{"a": 1}, {"a": 2}]


def test_one_json_object_is_one_row(tmp_path: Path) -> None:
    file = tmp_path / "row.json"
    file.write_text('{"a": 1}')
    assert read_rows(file) == [{"a": 1}]


def test_jsonl_has_an_object_a_line_and_may_be_named_by_format(tmp_path: Path) -> None:
    file = tmp_path / "rows.txt"
    file.write_text('{"a": 1}\n\n{"a": 2}\n')
    assert read_rows(file, "jsonl") == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.csv", "a,b\n1\n", "line 2 has 1 cells, not 2"),
        ("a.csv", "a,a\n1,2\n", "line 1 must name every column once"),
        ("a.csv", "a,b\n", "no row"),
        ("a.csv", "", "no row"),
        ("a.csv", 'a\n"x', "not CSV"),
        ("a.json", "[1]", "row 1 is no object"),
        ("a.json", "{", "not JSON"),
        ("a.json", "3", "expected a list"),
        ("a.jsonl", '{"a": 1}\n{', "line 2 is not JSON"),
        ("a.parquet", "", "say which with --format"),
    ],
)
def test_a_wrong_file_is_one_clear_error(tmp_path: Path, name: str, text: str, expected: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(InvalidInput, match=expected):
        read_rows(file)


def test_a_missing_or_binary_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        read_rows(tmp_path / "none.csv")
    (tmp_path / "bin.csv").write_bytes(b"a\n\xff\xfe\n")
    with pytest.raises(InvalidInput, match="UTF-8"):
        read_rows(tmp_path / "bin.csv")


@given(st.text(max_size=200), st.sampled_from(["csv", "json", "jsonl"]))
def test_any_text_gives_rows_or_a_clear_error(tmp_path_factory: pytest.TempPathFactory, text: str, kind: str) -> None:
    file = tmp_path_factory.mktemp("any") / f"rows.{kind}"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        rows = read_rows(file)
    except InvalidInput:
        return
    json.dumps(rows)
    assert rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\n1,2\n", [{"a": 1, "b": 2}]),
        ('[{"a": 1}]', [{"a": 1}]),
        ('{"a": 1}\n', [{"a": 1}]),
        ('{\n  "a": 1\n}\n', [{"a": 1}]),
        ('{"a": 1}\n\n{"a": 2}\n', [{"a": 1}, {"a": 2}]),
    ],
)
def test_rows_from_stdin_are_told_by_how_they_begin(
    monkeypatch: pytest.MonkeyPatch, text: str, rows: list[dict[str, int]]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert read_rows(Path("-")) == rows


def test_a_refused_row_is_named_by_its_line_in_the_file(tmp_path: Path) -> None:
    from mooring.cli.commands.predict import in_file

    file = tmp_path / "rows.csv"
    file.write_text('a,b\n1,2\n\n3,"x\ny"\n4,5\n')
    rows = read_placed(file)
    assert in_file("the endpoint refused the rows: row 1: no", rows) == "the endpoint refused the rows: line 5: no"
    assert in_file("row 2: no", rows) == "line 6: no"
    assert in_file("row 7: no", rows) == "row 7: no"
    assert in_file("too large", rows) == "too large"


def test_rows_may_be_lists_in_the_models_order(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.write_text('[[1, 2.5], ["x", null]]')
    assert read_rows(file) == [[1, 2.5], ["x", None]]
    (tmp_path / "rows.jsonl").write_text('[1]\n{"a": 2}\n')
    assert read_rows(tmp_path / "rows.jsonl") == [[1], {"a": 2}]


def test_replies_to_many_rows_are_joined_where_they_have_an_entry_a_row() -> None:
    from mooring.cli.commands.predict import merged

    one = {"predictions": ["a"], "probabilities": [[1, 0]], "classes": ["a", "b"], "model_version": "1"}
    two = {"predictions": ["b"], "probabilities": [[0, 1]], "classes": ["a", "b"], "model_version": "2"}
    assert merged([one, two, two]) == {
        "predictions": ["a", "b", "b"],
        "probabilities": [[1, 0], [0, 1], [0, 1]],
        "classes": ["a", "b"],
        "model_version": ["1", "2"],
    }


def test_cells_between_semicolons_or_tabs_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('a;b\n1;"x, y"\n')
    assert read_rows(tmp_path / "rows.csv") == [{"a": 1, "b": "x, y"}]
    (tmp_path / "rows.csv").write_text("a;1,b\n1,x;y\n")
    assert read_rows(tmp_path / "rows.csv") == [{"a;1": 1, "b": "x;y"}]
