"""The input of a batch prediction in parts that a server takes at once, and its answers as one table again.

Each part is an object of its own with the table's header, so that a transform job may share them between machines and
the order is still known. Records are kept as they are, byte for byte: only the server judges them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

LARGEST = 4 << 20
"""Bytes of a part; a transform job sends 6 MB at once where nothing else is said."""
ROWS_TYPE, ERROR = "application/x-mooring-rows", "error"
"""What the server is asked to answer in, and its last column (`serving/row_by_row.py`)."""
PREDICTIONS, ERRORS = "predictions.csv", "errors.csv"


@dataclass(frozen=True)
class Counted:
    """Rows of a table, and how many of them could not be predicted."""

    rows: int
    failed: int


def split(source: Path, folder: Path, largest: int = LARGEST) -> list[Path]:
    """Write the parts of a CSV or JSON Lines file into a folder; their paths in the input's order."""
    is_csv = source.suffix.lower() == ".csv"
    with source.open("rb") as stream:
        records = _records(stream, is_csv)
        header = next(records, b"") if is_csv else b""
        return [_write(folder, number, source.suffix.lower(), header, chunk)
                for number, chunk in enumerate(_chunks(records, largest))]  # fmt: skip


def _records(lines: Iterable[bytes], is_csv: bool) -> Iterator[bytes]:
    """Records with their line ends: a quoted cell of CSV may hold line ends too."""
    waiting = b""
    for line in lines:
        waiting += line
        if not is_csv or waiting.count(b'"') % 2 == 0:
            yield waiting
            waiting = b""
    if waiting:
        yield waiting


def _chunks(records: Iterator[bytes], largest: int) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    size = 0
    for record in records:
        if chunk and size + len(record) > largest:
            yield chunk
            chunk, size = [], 0
        chunk.append(record)
        size += len(record)
    if any(record.strip() for record in chunk):
        yield chunk


def _write(folder: Path, number: int, suffix: str, header: bytes, chunk: Sequence[bytes]) -> Path:
    path = folder / f"part-{number:06d}{suffix}"
    path.write_bytes(header + b"".join(chunk))
    return path


def joined(answers: Sequence[Path], folder: Path) -> Counted:
    """Write `predictions.csv` and `errors.csv` into a folder, out of the servers' answers in the parts' order.

    The columns are those of the first part: what else a later row has is left out, as when a file is read at once.
    """
    total = failed = 0
    with (
        (folder / PREDICTIONS).open("w", encoding="utf-8", newline="") as predictions,
        (folder / ERRORS).open("w", encoding="utf-8", newline="") as errors,
    ):
        write, fail = csv.writer(predictions, lineterminator="\n"), csv.writer(errors, lineterminator="\n")
        fail.writerow(["row", ERROR])
        columns: list[str] = []
        for answer in answers:
            with answer.open(encoding="utf-8", newline="") as stream:
                reader = csv.reader(stream)
                names = next(reader)[:-1]
                if not columns:
                    columns = names
                    write.writerow(columns)
                places = [names.index(name) if name in names else None for name in columns]
                for row in reader:
                    write.writerow(["" if place is None else row[place] for place in places])
                    if row[-1]:
                        fail.writerow([total, row[-1]])
                        failed += 1
                    total += 1
    return Counted(total, failed)
