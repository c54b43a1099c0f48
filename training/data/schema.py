"""The schema of a dataset: the type of each column, declared by the user or told from the values."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from training.data import cells
from training.data.table import Kind
from training.errors import TrainingError, nearest

Type = Literal["number", "integer", "boolean", "string", "text", "date"]
TYPES: tuple[Type, ...] = ("number", "integer", "boolean", "string", "text", "date")
"""What a column may be declared as."""

KINDS: Mapping[str, Kind] = {
    "number": "number",
    "integer": "number",
    "boolean": "string",
    "string": "string",
    "text": "text",
    "date": "date",
}
"""The kind of column in memory, by type. A boolean is a category: `true` or `false`."""

PARSERS: Mapping[str, Callable[[str], Any]] = {
    "number": cells.number,
    "integer": cells.integer,
    "boolean": cells.boolean,
    "date": cells.date,
}
"""By type, what a cell must be; every text is a string and a text."""

EXAMPLES: Mapping[str, str] = {
    "number": "such as 12 or -3.5e2",
    "integer": "such as 12",
    "boolean": "true or false",
    "date": "such as 2024-05-31 or 2024-05-31T18:30:00Z",
}

MEMORY = 2 << 30
"""Bytes that a table may take in memory by default. Of data that would take more a sample is used for training."""


@dataclass(frozen=True)
class ReadOptions:
    """How data is read.

    `schema` declares types of columns; those it leaves out are told from the values. `categorical` columns are
    strings whatever they look like, `drop` columns are left out. `format` (csv, parquet, jsonl) and `delimiter` are
    told from the files when None. `memory` is the ceiling of the table's size in bytes, and `seed` is that of the
    sample which is taken of larger data. Without `refine` the dates and free texts that nobody declared stay strings.
    `wanted`, where given, are the only columns that are read, each by the option that names it.
    """

    schema: Mapping[str, Type] = field(default_factory=dict)
    categorical: Collection[str] = ()
    drop: Collection[str] = ()
    format: str | None = None
    delimiter: str | None = None
    memory: int = MEMORY
    seed: int = 0
    refine: bool = True
    wanted: Mapping[str, str] = field(default_factory=dict)

    def taken(self, names: Sequence[str]) -> list[str]:
        """Those of a file's columns that are read."""
        return [name for name in names if self.reads(name)]

    def reads(self, name: str) -> bool:
        """Whether the column of this name is read; what is in others does not matter."""
        return name not in self.drop and (not self.wanted or name in self.wanted.values())

    def declared(self, name: str) -> Type | None:
        """The type that the user gave the column, if any."""
        return self.schema.get(name) or ("string" if name in self.categorical else None)

    def check(self, file: str, names: Sequence[str]) -> None:
        """Raises TrainingError for an option that names a column which the data does not have."""
        by_option = {option: (name,) for option, name in self.wanted.items()}
        for option, columns in {**by_option, "categorical": self.categorical, "drop": self.drop}.items():
            for name in columns:
                if name not in names:
                    raise TrainingError(f"{file}: --{option} names '{name}', no such column{nearest(name, names)}")
        for name, type in self.schema.items():
            if name not in names and name not in self.drop:
                raise TrainingError(
                    f"{file}: there is no column '{name}', which the schema declares ({type}){nearest(name, names)}"
                )


def parse_schema(declared: str | Mapping[str, Any]) -> dict[str, Type]:
    """A declared schema: a mapping of column to type, or the JSON text of one. Raises TrainingError."""
    if isinstance(declared, str):
        try:
            declared = json.loads(declared) if declared.strip() else {}
        except ValueError as error:
            raise TrainingError(f"--schema is not JSON ({error}); it maps columns to types") from error
    if not isinstance(declared, Mapping):
        raise TrainingError('--schema must map columns to types: {"age": "number"}')
    found: dict[str, Type] = {}
    for name, given in declared.items():
        known = next((type for type in TYPES if type == given), None)
        if known is None:
            raise TrainingError(f"--schema: column '{name}': '{given}' is no type{nearest(str(given), TYPES)}")
        found[str(name)] = known
    return found


def misfit(place: str, name: str, cell: str, type: str) -> TrainingError:
    """The error for a cell that is not what the schema declares; `place` is its file and line."""
    what = {"integer": "a whole number", "boolean": "true or false", "date": "a date"}.get(type, f"a {type}")
    example = "" if type == "boolean" else f" ({EXAMPLES[type]})"
    return TrainingError(f"{place}, column '{name}': '{shown(cell)}' is not {what}, which the schema declares{example}")


def shown(cell: str) -> str:
    """A cell in an error: at most 40 characters of it."""
    return cell if len(cell) <= 40 else f"{cell[:40]}…"
