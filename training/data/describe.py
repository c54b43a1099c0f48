"""A dataset's schema and profile, and the refusal of data that no model can be made of.

`python -m training.data.describe --input PATH --output FOLDER` writes `schema.json` and `profile.json`, and prints one
line of JSON: rows, columns, and warnings. What is wrong is one line on standard error, and exit code 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from training.data import csv_text, json_text, profile
from training.data.compressed import plain
from training.data.parts import Parts, Say, find_parts
from training.data.schema import ReadOptions, Type, parse_schema
from training.errors import TrainingError


@dataclass(frozen=True)
class Description:
    """What a dataset is: columns with their types, statistics, and what is strange about it.

    `schema` is `{"columns": [{"name", "type", "declared"}]}`, `profile` is `{"rows", "columns": {name: …}}`.
    """

    schema: Mapping[str, Any]
    profile: Mapping[str, Any]
    warnings: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.profile["rows"])


def describe(path: Path, options: ReadOptions | None = None, say: Say = lambda line: None) -> Description:
    """Read all of the data once, in memory that does not grow with it, and tell what it is.

    Raises TrainingError for files that are not well-formed, columns that are unequal between parts, and values that do
    not fit the declared schema. What only a model may object to (a column without a value, text among numbers that
    nobody declared) is a warning.
    """
    options = options or ReadOptions()
    parts = find_parts(path, options.format, options.delimiter, say)
    types: dict[str, Type] = {}
    columns: dict[str, dict[str, Any]] = {}
    warnings: list[str] = []
    total = 0
    with plain(parts) as whole:
        for rows, name, type, statistics, warning in _columns(whole, options):
            total = rows
            types[name], columns[name] = type, {"type": type, **statistics}
            warnings += [warning] if warning else []
    parts.check_unchanged()
    warnings += [
        f"column '{name}' has the same value in every row"
        for name, found in columns.items()
        if found["distinct"] == 1 and not found["missing"] and total > 1
    ]
    schema = [{"name": name, "type": type, "declared": name in options.schema} for name, type in types.items()]
    return Description({"columns": schema}, {"rows": total, "columns": columns}, tuple(warnings))


Found = tuple[int, str, Type, dict[str, Any], str]
"""Rows of the table, and of one column: name, type, statistics, and a warning or nothing."""


def _columns(parts: Parts, options: ReadOptions) -> Iterator[Found]:
    from training.data.read import SMALL

    if parts.format == "parquet" or parts.bytes > SMALL:
        from training.data import bulk_profile

        yield from bulk_profile.columns(parts, options)
        return
    yield from _small(parts, options)


def _small(parts: Parts, options: ReadOptions) -> Iterator[Found]:
    texts = (csv_text if parts.format == "csv" else json_text).read_small(parts, options)
    for name in texts.names:
        try:
            type, column = texts.typed(name)
            yield texts.rows, name, type, profile.of_column(type, column.values), ""
        except TrainingError as error:
            if options.declared(name) and any(texts.cells(name)):
                raise
            cells = np.array(texts.cells(name), dtype=object)
            yield texts.rows, name, "string", profile.of_column("string", cells), str(error)


def main(arguments: Sequence[str]) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.data.describe", allow_abbrev=False)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--format")
    parser.add_argument("--delimiter")
    parser.add_argument("--schema", default="{}")
    given = parser.parse_args(arguments)
    options = ReadOptions(format=given.format, delimiter=given.delimiter)
    try:
        options = replace(options, schema=parse_schema(given.schema))
        found = describe(given.input, options, lambda line: print(line, file=sys.stderr, flush=True))
    except TrainingError as error:
        print(error, file=sys.stderr)
        return 1
    write(found, given.output)
    told = {"rows": found.rows, "columns": len(found.schema["columns"]), "warnings": list(found.warnings)}
    print(json.dumps(told))
    return 0


def write(found: Description, folder: Path) -> None:
    """Write `schema.json` and `profile.json`, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("schema.json", found.schema), ("profile.json", found.profile)):
        fresh = folder / f".{name}.part"
        fresh.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(fresh, folder / name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
