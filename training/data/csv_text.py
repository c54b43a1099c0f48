"""CSV files by the standard library: for small files, and to name the first fault of a large one."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.data.cells import MISSING
from training.data.columns import Texts, typed
from training.data.parts import Parts
from training.data.schema import ReadOptions, Type
from training.data.table import Column
from training.errors import TrainingError

csv.field_size_limit(1 << 28)  # the default of 128 KiB is less than a long document


@dataclass(frozen=True)
class Row:
    """One row: its line in the file, and its cells without surrounding blanks."""

    line: int
    cells: list[str]


def read_small(parts: Parts, options: ReadOptions) -> Texts:
    """All rows of CSV files with one header. Raises TrainingError with file, line and column."""
    names: list[str] = []
    lines: list[int] = []
    rows: list[list[str]] = []
    starts: list[tuple[int, str]] = []
    for file in parts.files:
        label = parts.label(file)
        starts.append((len(rows), label))
        header, found = read_rows(file, label, parts.delimiter)
        names = names or header
        order = same_columns(parts, label, names, header)
        for row in found:
            lines.append(row.line)
            rows.append(row.cells if order is None else [row.cells[place] for place in order])
    if not rows:
        raise TrainingError(f"{parts.name}: a header line but no rows")
    options.check(parts.name, names)

    def place(row: int) -> str:
        label = next(label for first, label in reversed(starts) if first <= row)
        return f"{label}, line {lines[row]}"

    def cells(name: str) -> list[str]:
        index = names.index(name)
        return ["" if row[index].lower() in MISSING else row[index] for row in rows]

    def typed_column(name: str) -> tuple[Type, Column]:
        return typed(parts.name, name, cells(name), options, place)

    return Texts(options.taken(names), len(rows), cells, typed_column)


def same_columns(parts: Parts, label: str, names: Sequence[str], header: Sequence[str]) -> list[int] | None:
    """Where each of `names` stands in this part's header; None where it is the same order.

    Raises TrainingError naming the part and the column that only one of the two has.
    """
    if list(names) == list(header):
        return None
    first = parts.label(parts.files[0])
    if missing := [name for name in names if name not in header]:
        raise TrainingError(f"{label}: the column '{missing[0]}' is missing, which {first} has")
    if further := [name for name in header if name not in names]:
        raise TrainingError(f"{label}: the column '{further[0]}' is not in {first}")
    return [list(header).index(name) for name in names]


def read_rows(file: Path, label: str, delimiter: str) -> tuple[list[str], Iterator[Row]]:
    """The header of one file, and its rows one by one: lines without any cell are passed over.

    Raises TrainingError, also while iterating: for an empty file, bytes that are not UTF-8, a zero byte, a header with
    an empty or duplicate name, broken quotes, and a row with another number of cells than the header.
    """
    rows = _rows(file, label, delimiter)
    first = next(rows, None)
    if first is None:
        raise TrainingError(f"{label}: the file is empty; a header line and rows are expected")
    check_header(label, first.cells)
    return first.cells, _of_width(rows, label, len(first.cells))


def check_header(label: str, header: Sequence[str]) -> None:
    """Raises TrainingError for a column without a name, or a name that is there twice."""
    seen: dict[str, int] = {}
    for place, name in enumerate(header, start=1):
        if not name:
            raise TrainingError(f"{label}, line 1: column {place} has no name")
        if name in seen:
            raise TrainingError(f"{label}, line 1: duplicate column name '{name}' (columns {seen[name]} and {place})")
        seen[name] = place


def _of_width(rows: Iterator[Row], label: str, width: int) -> Iterator[Row]:
    for row in rows:
        if len(row.cells) != width:
            raise TrainingError(f"{label}, line {row.line}: {len(row.cells)} fields, but the header names {width}")
        yield row


def _rows(file: Path, label: str, delimiter: str) -> Iterator[Row]:
    reader: Any = None
    with file.open(encoding="utf-8-sig", newline="") as stream:
        try:
            reader = csv.reader(_without_zeros(stream, label), delimiter=delimiter, strict=True)
            for row in reader:
                cells = [cell.strip() for cell in row]
                if len(row) > 1 or any(cells):
                    yield Row(reader.line_num, cells)
        except UnicodeDecodeError as error:
            raise wrong_encoding(file, label) from error
        except csv.Error as error:
            reason = "a quote is opened that is not closed before the end" if "end of data" in str(error) else error
            raise TrainingError(f"{label}, line {reader.line_num}: {reason}") from error


def _without_zeros(lines: Iterator[str], label: str) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if "\0" in line:
            raise TrainingError(f"{label}, line {number}: a zero byte; not a CSV")
        yield line


def wrong_encoding(file: Path, label: str) -> TrainingError:
    """The error for a file that is not UTF-8: its first byte that is not, and the line."""
    decoder, line = codecs.getincrementaldecoder("utf-8")(), 1
    with file.open("rb") as stream:
        if stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return TrainingError(f"{label}, line 1: the file is UTF-16; save it as UTF-8")
        stream.seek(0)
        while True:
            block = stream.read(1 << 20)
            pending = decoder.getstate()[0]
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                whole = pending + block
                line += whole.count(b"\n", 0, error.start)
                return TrainingError(
                    f"{label}, line {line}: byte 0x{whole[error.start]:02x} is not UTF-8; save the file as UTF-8"
                )
            if not block:
                return TrainingError(f"{label}: changed while it was being read; run again when it is whole")
            line += block.count(b"\n")
