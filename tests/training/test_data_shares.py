"""A share of the rows is a file of the same format with rows that the seed decides."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from training.data.read import read
from training.data.shares import write_share


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("files", [1, 2])
def test_a_share_has_its_rows_in_order_and_is_the_same_for_the_same_seed(
    tmp_path: Path, ending: str, files: int
) -> None:
    (tmp_path / "data").mkdir()
    for part in range(files):
        frame = pl.DataFrame({"a": range(part * 100, part * 100 + 100), "b": ['x, "y"', "z"] * 50})
        target = tmp_path / "data" / f"{part}.{ending}"
        {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "parquet": frame.write_parquet}[ending](target)
    source = tmp_path / "data" if files > 1 else tmp_path / "data" / f"0.{ending}"
    found = write_share(source, tmp_path / "shares", "3", 1 / 4, 10, seed=1)
    assert found == tmp_path / "shares" / f"3.{ending}"
    rows = read(found).column("a").values.tolist()
    assert len(rows) == 25 * files
    assert rows == sorted(set(rows))
    assert set(rows) <= set(range(100 * files))
    assert read(write_share(source, tmp_path / "again", "3", 1 / 4, 10, seed=1)).column("a").values.tolist() == rows
    assert read(write_share(source, tmp_path / "other", "3", 1 / 4, 10, seed=2)).column("a").values.tolist() != rows
    assert len(read(write_share(source, tmp_path / "shares", "all", 0.001, 10_000, seed=1))) == 100 * files
