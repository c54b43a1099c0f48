"""Rows that stream in become Parquet parts of bounded size, with one schema."""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import TrainingError

if TYPE_CHECKING:
    import polars as pl

BATCH = 50_000
"""Rows of a part, at most."""
BATCH_BYTES = 64 << 20
"""Characters of a part's texts, about, at most."""

_TYPES: Mapping[type, str] = {bool: "boolean", int: "number", float: "number", str: "text", datetime.datetime: "date"}


class Parts:
    """Writes rows to `part-00000.parquet`, … in a folder.

    A column's type is that of its first value; later values of another type are an error that names row and column,
    except that whole numbers and fractions are both numbers. Objects inside a row become columns (`address.city`).
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.rows, self.written = folder, 0, 0
        self.types: dict[str, str] = {}
        self._pending: list[Mapping[str, Any]] = []
        self._size = 0
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, rows: Iterable[Mapping[str, Any]], where: str = "row") -> None:
        """Add rows: mappings of column to value. `where` names them in errors."""
        for row in rows:
            self.rows += 1
            plain = {name: _plain(value, f"{where} {self.rows}", name) for name, value in _flat(row)}
            for name, value in plain.items():
                self._check(name, value, f"{where} {self.rows}")
            self._pending.append(plain)
            self._size += sum(len(value) for value in plain.values() if isinstance(value, str))
            if len(self._pending) >= BATCH or self._size >= BATCH_BYTES:
                self._write()

    def close(self) -> int:
        """Write what is left; the number of rows. Raises TrainingError when there was none."""
        if self._pending:
            self._write()
        if not self.rows:
            raise TrainingError("there are no rows; at least one is expected")
        return self.rows

    def _check(self, name: str, value: Any, place: str) -> None:
        known = self.types.setdefault(name, "")
        if value is None:
            return
        type = _TYPES[value.__class__]
        if known and known != type:
            raise TrainingError(f"{place}, column '{name}': a {type} value, but the rows before hold {known} values")
        self.types[name] = type

    def _write(self) -> None:
        import polars as pl

        series = []
        for name, type in self.types.items():
            values = [row.get(name) for row in self._pending]
            numbers = [None if value is None else float(value) for value in values] if type == "number" else values
            series.append(pl.Series(name, numbers, dtype=_dtype(type)))
        target = self.folder / f"part-{self.written:05d}.parquet"
        pl.DataFrame(series).write_parquet(target, compression="zstd", statistics=False)
        self.written += 1
        self._pending, self._size = [], 0

    def harmonise(self) -> None:
        """Give all parts the same columns: those that were empty or absent at first have got their type by now."""
        import polars as pl

        wanted = {name: _dtype(type) for name, type in self.types.items()}
        for place in range(self.written):
            file = self.folder / f"part-{place:05d}.parquet"
            frame = pl.read_parquet(file)
            if dict(frame.schema) != wanted:
                absent = [pl.lit(None).alias(name) for name in wanted if name not in frame.columns]
                whole = frame.with_columns(absent).select(pl.col(name).cast(wanted[name]) for name in wanted)
                whole.write_parquet(file, compression="zstd", statistics=False)


def _dtype(type: str) -> pl.DataType:
    import polars as pl

    kinds: dict[str, pl.DataType] = {"number": pl.Float64(), "boolean": pl.Boolean(), "date": pl.Datetime("us")}
    return kinds.get(type, pl.String())


def _flat(row: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def columns_of(names: Sequence[str]) -> list[str]:
    """The names of a result's columns. Raises TrainingError for one that is there twice."""
    for name in names:
        if list(names).count(name) > 1:
            raise TrainingError(f"the query gives the column '{name}' twice; name them apart with AS")
    return list(names)


def _plain(value: Any, place: str, name: str) -> Any:
    """A value of a database or of JSON as one of: None, bool, int, float, str, datetime in UTC without a zone."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case decimal.Decimal():
            return float(value)
        case datetime.datetime():
            return value.astimezone(datetime.UTC).replace(tzinfo=None) if value.tzinfo else value
        case datetime.date():
            return datetime.datetime(value.year, value.month, value.day)
        case datetime.time() | uuid.UUID():
            return str(value)
        case datetime.timedelta():
            return value.total_seconds()
        case bytes() | bytearray() | memoryview():
            raise TrainingError(f"{place}, column '{name}': binary data; leave it out")
        case _:
            shown = json.dumps(value, default=str)[:40]
            raise TrainingError(f"{place}, column '{name}': {shown} is no single value; name what is inside it")
