"""Tables of any size by polars: columns are taken one by one, so that memory holds one of them and the result."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from training.data import cells, columns, memory, sampling
from training.data.bulk_csv import DOUBT, CsvColumns
from training.data.parts import Parts, Say
from training.data.schema import KINDS, PARSERS, ReadOptions, Type, misfit
from training.data.table import Column, Table
from training.errors import TrainingError

if TYPE_CHECKING:
    import polars as pl


class Source(Protocol):
    """Where columns come from: `bulk_csv` or `bulk_typed`. `numbers` are the names of number columns; `given` are types
    that the format itself gives to others."""

    names: list[str]
    numbers: set[str]
    given: dict[str, Type]

    @property
    def columns(self) -> pl.LazyFrame:
        """All columns; texts are not cleaned yet."""

    def texts(self, name: str) -> pl.Series:
        """The cells of a column as text."""

    def place(self, row: int) -> str:
        """File and line of a row."""


class Bulk:
    """An opened table: its size, and its columns as series of Float64, Datetime or String, null for missing."""

    def __init__(self, parts: Parts, source: Source, options: ReadOptions) -> None:
        import polars as pl

        self.parts, self.source, self.options = parts, source, options
        self.names = options.taken(source.names)
        self.rows = int(source.columns.select(pl.len()).collect().item())

    def typed(self, name: str) -> tuple[Type, pl.Series]:
        """A column's type and values. Raises TrainingError for a cell that is not of the type."""
        if name in self.source.numbers and (found := self._numbers(name)) is not None:
            return self._checked(name, found)
        texts = cleaned(self.source.texts(name))
        if not (present := len(texts) - texts.null_count()):
            return "string", texts
        if declared := self.options.declared(name) or self.source.given.get(name):
            return declared, self._declared(name, texts, declared)
        return self._told(name, texts, present)

    def column(self, name: str, keep: npt.NDArray[np.int64] | None) -> Column:
        """A column in memory, of the rows `keep` or of all. Raises TrainingError also for one without any value."""
        type, values = self.typed(name)
        if values.null_count() == len(values):
            raise columns.no_value(self.parts.name, name)
        series = values if keep is None else values.gather(keep)
        return Column(name, KINDS[type], in_memory(series, type))

    def row_bytes(self, name: str) -> float:
        """What a value of the column takes in memory."""
        if name in self.source.numbers:
            return memory.NUMBER
        head = cleaned(self.source.texts(name).head(cells.SAMPLE)).str.len_chars().mean()
        return memory.TEXT + float(head or 0.0)  # type: ignore[arg-type]

    def _numbers(self, name: str) -> pl.Series | None:
        """The values of a number column; None where its texts have to be looked at."""
        import polars as pl

        frame = self.source.columns
        if name + DOUBT in frame.collect_schema().names():
            frame = frame.select(name, name + DOUBT)
            found = frame.select(pl.col(name + DOUBT).any()).collect().item()
            if found:
                return None
        values = frame.select(name).collect().to_series()
        return values.fill_nan(None) if values.dtype.is_float() else values

    def _checked(self, name: str, values: pl.Series) -> tuple[Type, pl.Series]:
        import polars as pl

        declared = self.options.declared(name)
        if declared and KINDS[declared] != "number":  # of a format that has types of its own
            return declared, self._declared(name, cleaned(self.source.texts(name)), declared)
        if (infinite := values.is_infinite().arg_true()).len():
            raise columns.infinite_number(self.source.place(int(infinite[0])), name)
        if declared == "integer" and (odd := (values.floor() != values).arg_true()).len():
            row = int(odd[0])
            raise misfit(self.source.place(row), name, f"{values[row]:g}", declared)
        return declared or "number", values.cast(pl.Float64)

    def _declared(self, name: str, texts: pl.Series, declared: Type) -> pl.Series:
        parse = PARSERS.get(declared)
        if parse is None:
            return texts
        values = converted(texts, declared)
        if (odd := (texts.is_not_null() & values.is_null()).arg_true()).len():
            row = int(odd[0])
            raise misfit(self.source.place(row), name, str(texts[row]), declared)
        return self._checked(name, values)[1] if KINDS[declared] == "number" else values

    def _told(self, name: str, texts: pl.Series, present: int) -> tuple[Type, pl.Series]:
        """As `columns.typed` tells it of cells in a small file."""
        import polars as pl

        values = texts.cast(pl.Float64, strict=False)
        fitting = len(values) - values.null_count()
        if self._are_texts(name) or not columns.is_mostly_numbers(fitting, present):
            first = texts.drop_nulls().head(cells.SAMPLE).to_list()
            if not self._are_texts(name):
                columns.check_commas(name, first, lambda cell: self.source.place(int(texts.index_of(cell) or 0)))
            if not self.options.refine:
                return "string", texts
            if all(cells.fits(cell, cells.date) for cell in first):
                moments = converted(texts, "date")
                if moments.null_count() == texts.null_count():
                    return "date", moments
            return ("text" if cells.is_text(first) else "string"), texts
        if fitting < present:
            row = int((texts.is_not_null() & values.is_null()).arg_true()[0])
            raise columns.mostly_numbers(self.source.place(row), name, str(texts[row]), fitting, present)
        return self._checked(name, values.fill_nan(None))

    def _are_texts(self, name: str) -> bool:
        """Whether the format itself says that the column is text, whatever it looks like."""
        return not isinstance(self.source, CsvColumns)


def cleaned(texts: pl.Series) -> pl.Series:
    """Texts without surrounding blanks, null for what means a missing value."""
    import polars as pl

    text = pl.col(texts.name).str.strip_chars()
    clean = pl.when(text.is_in(sorted(cells.SPELLINGS))).then(None).otherwise(text)
    return texts.to_frame().select(clean.alias(texts.name)).to_series()


def converted(texts: pl.Series, type: Type) -> pl.Series:
    """Texts as numbers, dates or truths; null for what is none."""
    import polars as pl

    if type in ("number", "integer"):
        return texts.cast(pl.Float64, strict=False).fill_nan(None)
    parse = PARSERS[type]
    distinct = texts.drop_nulls().unique()
    known = [cell for cell in distinct if cells.fits(cell, parse)]
    dtype = pl.Datetime("us") if type == "date" else pl.String
    return texts.replace_strict(known, [parse(cell) for cell in known], default=None, return_dtype=dtype)


def in_memory(values: pl.Series, type: Type) -> npt.NDArray[Any]:
    """A series as a column's array: see `training.data.table.Column`."""
    if KINDS[type] == "number":
        return np.array(values.fill_null(float("nan")).to_numpy(), dtype=np.float64)
    if type == "date":
        return np.array(values.to_numpy(), dtype="datetime64[us]")
    return np.array(values.fill_null("").to_list(), dtype=object)


@contextmanager
def opened(parts: Parts, options: ReadOptions) -> Iterator[Bulk]:
    """Open files of any size; what is written besides, in the folder for temporary files, is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="mooring-data-") as work:
        if parts.format == "csv":
            yield Bulk(parts, CsvColumns.read(parts, options, Path(work)), options)
        else:
            from training.data.bulk_typed import TypedColumns

            yield Bulk(parts, TypedColumns.read(parts, options, Path(work)), options)


def read_large(parts: Parts, options: ReadOptions, say: Say) -> Table:
    """The table of files of any size, or the sample of it that fits under the ceiling of memory."""
    with opened(parts, options) as bulk:
        if not bulk.rows:
            raise TrainingError(f"{parts.name}: a header line but no rows")
        row_bytes = sum(bulk.row_bytes(name) for name in bulk.names)
        share = memory.share(bulk.rows, row_bytes, options.memory, parts.name)
        keep = sampling.places(bulk.rows, share, options.seed) if share < 1 else None
        found = tuple(bulk.column(name, keep) for name in bulk.names)
        if keep is None:
            return Table(found, np.arange(bulk.rows, dtype=np.int64))
        memory.say_sample(say, len(keep), bulk.rows, options.seed, options.memory)
        return Table(found, keep, sampling.describe(len(keep), bulk.rows, options.seed))
