"""The input of a batch prediction: CSV or JSON Lines, read row by row; a bad row is told, not fatal."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, TextIO

from serving import csv_rows
from serving.errors import RequestError, RowError
from serving.predictor import Predictor

ENDINGS = (".csv", ".jsonl", ".ndjson")


@dataclass
class Line:
    """One row of the input: what is copied to the output, its values for the model, or why it is bad."""

    copied: list[Any]
    values: list[Any] = field(default_factory=list)
    error: str = ""


@dataclass(frozen=True)
class Source:
    """An opened input: the names of its columns, and its rows."""

    header: list[str]
    lines: Iterator[Line]


def open_source(stream: TextIO, path: PurePath, predictor: Predictor) -> Source:
    """The rows of an opened file, by its ending. Raises RequestError for an empty one, or a wrong header."""
    return _csv_source(stream, predictor) if path.suffix.lower() == ".csv" else _json_source(stream, predictor)


def find_file(path: Path) -> Path:
    """The file itself, or the one that a folder holds. Raises RequestError for none, several, or another format."""
    if not path.is_dir():
        kind = path.suffix.lower()
        if kind not in ENDINGS:
            raise RequestError(f"{path.name}: '{kind}' is not supported; a .csv or .jsonl file is expected")
        return path
    files = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
    tables = [file for file in files if file.suffix.lower() in ENDINGS]
    if len(tables) != 1:
        names = ", ".join(file.name for file in files[:5]) or "nothing"
        raise RequestError(f"{path.name}: one .csv or .jsonl file is expected; it holds {names}")
    return tables[0]


def open_text(path: Path) -> TextIO:
    """The file as text; bytes that are not UTF-8 survive as lone surrogates, so that only their rows fail."""
    try:
        return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except FileNotFoundError:
        raise RequestError(f"{path}: no such file") from None


def _csv_source(stream: TextIO, predictor: Predictor) -> Source:
    delimiter = csv_rows.delimiter_of(stream.readline(), predictor.columns)
    stream.seek(0)
    reader = csv.reader(stream, delimiter=delimiter)
    header = [cell.strip() for cell in next(reader, [])]
    if not header:
        raise RequestError("the input file is empty; a header line and rows are expected")
    order = csv_rows.header_order(header, predictor.columns, further=True)

    def lines() -> Iterator[Line]:
        number = 0
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Line([""] * len(header), error=f"not CSV: {error}")
                continue
            if row:
                yield _csv_line(row, header, order, predictor, number)
                number += 1

    return Source(header, lines())


def _csv_line(row: list[str], header: list[str], order: list[int], predictor: Predictor, number: int) -> Line:
    copied = [*row[: len(header)], *[""] * (len(header) - len(row))]
    if len(row) != len(header):
        return Line(copied, error=f"{len(row)} fields, but the header names {len(header)}")
    if any("\udc80" <= character <= "\udcff" for cell in row for character in cell):
        return Line(copied, error="not UTF-8")
    try:
        return Line(copied, csv_rows.convert(number, row, order, predictor.columns))
    except RowError as error:
        return Line(copied, error=error.reason)


def _json_source(stream: TextIO, predictor: Predictor) -> Source:
    """One JSON object or list a line. The output has the model's columns, then what else the first row has."""
    names, optional = predictor.encoder.names, {column.name for column in predictor.columns if column.optional}
    texts = (text for text in stream if text.strip())
    first = next(texts, None)
    if first is None:
        raise RequestError("the input file is empty; one JSON object a line is expected")
    start = _parse_json(first)
    further = [name for name in start if name not in names] if isinstance(start, dict) else []
    header = [*names, *further]

    def lines() -> Iterator[Line]:
        yield _json_line(start, names, header, optional)
        for text in texts:
            yield _json_line(_parse_json(text), names, header, optional)

    return Source(header, lines())


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text.encode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        return ValueError(f"not JSON: {error}")


def _json_line(row: Any, names: list[str], header: list[str], optional: set[str]) -> Line:
    if isinstance(row, ValueError):
        return Line([""] * len(header), error=str(row))
    if isinstance(row, list) and len(row) == len(names):
        return Line([*map(_cell, row), *[""] * (len(header) - len(names))], row)
    if not isinstance(row, dict):
        return Line([""] * len(header), error=f"an object, or a list of {len(names)} values, is expected")
    copied = [_cell(row.get(name)) for name in header]
    missing = [name for name in names if name not in row and name not in optional]
    if missing:
        return Line(copied, error=f"column '{missing[0]}' is missing")
    return Line(copied, [row.get(name) for name in names])


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return json.dumps(value) if isinstance(value, list | dict) else value
