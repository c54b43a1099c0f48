"""CSV files as typed columns: numbers or text, told from the values, and every fault named with its line."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from training.errors import TrainingError, nearest

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "<na>", "#n/a"})
"""Cells that mean "no value", in lower case, without surrounding blanks."""

NUMERIC_SHARE = 0.9
"""A column with at least this share of numbers is meant to be numeric: the rest of it is an error, not a category."""

Kind = Literal["number", "string"]


@dataclass(frozen=True)
class Column:
    """One column. `values` are float64 with NaN for missing, or str objects with "" for missing."""

    name: str
    kind: Kind
    values: npt.NDArray[Any]

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """True where there is no value."""
        absent: npt.NDArray[np.bool_] = np.isnan(self.values) if self.kind == "number" else self.values == ""
        return absent

    def take(self, rows: npt.NDArray[Any]) -> Column:
        """The same column with only these rows (indices or a mask)."""
        return Column(self.name, self.kind, self.values[rows])


@dataclass(frozen=True)
class Table:
    """Columns of one length, in the file's order. `row_numbers` are the rows' places in the file, from 0."""

    columns: tuple[Column, ...]
    row_numbers: npt.NDArray[np.int64]

    @property
    def names(self) -> list[str]:
        """The columns' names in order."""
        return [column.name for column in self.columns]

    def __len__(self) -> int:
        return len(self.row_numbers)

    def column(self, name: str) -> Column:
        """The column of that name; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def without(self, *names: str) -> Table:
        """All but these columns."""
        return Table(tuple(column for column in self.columns if column.name not in names), self.row_numbers)

    def take(self, rows: npt.NDArray[Any]) -> Table:
        """Only these rows (indices or a mask)."""
        return Table(tuple(column.take(rows) for column in self.columns), self.row_numbers[rows])


def read_csv(path: Path, *, categorical: Collection[str] = (), drop: Collection[str] = ()) -> Table:
    """Read a CSV file (UTF-8, a header line, commas) into typed columns.

    `categorical` columns are text whatever they look like, `drop` columns are left out. Raises TrainingError
    for an empty file, bytes that are not UTF-8, a line with another number of fields, duplicate names, text in
    a numeric column, an infinite number, or a column without any value; each with its line or its name.
    """
    header, lines, rows = _cells(path)
    for option, names in (("categorical", categorical), ("drop", drop)):
        for name in names:
            if name not in header:
                raise TrainingError(f"{path.name}: --{option} names '{name}', no such column{nearest(name, header)}")
    kept = [(place, name) for place, name in enumerate(header) if name not in drop]
    columns = []
    for place, name in kept:
        cells = ["" if row[place].lower() in MISSING else row[place] for row in rows]
        columns.append(_typed(path.name, name, cells, lines, as_text=name in categorical))
    return Table(tuple(columns), np.arange(len(rows), dtype=np.int64))


def _cells(path: Path) -> tuple[list[str], list[int], list[list[str]]]:
    """Header, line number of each row, and the rows' cells without surrounding blanks."""
    text = _decode(path)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    numbered = _rows(path.name, reader)
    first = next(numbered, None)
    if first is None:
        raise TrainingError(f"{path.name}: the file is empty; a header line and rows are expected")
    header = first[1]
    _check_header(path.name, header)
    lines: list[int] = []
    rows: list[list[str]] = []
    for line, row in numbered:
        if len(row) != len(header):
            raise TrainingError(f"{path.name}, line {line}: {len(row)} fields, but the header names {len(header)}")
        lines.append(line)
        rows.append(row)
    if not rows:
        raise TrainingError(f"{path.name}: a header line but no rows")
    return header, lines, rows


def _decode(path: Path) -> str:
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise TrainingError(f"{path.name}, line 1: the file is UTF-16; save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TrainingError(
            f"{path.name}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        ) from error
    if "\0" in text:
        raise TrainingError(
            f"{path.name}, line {text.count(chr(10), 0, text.index(chr(0))) + 1}: a zero byte; not a CSV"
        )
    return text


def _rows(name: str, reader: Any) -> Iterator[tuple[int, list[str]]]:
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise TrainingError(f"{name}, line {reader.line_num}: {error}") from error
        if any(cell.strip() for cell in row) or len(row) > 1:
            yield reader.line_num, [cell.strip() for cell in row]


def _check_header(file: str, header: Sequence[str]) -> None:
    seen: dict[str, int] = {}
    for place, name in enumerate(header, start=1):
        if not name:
            raise TrainingError(f"{file}, line 1: column {place} has no name")
        if name in seen:
            raise TrainingError(f"{file}, line 1: duplicate column name '{name}' (columns {seen[name]} and {place})")
        seen[name] = place


def _typed(file: str, name: str, cells: list[str], lines: list[int], *, as_text: bool) -> Column:
    present = [(line, cell) for line, cell in zip(lines, cells, strict=True) if cell]
    if not present:
        raise TrainingError(
            f"{file}: column '{name}' has no value in any row; remove it, or leave it out with --drop {name}"
        )
    failed = [] if as_text else [(line, cell) for line, cell in present if not _is_number(cell)]
    if as_text or len(failed) > (1 - NUMERIC_SHARE) * len(present):
        return Column(name, "string", np.array(cells, dtype=object))
    if failed:
        line, cell = failed[0]
        raise TrainingError(
            f"{file}, line {line}, column '{name}': '{cell}' is not a number, but {len(present) - len(failed)} of "
            f"{len(present)} values are; correct it, or treat the column as text with --categorical {name}"
        )
    values = np.array([float(cell) if cell else math.nan for cell in cells], dtype=np.float64)
    if (infinite := np.flatnonzero(np.isinf(values))).size:
        raise TrainingError(f"{file}, line {lines[infinite[0]]}, column '{name}': an infinite number")
    return Column(name, "number", values)


def _is_number(cell: str, parse: Callable[[str], float] = float) -> bool:
    try:
        parse(cell)
    except ValueError:
        return False
    return "_" not in cell
