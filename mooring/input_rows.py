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

Row = dict[str, Any]


def read_rows(file: Path, format: str = "", text_columns: Iterable[str] = ()) -> list[Row]:
    """All rows of `file` (`-` is stdin), told by its ending unless `format` says `csv`, `json` or `jsonl`.

    In CSV a cell that reads as a number is one, except in `text_columns`; an empty one is missing.
    Raises `InvalidInput` with the line and what would be right.
    """
    chosen = format or ("json" if str(file) == "-" else FORMATS.get(file.suffix.lower(), ""))
    if chosen not in ("csv", "json", "jsonl"):
        ending = f"'{file.suffix}' is none of .csv, .json, .jsonl" if not format else f"there is no format '{format}'"
        near = did_you_mean(format, ["csv", "json", "jsonl"]) if format else "; say which with --format"
        raise InvalidInput(f"--input {file}: {ending}{near}")
    text = _read(file)
    readers = {"csv": lambda: _csv(file, text, set(text_columns)), "json": lambda: _json(file, text)}
    rows = readers.get(chosen, lambda: _jsonl(file, text))()
    if not rows:
        raise InvalidInput(f"--input {file}: there is no row in it")
    return rows


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"--input {file}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise InvalidInput(f"--input {file}: {error.strerror or error}") from error


def _csv(file: Path, text: str, text_columns: set[str]) -> list[Row]:
    reader = csv.reader(io.StringIO(text), strict=True)
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
            rows.append({head: _cell(cell, head in text_columns) for head, cell in zip(heads, cells, strict=True)})
    except csv.Error as error:
        raise InvalidInput(f"--input {file}: line {reader.line_num} is not CSV: {error}") from error
    return rows


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


def _json(file: Path, text: str) -> list[Row]:
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


def _jsonl(file: Path, text: str) -> list[Row]:
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                rows.append(_object(file, f"line {number}", json.loads(line)))
            except ValueError as error:
                raise InvalidInput(f"--input {file}: line {number} is not JSON: {error}") from error
    return rows


def _object(file: Path, place: str, row: Any) -> Row:
    if not isinstance(row, dict):
        raise InvalidInput(f"--input {file}: {place} is no object with a value for each column")
    return row
