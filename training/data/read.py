"""Reading a dataset into memory: files of CSV, Parquet or JSON Lines, one or a folder of parts, compressed or not.

Small text files are read by the standard library, all else by polars, to the same table (tests compare them).
"""

from __future__ import annotations

from pathlib import Path

from training.data import csv_text, json_text
from training.data.compressed import plain
from training.data.memory import within
from training.data.parts import Parts, Say, find_parts
from training.data.schema import ReadOptions
from training.data.table import Table

SMALL = 8 << 20
"""Bytes up to which text is read by the standard library, which is there in no time; polars takes over from there."""


def read(path: Path, options: ReadOptions | None = None, say: Say = lambda line: None) -> Table:
    """The table at `path`. What is more than `options.memory` allows is sampled, and said.

    Raises TrainingError for data that is wrong, with file, line and column, and for files that change meanwhile.
    """
    options = options or ReadOptions()
    parts = find_parts(path, options.format, options.delimiter, say)
    with plain(parts) as whole:
        table = _read(whole, options, say)
    parts.check_unchanged()
    return table


def _read(parts: Parts, options: ReadOptions, say: Say) -> Table:
    if parts.format != "parquet" and parts.bytes <= SMALL:
        small = csv_text.read_small if parts.format == "csv" else json_text.read_small
        return within(small(parts, options).table(), options, say)
    from training.data import bulk

    return bulk.read_large(parts, options, say)
