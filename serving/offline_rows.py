"""Rows of a file for an offline prediction, each with its place: CSV, JSON, JSON Lines, Parquet, or pictures.

What is wrong with a row is told with that place (`line 3`); the rest of the file is still read.
"""

from __future__ import annotations

import csv
import datetime
import decimal
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serving import csv_rows, offline_pictures
from serving.batch_input import open_text
from serving.cells import Column
from serving.errors import RequestError, RowError, nearest

ENDINGS = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
FORMATS = ("csv", "json", "jsonl", "parquet")
"""What can be read and written."""
PICTURES = ("npz", "pictures")
"""What can be read besides."""

UTF16 = ("\udcff\udcfe", "\udcfe\udcff")
"""How UTF-16 begins where it is read as UTF-8."""


@dataclass
class Row:
    """One row: where it is, the file's own values by name, those for the model in its order, or what is wrong."""

    place: str
    given: dict[str, Any]
    values: list[Any] = field(default_factory=list)
    error: str = ""


def input_format(path: Path, named: str = "") -> str:
    """The format of an input, as named, else by what it is. Raises RequestError."""
    if named in PICTURES:
        return named
    if not named and path.suffix.lower() == ".npz":
        return "npz"
    if not named and (path.is_dir() or path.suffix.lower() in offline_pictures.ENDINGS):
        return "pictures"
    return format_of(path, named)


def format_of(path: Path, named: str = "") -> str:
    """The format of a table as named, else by the ending. Raises RequestError."""
    found = named or ENDINGS.get(path.suffix.lower(), "")
    if found not in FORMATS:
        if named:
            raise RequestError(f"there is no format '{named}'{nearest(named, FORMATS)}")
        raise RequestError(f"{path.name}: '{path.suffix}' is none of {', '.join(ENDINGS)}; say which with --format")
    return found


def read(path: Path, format: str, columns: Sequence[Column]) -> Iterator[Row]:
    """All rows of a file. Raises RequestError for what no row can mend: an empty file, a header that does not fit."""
    readers: Mapping[str, Callable[[Path, Sequence[Column]], Iterator[Row]]] = {
        "csv": _csv, "json": _json, "jsonl": _jsonl, "parquet": _parquet,
    }  # fmt: skip
    if format in PICTURES:
        reader = offline_pictures.arrays if format == "npz" else offline_pictures.pictures
        return (Row(*found) for found in reader(path, columns))
    return readers[format](path, columns)


def _csv(path: Path, columns: Sequence[Column]) -> Iterator[Row]:
    with open_text(path) as stream:
        delimiter = csv_rows.delimiter_of(stream.readline(), columns)
        stream.seek(0)
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        try:
            header = [cell.strip() for cell in next(reader, [])]
        except csv.Error as error:
            raise RequestError(f"{path.name}: line 1 is not CSV: {_why(error)}") from None
        if header and header[0].startswith(UTF16):
            raise RequestError(f"{path.name}: the file is UTF-16; save it as UTF-8")
        if not header:
            raise RequestError(f"{path.name}: empty; a header line and rows are expected")
        order = csv_rows.header_order(header, columns, further=True)
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:  # nothing after it can be told apart
                raise RequestError(f"{path.name}: line {reader.line_num} is not CSV: {_why(error)}") from None
            if cells:
                yield _of_cells(f"line {reader.line_num}", cells, header, order, columns)


def _why(error: csv.Error) -> str:
    return "a quote is opened that is not closed before the end" if "end of data" in str(error) else str(error)


def _of_cells(place: str, cells: list[str], header: list[str], order: list[int], columns: Sequence[Column]) -> Row:
    row = Row(place, dict(zip(header, cells, strict=False)))
    if len(cells) != len(header):
        row.error = f"{len(cells)} fields, but the header names {len(header)}"
    elif any("\udc80" <= character <= "\udcff" for cell in cells for character in cell):
        row.error = "not UTF-8"
    else:
        try:
            row.values = csv_rows.convert(0, cells, order, columns)
        except RowError as error:
            row.error = error.reason
    return row


def _jsonl(path: Path, columns: Sequence[Column]) -> Iterator[Row]:
    with open_text(path) as stream:
        for number, text in enumerate(stream, 1):
            if text.strip():
                try:
                    found = json.loads(text.encode("utf-8", "surrogateescape"))
                except (ValueError, RecursionError) as error:
                    yield Row(f"line {number}", {}, error=f"not JSON: {error}")
                    continue
                yield _of_json(f"line {number}", found, columns)


def _json(path: Path, columns: Sequence[Column]) -> Iterator[Row]:
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{path.name}: not JSON: {error}") from None
    if isinstance(found, dict):
        found = found.get("instances", [found])
    if not isinstance(found, list):
        raise RequestError(f'{path.name}: a list of objects is expected, or {{"instances": [...]}}')
    for number, row in enumerate(found, 1):
        yield _of_json(f"row {number}", row, columns)


def _of_json(place: str, found: Any, columns: Sequence[Column]) -> Row:
    names = [column.name for column in columns]
    if isinstance(found, list) and len(found) == len(names):
        return Row(place, dict(zip(names, found, strict=True)), list(found))
    if not isinstance(found, dict):
        what = f"an object with the model's columns is expected, or a list of {len(names)} values"
        return Row(place, {}, error=what)
    row = Row(place, found)
    missing = [column.name for column in columns if column.name not in found and not column.optional]
    if missing:
        row.error = f"column '{missing[0]}' is missing{nearest(missing[0], list(found))}"
    else:
        row.values = [_as_trained(found.get(column.name), column) for column in columns]
    return row


def _as_trained(value: Any, column: Column) -> Any:
    """A value as training reads it out of such a file: a number in a column of categories is its text."""
    if column.type not in ("string", "text") or isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(value, float) and value != value:
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _parquet(path: Path, columns: Sequence[Column]) -> Iterator[Row]:
    import polars

    try:
        frame = polars.scan_parquet(path)
        held = frame.collect_schema().names()
        batches = frame.collect_batches() if hasattr(frame, "collect_batches") else [frame.collect()]
        for name in (column.name for column in columns if not column.optional):
            if name not in held:
                raise RequestError(f"{path.name}: column '{name}' is missing{nearest(name, held)}")
        number = 0
        for batch in batches:
            for found in batch.iter_rows(named=True):
                number += 1
                yield _of_json(f"row {number}", {name: _plain(value) for name, value in found.items()}, columns)
    except polars.exceptions.PolarsError as error:
        raise RequestError(
            f"{path.name}: not a Parquet file, or a damaged one ({str(error).splitlines()[0]})"
        ) from None


def _plain(value: Any) -> Any:
    """A cell as JSON could hold it: dates in ISO 8601, decimals as numbers."""
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return float(value) if isinstance(value, decimal.Decimal) else value
