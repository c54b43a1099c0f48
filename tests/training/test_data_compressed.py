"""Compressed files are read to the very table that the plain ones are, and what is damaged is one clear error."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from training.data import compressed
from training.data import read as reading
from training.data.describe import describe
from training.data.shares import write_share
from training.errors import TrainingError

CSV = "\ufeffid;name;when\n" + "".join(f'{row};"O\'Hara; ""{row}""";2024-01-{row % 28 + 1:02d}\n' for row in range(200))
JSON = "".join(f'{{"id": {row}, "name": "n{row % 3}", "ok": true}}\n' for row in range(200))


def packed(folder: Path, name: str, text: str) -> dict[str, Path]:
    """The text as a plain file, as gzip, zip and zstd."""
    plain, found = folder / name, {end: folder / f"{name}{end}" for end in compressed.PACKED}
    plain.write_text(text, encoding="utf-8")
    found[".gz"].write_bytes(gzip.compress(text.encode()))
    with zipfile.ZipFile(found[".zip"], "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("inside")
        archive.writestr(f"inside/{name}", text)
        archive.writestr(f"__MACOSX/._{name}", "x")
    lines = pl.DataFrame({"line": text.rstrip("\n").split("\n")}).lazy()
    lines.sink_csv(found[".zst"], include_header=False, quote_style="never", compression="zstd")
    return {"": plain, **found}


@pytest.mark.parametrize("small", [1 << 30, 0])
@pytest.mark.parametrize(("name", "text"), [("d.csv", CSV), ("d.jsonl", JSON)])
def test_a_compressed_file_is_the_table_that_the_plain_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int, name: str, text: str
) -> None:
    monkeypatch.setattr(reading, "SMALL", small)
    files = packed(tmp_path, name, text)
    expected, described = reading.read(files[""]), describe(files[""])
    for end in compressed.PACKED:
        found = reading.read(files[end])
        assert found.names == expected.names
        for one, other in zip(found.columns, expected.columns, strict=True):
            assert one.kind == other.kind
            np.testing.assert_array_equal(one.values, other.values)
        assert describe(files[end]) == described
    if text is CSV:
        assert expected.names == ["id", "name", "when"]


def test_parts_may_be_compressed_or_not_and_are_named_in_errors(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "1.csv").write_text("a,b\n1,x\n")
    (folder / "2.csv.gz").write_bytes(gzip.compress(b"b,a\ny,2\n"))
    assert reading.read(folder).column("a").values.tolist() == [1.0, 2.0]
    assert write_share(folder, tmp_path, "half", 0.5, 1, 0).read_text().count("\n") == 2
    (folder / "3.csv.gz").write_bytes(gzip.compress(b"a,b\n3\n"))
    with pytest.raises(TrainingError, match=r"^3\.csv\.gz, line 2: 1 fields, but the header names 2$"):
        reading.read(folder)


@pytest.mark.parametrize("end", compressed.PACKED)
def test_a_file_that_was_cut_short_is_one_clear_error(tmp_path: Path, end: str) -> None:
    file = packed(tmp_path, "d.csv", CSV)[end]
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(TrainingError, match=rf"^d\.csv\{end}: (the file ends in the middle|not a \.zip file)") as found:
        reading.read(file)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("end", compressed.PACKED)
def test_what_is_not_compressed_whatever_its_ending_is_one_clear_error(tmp_path: Path, end: str) -> None:
    file = tmp_path / f"d.csv{end}"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(TrainingError, match=rf"^d\.csv\{end}: not a \{end} file"):
        reading.read(file)


def test_a_zip_of_several_files_is_refused_by_their_names(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr("a.csv", "x,y\n1,2\n")
        archive.writestr("b.csv", "x,y\n1,2\n")
    with pytest.raises(TrainingError, match=r"^d\.zip: a zip with one file .* it holds 2 \(a\.csv, b\.csv\)$"):
        reading.read(tmp_path / "d.zip")
