"""CSV files of any size by polars: turned into a columnar file once, out of which columns are taken one by one."""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from training.data import cells, csv_text
from training.data.columns import is_mostly_numbers
from training.data.parts import Parts
from training.data.schema import KINDS, ReadOptions, Type
from training.data.structure import is_regular

if TYPE_CHECKING:
    import polars as pl

_HEAD = 1 << 20
"""Bytes of a file that tell whether there are blanks around its cells."""


@dataclass
class CsvColumns:
    """CSV files, and the columnar file that was made of them in the folder `work`.

    In it `numbers` are Float64 columns, null where a cell is empty or no number; whether there is a cell that is no
    number says the boolean column of the name with `DOUBT` behind it. All other columns are texts as they stand.
    """

    parts: Parts
    work: Path
    names: list[str] = field(default_factory=list)
    numbers: set[str] = field(default_factory=set)
    given: dict[str, Type] = field(default_factory=dict)
    _files: list[Path] = field(default_factory=list)
    _headers: list[list[str]] = field(default_factory=list)
    _spelt: list[str] = field(default_factory=list)
    _blanks: bool = True

    @classmethod
    def read(cls, parts: Parts, options: ReadOptions, work: Path) -> CsvColumns:
        """Read all files once. Raises TrainingError for a file that is not well-formed."""
        found = cls(parts, work, _files=list(parts.files))
        for file in parts.files:
            header = csv_text.read_rows(file, parts.label(file), parts.delimiter)[0]
            found.names = found.names or header
            csv_text.same_columns(parts, parts.label(file), found.names, header)
            found._headers.append(header)
        options.check(parts.name, found.names)
        found._look_at_first_rows(options)
        found._convert()
        return found

    @property
    def columns(self) -> pl.LazyFrame:
        """The columnar file."""
        import polars as pl

        return pl.scan_parquet(self.work / "columns.parquet")

    def texts(self, name: str) -> pl.Series:
        """The cells of a column as they stand in the files, without surrounding blanks, null for an empty one."""
        import polars as pl

        if name not in self.numbers:
            return self.columns.select(name).collect().to_series()
        return self._scan().select(pl.col(name).str.strip_chars()).collect(engine="streaming").to_series()

    def place(self, row: int) -> str:
        """File and line of a row, by its number in the whole; takes a pass over the rows before it."""
        for file in self.parts.files:
            for found in csv_text.read_rows(file, self.parts.label(file), self.parts.delimiter)[1]:
                if row == 0:
                    return f"{self.parts.label(file)}, line {found.line}"
                row -= 1
        return self.parts.name

    def _look_at_first_rows(self, options: ReadOptions) -> None:
        """Tell from the start of the first file which columns are numbers, how missing values are written there, and
        whether there are blanks around the cells. Where later rows differ, it costs a second look at a column."""
        file, delimiter = self.parts.files[0], self.parts.delimiter
        rows = csv_text.read_rows(file, self.parts.label(file), delimiter)[1]
        first = [row.cells for row in islice(rows, cells.SAMPLE)]
        for place, name in enumerate(self.names):
            declared = options.declared(name)
            present = [row[place] for row in first if row[place] not in cells.SPELLINGS]
            fitting = sum(cells.fits(cell, cells.number) for cell in present)
            told = bool(present) and is_mostly_numbers(fitting, len(present))
            if KINDS[declared] == "number" if declared else told:
                self.numbers.add(name)
        self._spelt = sorted({cell for row in first for cell in row if cell in cells.SPELLINGS} | {""})
        with file.open("rb") as stream:
            head = stream.read(_HEAD)
        cut = delimiter.encode()
        self._blanks = any(mark in head for mark in (cut + b" ", b" " + cut, b" \n", b" \r", b"\n ", b'" ', b' "'))

    def _convert(self) -> None:
        import polars as pl

        with ThreadPoolExecutor(1) as beside:
            regular = beside.map(self._is_regular, range(len(self._files)))
            try:
                self._write()
                odd = [place for place, found in enumerate(regular) if not found]
            except pl.exceptions.PolarsError:
                odd = list(range(len(self._files)))
        for place in odd:
            self._files[place] = self._normalised(place)
        if odd:
            self._write()

    def _is_regular(self, place: int) -> bool:
        return is_regular(self._files[place], self.parts.delimiter, len(self.names))

    def _scan(self) -> pl.LazyFrame:
        """All rows as texts, null where nothing stands."""
        import polars as pl

        frames = [
            pl.scan_csv(
                file,
                separator=self.parts.delimiter,
                has_header=False,
                skip_rows=1,
                schema=dict.fromkeys(header, pl.String),
                null_values=self._spelt if len(self._spelt) > 1 else None,
            )
            for file, header in zip(self._files, self._headers, strict=True)
        ]
        return frames[0] if len(frames) == 1 else pl.concat([frame.select(self.names) for frame in frames])

    def _write(self) -> None:
        import polars as pl

        wanted: list[pl.Expr] = []
        for name in self.names:
            if name not in self.numbers:
                wanted.append(pl.col(name).str.strip_chars())
                continue
            text = pl.col(name).str.strip_chars() if self._blanks else pl.col(name)
            value = text.cast(pl.Float64, strict=False)
            wanted += [value.alias(name), (text.is_not_null() & value.is_null()).alias(name + DOUBT)]
        target = self.work / "columns.parquet"
        self._scan().select(wanted).sink_parquet(
            target, compression="uncompressed", statistics=False, engine="streaming"
        )

    def _normalised(self, place: int) -> Path:
        """A copy that any reader takes in the same way. Raises TrainingError where a row cannot be understood."""
        file = self.parts.files[place]
        header, rows = csv_text.read_rows(file, self.parts.label(file), self.parts.delimiter)
        target = self.work / f"normal-{place}.csv"
        with target.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, delimiter=self.parts.delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
            writer.writerow(header)
            writer.writerows(row.cells for row in rows)
        return target


DOUBT = "\0doubt"
"""Behind the name of a number column: whether a cell of it is something else. No file has a zero byte in a name."""
