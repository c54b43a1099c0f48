"""The files of a dataset: which, in what format, and whether they stay as they are while they are read."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.data import compressed
from training.errors import TrainingError

ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
"""Formats of tables, by the files' endings; a compressed file's is the one before (`.csv.gz`)."""

FOREIGN = {
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "a spreadsheet"),
    **dict.fromkeys((".feather", ".arrow", ".avro", ".orc"), "this format"),
    **dict.fromkeys((".pkl", ".pickle", ".joblib"), "a pickle"),
    **dict.fromkeys((".h5", ".hdf5", ".db", ".sqlite"), "a database file"),
}
"""What is not text for sure, by the files' endings; a file with any other is taken for CSV."""

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
"""What may separate the cells of a CSV file without being asked for."""

_SNIFFED = 20
"""Lines that must agree on a delimiter other than the comma."""

Say = Callable[[str], None]
"""Takes one line of progress."""


@dataclass(frozen=True)
class Parts:
    """The files of one table in the order of their names. `marks` are size and times of each when it was found, and
    `labels` the names in messages of files that were unpacked from others (`compressed.plain`)."""

    root: Path
    files: tuple[Path, ...]
    format: str
    delimiter: str
    marks: tuple[tuple[int, int, int], ...]
    labels: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The table's name in messages."""
        return self.root.name

    @property
    def bytes(self) -> int:
        """Size of all files as they are read."""
        return sum(file.stat().st_size for file in self.files)

    def label(self, file: Path) -> str:
        """A part's name in messages: the file's, with its folder inside of the dataset's."""
        if self.labels:
            return self.labels[self.files.index(file)]
        return file.name if file == self.root else file.relative_to(self.root).as_posix()

    def check_unchanged(self) -> None:
        """Raises TrainingError when a part is not what it was: another process writes to it."""
        for file, mark in zip(self.files, self.marks, strict=True):
            if _mark(file) != mark:
                raise TrainingError(f"{self.label(file)} changed while it was being read; run again when it is whole")


def find_parts(
    path: Path, format: str | None = None, delimiter: str | None = None, say: Say = lambda line: None
) -> Parts:
    """The table that a file is, or that the files of a folder are together.

    Raises TrainingError where there is none, where a folder holds tables of two formats, and for a delimiter that is
    no single character. A delimiter that is told from the lines and is no comma is said.
    """
    if path.is_file():
        files: list[Path] = [path]
    elif path.is_dir():
        files = _tables(path, format)
    else:
        raise TrainingError(f"{path}: the data does not exist")
    format = format or _format(path, files)
    parts = Parts(path, tuple(files), format, ",", tuple(_mark(file) for file in files))
    empty = [parts.label(file) for file, mark in zip(files, parts.marks, strict=True) if not mark[0]]
    if empty:
        expected = "; a header line and rows are expected" if format == "csv" else ""
        raise TrainingError(f"{empty[0]}: the file is empty{expected}")
    if len(files) > 1:
        say(f"{path.name} is {len(files)} parts, {parts.label(files[0])} to {parts.label(files[-1])}")
    if format != "csv":
        return parts
    return Parts(path, parts.files, format, _delimiter(files[0], delimiter, say), parts.marks)


def is_table(path: Path, format: str | None = None) -> bool:
    """Whether a file or folder is data in one of the formats that are read here, rather than pictures or anything."""
    if format in ENDINGS.values():
        return True
    if path.is_file():
        return ending(path) in ENDINGS
    return any(ending(file) in ENDINGS for file in _visible(path))


def ending(file: Path) -> str:
    """The ending that tells a file's format; that of what is in it where it is compressed."""
    try:
        return compressed.ending(file)
    except (TrainingError, OSError):
        return ""  # whoever reads it will say what is wrong


def _visible(folder: Path) -> list[Path]:
    """The files below a folder, hidden ones and markers (`_SUCCESS`) left out."""
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not any(part[0] in "._" for part in file.relative_to(folder).parts)
    ]


def _tables(folder: Path, format: str | None) -> list[Path]:
    files = _visible(folder)
    wanted = [file for file in files if ENDINGS.get(ending(file)) == format] if format else []
    tables = wanted or [file for file in files if ending(file) in ENDINGS]
    if not tables:
        names = ", ".join(file.name for file in files[:5]) or "nothing"
        raise TrainingError(
            f"{folder.name}: no .csv, .parquet or .jsonl file in the training channel (it holds {names})"
        )
    return tables


def _format(path: Path, files: Sequence[Path]) -> str:
    if path.is_file() and (kind := compressed.ending(path)) not in ENDINGS:
        if kind in FOREIGN:
            raise TrainingError(f"{path.name}: {FOREIGN[kind]} is not read; save it as CSV, Parquet or JSON Lines")
        return "jsonl" if kind == ".json" else "csv"  # an array is refused with what would be right
    found: dict[str, Path] = {}
    for file in files:
        found.setdefault(ENDINGS.get(compressed.ending(file), "csv"), file)
    if len(found) > 1:
        (one, first), (other, second) = list(found.items())[:2]
        raise TrainingError(f"{path.name} holds {one} and {other} ({first.name}, {second.name}); one is expected")
    return next(iter(found))


def _mark(file: Path) -> tuple[int, int, int]:
    try:
        found = file.stat()
    except OSError as error:
        raise TrainingError(f"{file.name} cannot be read: {error.strerror}") from error
    return found.st_size, found.st_mtime_ns, found.st_ino


def _delimiter(file: Path, given: str | None, say: Say) -> str:
    """The delimiter that was asked for, else the one that the first lines agree on, else the comma."""
    if given:
        single = {"\\t": "\t", "tab": "\t"}.get(given, given)
        if len(single) != 1 or single in '"\r\n':
            raise TrainingError(f"the delimiter '{given}' is not a single character, such as ; or \\t")
        return single
    lines = _first_lines(file)
    if not lines or _widths(lines[:1], ",") != {1}:
        return ","
    for other, word in DELIMITERS.items():
        widths = _widths(lines, other)
        if len(widths) == 1 and widths != {1}:
            say(f"{file.name}: the cells are separated by {word}")
            return other
    return ","


def _first_lines(file: Path) -> list[str]:
    """The first lines of a file with anything in them; of a long line its beginning."""
    text = compressed.head(file, _SNIFFED << 16).decode("utf-8-sig", errors="replace")
    with io.StringIO(text, newline=None) as stream:
        return [line for line in (stream.readline(1 << 16) for _ in range(_SNIFFED)) if line.strip()]


def _widths(lines: Sequence[str], delimiter: str) -> set[int]:
    """The numbers of cells in these lines."""
    try:
        return {len(row) for row in csv.reader(lines, delimiter=delimiter) if row}
    except csv.Error:
        return set()
