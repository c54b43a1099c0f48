"""CSV files become typed columns; every fault is told with its line or its column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.data.read import read
from training.data.schema import ReadOptions
from training.errors import TrainingError


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "data.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_types_are_told_from_the_values(tmp_path: Path) -> None:
    table = read(write(tmp_path, "n,t,i\n1.5,red,1\n,NA,2\n-2e3,blue,nan\n"))
    assert [(column.name, column.kind) for column in table.columns] == [
        ("n", "number"),
        ("t", "string"),
        ("i", "number"),
    ]
    np.testing.assert_array_equal(table.column("n").values, [1.5, np.nan, -2000.0])
    assert table.column("t").values.tolist() == ["red", "", "blue"]
    assert table.column("t").missing.tolist() == [False, True, False]


def test_quotes_crlf_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    table = read(write(tmp_path, b'\xef\xbb\xbfa,b\r\n1,"x, ""y"""\r\n2,z\r\n'))
    assert table.names == ["a", "b"]
    assert table.column("b").values.tolist() == ['x, "y"', "z"]


def test_mixed_line_ends_and_blank_lines_are_read(tmp_path: Path) -> None:
    table = read(write(tmp_path, "a,b\n1,2\r\n\n3,4\r5,6"))
    assert table.column("a").values.tolist() == [1, 3, 5]


def test_columns_can_be_dropped_and_declared_text(tmp_path: Path) -> None:
    table = read(write(tmp_path, "id,zip,y\n1,123,a\n2,456,b\n"), ReadOptions(categorical=["zip"], drop=["id"]))
    assert [(column.name, column.kind) for column in table.columns] == [("zip", "string"), ("y", "string")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "data.csv: the file is empty"),
        (b"a,b\n", "a header line but no rows"),
        (b"a,b\n1,2\n3\n", "line 3: 1 fields, but the header names 2"),
        (b"a,b,a\n1,2,3\n", "duplicate column name 'a' (columns 1 and 3)"),
        (b"a,,c\n1,2,3\n", "line 1: column 2 has no name"),
        (b"a,b\n1,x\n2,caf\xe9\n", "line 3: byte 0xe9 is not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "the file is UTF-16; save it as UTF-8"),
        (b"a,b\n1,\n2,\n", "column 'b' has no value in any row"),
        (b"a,b\n1,x\n2,inf\n", None),
        (b"a,b\n1,1\n2,inf\n", "line 3, column 'b': an infinite number"),
        (b"a\x00,b\n1,2\n", "line 1: a zero byte"),
        (b'a,b\n1,"2\n', "a quote is opened that is not closed"),
    ],
)
def test_faults_are_named(tmp_path: Path, content: bytes, message: str | None) -> None:
    path = write(tmp_path, content)
    if message is None:
        assert read(path).column("b").kind == "string"
        return
    with pytest.raises(TrainingError) as caught:
        read(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_text_among_numbers_is_an_error_that_names_line_and_remedy(tmp_path: Path) -> None:
    rows = "".join(f"{number},{number}\n" for number in range(30))
    with pytest.raises(TrainingError) as caught:
        read(write(tmp_path, f"a,b\n{rows}30,abc\n"))
    assert "line 32, column 'b': 'abc' is not a number, but 30 of 31 values are" in str(caught.value)
    assert "--categorical b" in str(caught.value)


def test_a_misspelt_drop_suggests_the_column(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"--drop names 'pric', no such column \(did you mean 'price'"):
        read(write(tmp_path, "price,b\n1,2\n"), ReadOptions(drop=["pric"]))
