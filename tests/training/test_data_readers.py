"""Small and large files are read to the very same tables, profiles and errors, in each format and in parts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from training.data import parts, profile, sampling, structure
from training.data import read as reading
from training.data.describe import describe
from training.data.schema import ReadOptions, Type, parse_schema
from training.data.table import Table
from training.errors import TrainingError

ROWS = 300


def content() -> str:
    """A CSV with everything in it: kinds, missing values, quotes, blanks, odd line ends."""
    lines = ["id,price, mixed ,city,flag,day,moment,story"]
    for row in range(ROWS):
        price = ["NA", f" {row / 8} ", f"-{row}e-2", "", "nAn", f"+{row}."][row % 6]
        city = ['"Paris, ""FR"""', "Rome", " None ", "a\u00a0b", '"two\nlines"'][row % 5]
        moment = ["2024-05-31T18:30:00+02:00", "2024-05-31 01:02", "2024-05-31T18:30:00.25Z"][row % 3]
        story = f"the {row} quick brown foxes jump over number {row * 7}"
        end = "\r\n" if row % 7 else "\n"
        mixed, day = "x" if row % 2 else row, f"2024-01-{row % 28 + 1:02d}"
        lines.append(f"{row},{price},{mixed},{city},{row % 2 == 0},{day},{moment},{story}{end}".rstrip("\n"))
    return "\n".join(lines) + "\n"


def read_both(path: Path, monkeypatch: pytest.MonkeyPatch, options: ReadOptions | None = None) -> tuple[Table, Table]:
    """The table by the small reader and by the large one."""
    small = reading.read(path, options)
    monkeypatch.setattr(reading, "SMALL", 0)
    return small, reading.read(path, options)


def assert_same(first: Table, second: Table) -> None:
    """The same names, kinds and values."""
    assert [(c.name, c.kind) for c in first.columns] == [(c.name, c.kind) for c in second.columns]
    for one, other in zip(first.columns, second.columns, strict=True):
        assert one.values.dtype == other.values.dtype
        np.testing.assert_array_equal(one.values, other.values, err_msg=one.name)
    np.testing.assert_array_equal(first.row_numbers, second.row_numbers)


@pytest.mark.parametrize("refine", [True, False])
def test_both_readers_read_the_same_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refine: bool) -> None:
    path = tmp_path / "all.csv"
    path.write_bytes(content().encode())
    small, large = read_both(path, monkeypatch, ReadOptions(refine=refine))
    assert_same(small, large)
    kinds = ["number", "number", "string", "string", "string"]
    assert [c.kind for c in small.columns] == kinds + (["date", "date", "text"] if refine else ["string"] * 3)
    assert small.column("city").values[:5].tolist() == ['Paris, "FR"', "Rome", "", "a\u00a0b", "two\nlines"]
    if refine:
        assert small.column("moment").values[0] == np.datetime64("2024-05-31T16:30:00")


DECLARED: dict[str, Type] = {"id": "integer", "price": "number", "city": "text", "flag": "boolean", "day": "date"}


def test_both_readers_take_a_declared_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "all.csv"
    path.write_bytes(content().encode())
    small, large = read_both(path, monkeypatch, ReadOptions(schema=DECLARED, drop=["story"], categorical=["id"]))
    assert_same(small, large)
    assert small.column("city").kind == "text"
    assert set(small.column("flag").values) == {"true", "false"}


FAULTS = [
    (b"a,b\n1,2\n3\n", {}, "d.csv, line 3: 1 fields, but the header names 2"),
    (b"a,b\n1,2\n3,4,5\n", {}, "d.csv, line 3: 3 fields, but the header names 2"),
    (b"a,b\n1,2\n\n3,4,5\n", {}, "d.csv, line 4: 3 fields, but the header names 2"),
    (b"a,b,a\n1,2,3\n", {}, "line 1: duplicate column name 'a' (columns 1 and 3)"),
    (b"a,,c\n1,2,3\n", {}, "line 1: column 2 has no name"),
    (b"a,b\n1,x\n2,caf\xe9\n", {}, "d.csv, line 3: byte 0xe9 is not UTF-8"),
    (b"a,b\n1,\n2,\n", {}, "column 'b' has no value in any row"),
    (b"a,b\n1,1\n2,inf\n", {}, "d.csv, line 3, column 'b': an infinite number"),
    (b"a,b\n1,1\n2,\0\n", {}, "d.csv, line 3: a zero byte"),
    (b'a,b\n1,"2\n', {}, "a quote is opened that is not closed"),
    (b'a,b\n1,"2"3\n', {}, "d.csv, line 2: ',' expected after '\"'"),
    (b"a,b\n", {}, "a header line but no rows"),
    (
        b"b\n" + b"1\n" * 20 + b"x\n" + b"1\n",
        {},
        "d.csv, line 22, column 'b': 'x' is not a number, but 21 of 22 values",
    ),
    (b'a,b\n"1\n",2\n3,x\n', {"b": "number"}, "d.csv, line 4, column 'b': 'x' is not a number, which the schema"),
    (b"a,b\n1,2\n3,4.5\n", {"b": "integer"}, "d.csv, line 3, column 'b': '4.5' is not a whole number"),
    (b"a,b\n1,yes\n3,perhaps\n", {"b": "boolean"}, "line 3, column 'b': 'perhaps' is not true or false"),
    (b"a,b\n1,2024-02-29\n3,2023-02-29\n", {"b": "date"}, "line 3, column 'b': '2023-02-29' is not a date"),
    (b"a,b\n1,2\n", {"c": "date"}, "there is no column 'c', which the schema declares (date)"),
]


@pytest.mark.parametrize("small", [1 << 20, 0])
@pytest.mark.parametrize(("data", "schema", "message"), FAULTS)
def test_both_readers_name_the_same_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, schema: dict[str, Type], message: str, small: int
) -> None:
    monkeypatch.setattr(reading, "SMALL", small)
    (tmp_path / "d.csv").write_bytes(data)
    with pytest.raises(TrainingError) as caught:
        reading.read(tmp_path / "d.csv", ReadOptions(schema=schema))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"a,b\n1,2\n\n3,4\n",
        b"a,b\n1,2\r\r\n3,4",
        b"a,b\r1,2\r3,4\r",
        b"a,b\n1,2\n3,4\n\n\n",
        b'a,b\n1,2\n 3,"4"\n',
    ],
)
def test_what_is_irregular_and_still_well_formed_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    (tmp_path / "d.csv").write_bytes(data)
    small, large = read_both(tmp_path / "d.csv", monkeypatch)
    assert_same(small, large)
    assert small.column("b").values.tolist() == [2, 4]


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize(
    ("data", "regular"),
    [
        (b"1,2\r\n3,4\n5,6", True),
        (b'"a\n,",2\n"""",4\n', True),
        (b"1,2\n3\n", False),
        (b"1,2\n3,4,5\n", False),
        (b"1,2\n3", False),
        (b"1,2\n\n3,4\n", False),
        (b"1,2\n\r\n3,4\n", False),
        (b"1,2\r3,4\n", False),
        (b'1,"2\n', False),
        (b"1,\0\n", False),
        (b"1,2,3,4\n", False),
    ],
)
def test_the_structure_is_seen_across_any_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, regular: bool, block: int
) -> None:
    (tmp_path / "d.csv").write_bytes(data)
    monkeypatch.setattr(structure, "BLOCK", block)
    assert structure.is_regular(tmp_path / "d.csv", ",", 2) is regular


def test_parquet_and_json_lines_hold_the_same_table_as_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pl.DataFrame(
        {
            "whole": [1, 2, None, 4],
            "part": [0.5, None, -3.25, 1e300],
            "name": ["x", "N/A", None, " y "],
            "truth": [True, False, None, True],
        }
    )
    frame.write_csv(tmp_path / "t.csv")
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_ndjson(tmp_path / "t.jsonl")
    small, large = read_both(tmp_path / "t.csv", monkeypatch)
    assert_same(small, large)
    assert_same(small, reading.read(tmp_path / "t.parquet"))
    assert_same(small, reading.read(tmp_path / "t.jsonl"))
    monkeypatch.setattr(reading, "SMALL", 1 << 20)
    assert_same(small, reading.read(tmp_path / "t.jsonl"))


def test_dates_of_parquet_are_dates_and_texts_that_look_like_numbers_texts(tmp_path: Path) -> None:
    frame = pl.DataFrame({"zip": ["01234", "56789"], "day": ["2024-01-01", None]}).with_columns(
        pl.col("day").str.to_date(), at=pl.datetime(2024, 5, 31, 18, 30, time_zone="Europe/Berlin")
    )
    frame.write_parquet(tmp_path / "t.parquet")
    table = reading.read(tmp_path / "t.parquet", ReadOptions(refine=False))
    assert [column.kind for column in table.columns] == ["string", "date", "date"]
    assert table.column("at").values[0] == np.datetime64("2024-05-31T16:30:00")


@pytest.mark.parametrize("small", [1 << 20, 0])
@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('{"a": 1}\n{"a": oops}\n', "d.jsonl, line 2: not JSON"),
        ('{"a": 1}\n\n[1]\n', "d.jsonl, line 3: no object"),
        ('{"a": 1}\n{"a": "x"}\n', "d.jsonl, line 2, column 'a': a text, but the rows before hold a number"),
        ('{"a": 1}\n{"a": [1]}\n', "d.jsonl, line 2, column 'a': a list"),
        ('{"a": 1}\n{"a": {"b": 1}}\n', "d.jsonl, line 2, column 'a': an object"),
        ('{"a": null}\n{"a": null}\n', "column 'a' has no value in any row"),
    ],
)
def test_a_wrong_line_of_json_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, message: str, small: int
) -> None:
    monkeypatch.setattr(reading, "SMALL", small)
    (tmp_path / "d.jsonl").write_text(lines)
    with pytest.raises(TrainingError) as caught:
        reading.read(tmp_path / "d.jsonl")
    assert message in str(caught.value)


@pytest.mark.parametrize("small", [1 << 20, 0])
def test_a_folder_of_parts_is_one_table_in_the_order_of_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    monkeypatch.setattr(reading, "SMALL", small)
    for number in range(3):
        rows = "".join(f"{row},t{row}\n" for row in range(number * 4, number * 4 + 4))
        (tmp_path / f"part-{number}.csv").write_text("n,t\n" + rows)
    (tmp_path / "part-1.csv").write_text("t,n\n" + "".join(f"t{row},{row}\n" for row in range(4, 8)))
    (tmp_path / "_SUCCESS").write_text("")
    (tmp_path / "README.md").write_text("about")
    said: list[str] = []
    table = reading.read(tmp_path, say=said.append)
    assert table.column("n").values.tolist() == list(range(12))
    assert table.column("t").values.tolist() == [f"t{row}" for row in range(12)]
    assert "is 3 parts, part-0.csv to part-2.csv" in said[0]
    (tmp_path / "part-2.csv").write_text("n,tt\n1,x\n")
    with pytest.raises(TrainingError, match=r"part-2\.csv: the column 't' is missing, which part-0\.csv has"):
        reading.read(tmp_path)
    (tmp_path / "part-2.csv").write_text("n,t,u\n1,x,y\n")
    with pytest.raises(TrainingError, match=r"part-2\.csv: the column 'u' is not in part-0\.csv"):
        reading.read(tmp_path)


def test_parquet_parts_of_unequal_types_are_refused(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "1.parquet")
    pl.DataFrame({"a": [2.5]}).write_parquet(tmp_path / "2.parquet")
    assert reading.read(tmp_path).column("a").values.tolist() == [1, 2.5]
    pl.DataFrame({"a": ["x"]}).write_parquet(tmp_path / "3.parquet")
    with pytest.raises(TrainingError, match=r"3\.parquet, column 'a': texts, but 1\.parquet has numbers there"):
        reading.read(tmp_path)
    (tmp_path / "4.csv").write_text("a\n1\n")
    with pytest.raises(TrainingError, match=r"holds parquet and csv \(1\.parquet, 4\.csv\)"):
        reading.read(tmp_path)


def test_other_delimiters_are_told_and_said(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "d.csv").write_text('a;b\n1;"x;y, z"\n2;w\n')
    table = reading.read(tmp_path / "d.csv", say=said.append)
    assert table.column("b").values.tolist() == ["x;y, z", "w"]
    assert said == ["d.csv: the cells are separated by semicolons"]
    with pytest.raises(TrainingError, match="is not a single character"):
        reading.read(tmp_path / "d.csv", ReadOptions(delimiter=";;"))


def test_data_that_changes_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("a,b\n1,2\n")
    found = parts.find_parts(path)
    found.check_unchanged()
    path.write_text("a,b\n1,2\n3,4\n")
    with pytest.raises(TrainingError, match=r"d\.csv changed while it was being read"):
        found.check_unchanged()


@pytest.mark.parametrize("small", [1 << 30, 0])
def test_more_than_the_ceiling_is_sampled_by_the_stated_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    monkeypatch.setattr(reading, "SMALL", small)
    path = tmp_path / "d.csv"
    path.write_text("a,b\n" + "".join(f"{row},{row % 3}\n" for row in range(20_000)))
    said: list[str] = []
    table = reading.read(path, ReadOptions(memory=80_000, seed=3), said.append)
    expected = np.flatnonzero(sampling.kept(np.arange(20_000, dtype=np.uint64), 0.25, 3))
    np.testing.assert_array_equal(table.row_numbers, expected)
    np.testing.assert_array_equal(table.column("a").values, expected)
    assert table.sample == {"rows": len(expected), "of": 20_000, "seed": 3, "rule": sampling.RULE}
    assert 4800 < len(expected) < 5200
    assert f"{len(expected)} of 20000 rows are used" in said[-1]
    other = reading.read(path, ReadOptions(memory=80_000, seed=4))
    assert set(other.row_numbers) != set(expected)


def test_the_sample_is_splitmix64() -> None:
    places = np.arange(3, dtype=np.uint64)
    share = 0xE220A8397B1DCDAF / 2**64  # SplitMix64's first output from seed 0, which is place 0 of seed 1
    assert sampling.kept(places[:1], share * 1.0001, 1)[0]
    assert not sampling.kept(places[:1], share * 0.9999, 1)[0]


def test_small_and_large_files_have_the_same_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "all.csv"
    path.write_bytes(content().encode())
    small = describe(path, ReadOptions(schema={"flag": "boolean"}))
    monkeypatch.setattr(reading, "SMALL", 0)
    large = describe(path, ReadOptions(schema={"flag": "boolean"}))
    assert small == large
    types = {column["name"]: column["type"] for column in small.schema["columns"]}
    assert types == {"id": "number", "price": "number", "mixed": "string", "city": "string", "flag": "boolean",
                     "day": "date", "moment": "date", "story": "text"}  # fmt: skip
    assert [column["name"] for column in small.schema["columns"] if column["declared"]] == ["flag"]
    assert small.rows == ROWS


def test_a_profile_is_right_on_a_case_worked_by_hand() -> None:
    found = profile.of_numbers(np.array([4.0, np.nan, 1.0, 2.0, 2.0, 11.0]))
    assert {key: found[key] for key in ("count", "missing", "distinct", "mean", "min", "max")} == {
        "count": 5, "missing": 1, "distinct": 4, "mean": 4.0, "min": 1.0, "max": 11.0
    }  # fmt: skip
    assert found["std"] == pytest.approx(np.std([4, 1, 2, 2, 11]))
    assert found["quantiles"]["0.5"] == 2.0
    assert found["quantiles"]["0.75"] == 4.0
    assert found["quantiles"]["0.05"] == pytest.approx(np.quantile([4, 1, 2, 2, 11], 0.05))
    assert found["histogram"] == {
        "edges": [float(edge) for edge in range(1, 12)],
        "counts": [1, 2, 0, 1, 0, 0, 0, 0, 0, 1],
    }
    assert profile.of_numbers(np.array([np.nan])) == {"count": 0, "missing": 1, "distinct": 0}
    random = np.random.default_rng(0).normal(size=1000).round(2)
    counts, edges = np.histogram(random, bins=10)
    told = profile.of_numbers(random)["histogram"]
    assert told["counts"] == counts.tolist()
    assert told["edges"] == pytest.approx(edges.tolist())


def test_what_only_a_model_may_object_to_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f"{row},,same\n" for row in range(30))
    (tmp_path / "d.csv").write_text("a,empty,constant\n" + rows + "x,,same\n")
    small = describe(tmp_path / "d.csv")
    monkeypatch.setattr(reading, "SMALL", 0)
    large = describe(tmp_path / "d.csv")
    for found in (small, large):
        text = " ".join(found.warnings)
        assert "'x' is not a number, but 30 of 31 values are" in text
        assert "column 'empty' has no value in any row" in text
        assert "column 'constant' has the same value in every row" in text
    assert small.profile == large.profile


def test_a_schema_names_its_types(tmp_path: Path) -> None:
    assert parse_schema('{"a": "number", "b": "date"}') == {"a": "number", "b": "date"}
    with pytest.raises(TrainingError, match=r"column 'a': 'numbr' is no type \(did you mean 'number'"):
        parse_schema({"a": "numbr"})
    with pytest.raises(TrainingError, match="is not JSON"):
        parse_schema("{")


def test_the_command_writes_schema_and_profile_without_polars_for_small_files(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,b\n1,x\n2,y\n")
    code = (
        "import sys; from training.data import describe; "
        "code = describe.main(sys.argv[1:]); "
        "print(sorted({'polars', 'matplotlib', 'sklearn', 'pandas', 'scipy'} & set(sys.modules))); sys.exit(code)"
    )
    arguments = ["--input", str(tmp_path / "d.csv"), "--output", str(tmp_path / "out")]
    kit = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True, text=True, check=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(kit)},
    )  # fmt: skip
    told, imported = done.stdout.splitlines()
    assert json.loads(told) == {"rows": 2, "columns": 2, "warnings": []}
    assert imported == "[]"
    assert json.loads((tmp_path / "out" / "schema.json").read_text())["columns"][1] == {
        "name": "b", "type": "string", "declared": False
    }  # fmt: skip
    assert json.loads((tmp_path / "out" / "profile.json").read_text())["columns"]["b"]["top"] == {"x": 1, "y": 1}


@pytest.mark.parametrize("small", [1 << 30, 0])
@pytest.mark.parametrize("cell", ["12,50", "1.234,5", "1,234", "-3,25"])
def test_numbers_with_a_comma_are_an_error_and_no_categories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int, cell: str
) -> None:
    monkeypatch.setattr(reading, "SMALL", small)
    path = tmp_path / "d.csv"
    path.write_text(f"a;b\n1;3\n2;\n3;{cell}\n")
    with pytest.raises(TrainingError, match=rf"^d\.csv, line 4, column 'b': '{cell}' is a number with a comma"):
        reading.read(path)
    assert reading.read(path, ReadOptions(categorical=["b"])).column("b").values.tolist() == ["3", "", cell]
    path.write_text("a;b\n1;3,5\n2;x\n3;y\n")
    assert reading.read(path).column("b").kind == "string"


@pytest.mark.parametrize("small", [1 << 30, 0])
@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_columns_that_are_left_out_may_hold_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int, format: str
) -> None:
    monkeypatch.setattr(reading, "SMALL", small)
    path = tmp_path / f"d.{format}"
    rows = [{"a": row, "who": {"name": "x"}, "tags": ["p", "q"]} for row in range(3)]
    if format == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    else:
        pl.DataFrame(rows).write_parquet(path)
    with pytest.raises(TrainingError, match=r"column 'who': .* expected; --drop who"):
        reading.read(path)
    table = reading.read(path, ReadOptions(drop=["who", "tags"]))
    assert [(column.name, column.values.tolist()) for column in table.columns] == [("a", [0, 1, 2])]
    assert reading.read(path, ReadOptions(wanted={"item": "a"})).names == ["a"]
    with pytest.raises(TrainingError, match="--drop names 'wo', no such column"):
        reading.read(path, ReadOptions(drop=["wo", "who", "tags"]))


def test_files_that_are_no_text_are_refused_by_their_endings_and_json_is_read_by_lines(tmp_path: Path) -> None:
    (tmp_path / "d.xlsx").write_bytes(b"PK")
    with pytest.raises(TrainingError, match=r"^d\.xlsx: a spreadsheet is not read; save it as CSV, Parquet or JSON L"):
        reading.read(tmp_path / "d.xlsx")
    (tmp_path / "d.json").write_text('{"a": 1}\n{"a": 2}\n')
    assert reading.read(tmp_path / "d.json").column("a").values.tolist() == [1, 2]
    (tmp_path / "d.json").write_text('[{"a": 1}]')
    with pytest.raises(
        TrainingError, match=r"^d\.json, line 1: no object of column names and values; an object a line"
    ):
        reading.read(tmp_path / "d.json")
