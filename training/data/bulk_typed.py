"""Parquet and JSON Lines of any size by polars: formats whose values have types of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from training.data import csv_text, json_text
from training.data.parts import Parts
from training.data.schema import ReadOptions, Type
from training.errors import TrainingError

if TYPE_CHECKING:
    import polars as pl


@dataclass
class TypedColumns:
    """Parquet files, or the columnar file made of JSON Lines files: numbers are Float64 columns, all others texts."""

    parts: Parts
    frame: pl.LazyFrame
    names: list[str]
    numbers: set[str] = field(default_factory=set)
    given: dict[str, Type] = field(default_factory=dict)
    options: ReadOptions = field(default_factory=ReadOptions)

    @classmethod
    def read(cls, parts: Parts, options: ReadOptions, work: Path) -> TypedColumns:
        """Open the files. Raises TrainingError for files of unequal columns, and for values that are no cell."""
        frames = _parquet(parts) if parts.format == "parquet" else [_json(parts, options, work)]
        for place, frame in enumerate(frames):
            names = frame.collect_schema().names()
            csv_text.check_header(parts.label(parts.files[place]), names)
            if place == 0:
                options.check(parts.name, names)
            frames[place] = frame.select(options.taken(names))
        schemas = [_checked(parts, place, frame) for place, frame in enumerate(frames)]
        found = cls(parts, _together(parts, frames, schemas), list(schemas[0]), options=options)
        found.numbers = {name for name, word in schemas[0].items() if word == "numbers"}
        types: dict[str, Type] = {"truths": "boolean", "dates": "date"}
        found.given = {name: types[word] for name, word in schemas[0].items() if word in types}
        return found

    @property
    def columns(self) -> pl.LazyFrame:
        """All columns, numbers as Float64, all others as text."""
        import polars as pl

        return self.frame.select(
            pl.col(name).cast(pl.Float64) if name in self.numbers else _as_text(name, dtype)
            for name, dtype in self.frame.collect_schema().items()
        )

    def texts(self, name: str) -> pl.Series:
        """The values of a column as text, as a CSV file would have them."""
        import polars as pl

        if name not in self.numbers:
            return self.columns.select(name).collect(engine="streaming").to_series()
        values = self.frame.select(pl.col(name).cast(pl.Float64)).collect(engine="streaming").to_series()
        plain = [None if value is None or value != value else json_text.as_text(value) for value in values]
        return pl.Series(name, plain, dtype=pl.String)

    def place(self, row: int) -> str:
        """File and line of a row, or file and row where the format has no lines."""
        if self.parts.format == "jsonl":
            for file in self.parts.files:
                for line, _ in json_text.read_rows(file, self.parts.label(file), self.options.reads):
                    if row == 0:
                        return f"{self.parts.label(file)}, line {line}"
                    row -= 1
            return self.parts.name
        for file in self.parts.files:
            rows = _rows(file)
            if row < rows:
                return f"{self.parts.label(file)}, row {row + 1}"
            row -= rows
        return self.parts.name


def _rows(file: Path) -> int:
    import polars as pl

    return int(pl.scan_parquet(file, glob=False).select(pl.len()).collect().item())


def _parquet(parts: Parts) -> list[pl.LazyFrame]:
    import polars as pl

    frames = []
    for file in parts.files:
        try:
            frame = pl.scan_parquet(file, glob=False)
            frame.collect_schema()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise TrainingError(f"{parts.label(file)} is not a Parquet file that can be read: {error}") from error
        frames.append(frame)
    return frames


def _json(parts: Parts, options: ReadOptions, work: Path) -> pl.LazyFrame:
    """JSON Lines as a columnar file. Where the fast reader gives up, or values may be of mixed types, each line is
    looked at, which names the fault."""
    import polars as pl

    target = work / "columns.parquet"
    try:
        fast = pl.scan_ndjson(list(parts.files), infer_schema_length=None)
        fast.sink_parquet(target, compression="lz4", statistics=False, engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        json_text.check(parts, options, {})
        raise TrainingError(f"{parts.name} cannot be read as JSON Lines: {error}") from error
    frame = pl.scan_parquet(target)
    schema = {name: dtype for name, dtype in frame.collect_schema().items() if options.reads(name)}
    words = {name: _word(dtype) for name, dtype in schema.items()}
    doubtful = [pl.col(name) for name, dtype in schema.items() if dtype == pl.String]
    looks_otherwise = [(_is_number(column) | column.is_in(["true", "false"])).any() for column in doubtful]
    if None in words.values() or (doubtful and any(frame.select(looks_otherwise).collect().row(0))):
        json_text.check(parts, options, options.schema)
    return frame


def _is_number(column: pl.Expr) -> pl.Expr:
    import polars as pl

    return column.cast(pl.Float64, strict=False).is_not_null()


def _checked(parts: Parts, place: int, frame: pl.LazyFrame) -> dict[str, str]:
    """What each column holds, in one word. Raises TrainingError for lists, bytes and the like."""
    label, found = parts.label(parts.files[place]), {}
    schema = frame.collect_schema()
    for name, dtype in schema.items():
        word = _word(dtype)
        if word is None:
            expected = "one number, text, date, true or false is expected"
            raise TrainingError(f"{label}, column '{name}': values of the type {dtype}; {expected}; --drop {name}")
        found[name] = word
    return found


def _word(dtype: pl.DataType) -> str | None:
    import polars as pl

    if dtype.is_numeric():
        return "numbers"
    if dtype == pl.Boolean:
        return "truths"
    if dtype in (pl.Date, pl.Datetime):
        return "dates"
    return "texts" if dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null) else None


def _together(parts: Parts, frames: list[pl.LazyFrame], schemas: list[dict[str, str]]) -> pl.LazyFrame:
    """All parts, one after the other. Raises TrainingError naming file and column where they are unequal."""
    import polars as pl

    first, names = parts.label(parts.files[0]), list(schemas[0])
    for file, schema in zip(parts.files, schemas, strict=False):
        csv_text.same_columns(parts, parts.label(file), names, list(schema))
        for name in names:
            if schema[name] != schemas[0][name]:
                raise TrainingError(
                    f"{parts.label(file)}, column '{name}': {schema[name]}, but {first} has {schemas[0][name]} there"
                )
    if len(frames) == 1:
        return frames[0]
    return pl.concat([frame.select(names) for frame in frames], how="vertical_relaxed")


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column as a CSV file would have it: ISO 8601 in UTC for dates."""
    import polars as pl

    column = pl.col(name)
    if dtype == pl.Date:
        return column.dt.strftime("%Y-%m-%d")
    if isinstance(dtype, pl.Datetime):
        moment = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if dtype.time_zone else column
        return moment.dt.cast_time_unit("us").dt.strftime("%Y-%m-%dT%H:%M:%S%.6f")
    if dtype == pl.Boolean:
        return pl.when(column).then(pl.lit("true")).when(~column).then(pl.lit("false")).otherwise(None).alias(name)
    return column.cast(pl.String)
