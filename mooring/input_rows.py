"""Rows for a prediction, read from a CSV, JSON or JSONL file."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from providers.errors import InvalidInput, did_you_mean

FORMATS = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "<na>", "#n/a"})
"""What a CSV cell without a value may say; the trainer takes the same words."""

Row = Any
"""A mapping of column to value, or a list of values in the model's order of columns."""
Placed = tuple[str, Row]
"""A row and where it is in its file: `line 3`."""


def read_rows(file: Path, format: str = "", text_columns: Iterable[str] = ()) -> list[Row]:
    """All rows of `file`; see `read_placed`."""
    return [row for _, row in read_placed(file, format, text_columns)]


def read_placed(file: Path, format: str = "", text_columns: Iterable[str] = ()) -> list[Placed]:
    """All rows of `file` with their places, told by its ending unless `format` says `csv`, `json` or `jsonl`; those
    of stdin (`-`) by how they begin.

    In CSV a cell that reads as a number is one, except in `text_columns`; an empty one is missing.
    Raises `InvalidInput` with the line and what would be right.
    """
    told = bool(format) or str(file) != "-"
    chosen = format or FORMATS.get(file.suffix.lower(), "")
    if told and chosen not in ("csv", "json", "jsonl"):
        raise InvalidInput(f"--input {file}: {_no_format(file, format)}")
    text = _read(file)
    chosen = chosen if told else guessed(text)
    readers = {"csv": lambda: _csv(file, text, set(text_columns)), "json": lambda: _json(file, text)}
    rows = readers.get(chosen, lambda: _jsonl(file, text))() if text.strip() else []
    if not rows:
        raise InvalidInput(f"--input {file}: there is no row in it")
    return rows


def guessed(text: str) -> str:
    """The format of rows without a file name: a list is JSON, one object too, objects line by line are JSONL."""
    begin = text.lstrip()[:1]
    if begin == "{" and len(lines := [line for line in text.splitlines() if line.strip()]) > 1:
        return "jsonl" if lines[0].rstrip().endswith("}") else "json"
    return "json" if begin in ("[", "{") else "csv"


def _no_format(file: Path, format: str) -> str:
    """Why nobody knows what is in the file."""
    if format:
        return f"there is no format '{format}'{did_you_mean(format, ['csv', 'json', 'jsonl'])}"
    if file.is_dir():
        return "this is a folder; a CSV, JSON or JSONL file is expected"
    return f"'{file.suffix}' is none of .csv, .json, .jsonl; say which with --format"


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"--input {file}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise InvalidInput(f"--input {file}: {error.strerror or error}") from error


def _csv(file: Path, text: str, text_columns: set[str]) -> list[Placed]:
    reader = csv.reader(io.StringIO(text), delimiter=_delimiter(text), strict=True)
    try:
        heads = [head.strip() for head in next(reader, [])]
        if len(set(heads)) != len(heads) or not all(heads):
            raise InvalidInput(f"--input {file}: line 1 must name every column once; it says {', '.join(heads)}")
        rows = []
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(heads):
                raise InvalidInput(f"--input {file}: line {reader.line_num} has {len(cells)} cells, not {len(heads)}")
            row = {head: _cell(cell, head in text_columns) for head, cell in zip(heads, cells, strict=True)}
            rows.append((f"line {reader.line_num}", row))
    except csv.Error as error:
        raise InvalidInput(f"--input {file}: line {reader.line_num} is not CSV: {error}") from error
    return rows


def _delimiter(text: str) -> str:
    """The comma, unless the first line has none and another one that training reads too."""
    first = text.partition("\n")[0]
    return "," if "," in first else next((other for other in ";\t|" if other in first), ",")


def _cell(text: str, is_text: bool) -> Any:
    stripped = text.strip()
    if stripped.lower() in MISSING:
        return None
    if is_text:
        return text
    try:
        number = float(stripped)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text  # no number in JSON; the server says what is wrong with it
    return int(stripped) if stripped.lstrip("+-").isdigit() else number


def _json(file: Path, text: str) -> list[Placed]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"--input {file}: not JSON: {error}") from error
    if isinstance(found, Mapping) and "instances" in found:
        found = found["instances"]
    if isinstance(found, Mapping):
        found = [found]
    if not isinstance(found, list):
        raise InvalidInput(f'--input {file}: expected a list of objects, or {{"instances": [...]}}')
    return [_object(file, f"row {number}", row) for number, row in enumerate(found, 1)]


def _jsonl(file: Path, text: str) -> list[Placed]:
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                rows.append(_object(file, f"line {number}", json.loads(line)))
            except ValueError as error:
                raise InvalidInput(f"--input {file}: line {number} is not JSON: {error}") from error
    return rows


def _object(file: Path, place: str, row: Any) -> Placed:
    if not isinstance(row, dict | list):
        raise InvalidInput(
            f"--input {file}: {place} is no object with a value for each column, and no list of such values"
        )
    return place, row
