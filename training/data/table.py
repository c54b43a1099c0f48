"""A table in memory: columns of one length, each of one kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Kind = Literal["number", "string", "text", "date", "image"]
"""What a column is to a model: quantities, categories, free text, moments, pictures."""


@dataclass(frozen=True)
class Column:
    """One column.

    `values` are, by kind: number float64, NaN for missing; string and text str objects, "" for missing;
    date datetime64[us] in UTC, NaT for missing; image an array rows × height × width × channels, never missing.
    """

    name: str
    kind: Kind
    values: npt.NDArray[Any]

    @property
    def missing(self) -> npt.NDArray[np.bool_]:
        """True where there is no value."""
        absent: npt.NDArray[np.bool_]
        if self.kind == "number":
            absent = np.isnan(self.values)
        elif self.kind == "date":
            absent = np.isnat(self.values)
        elif self.kind == "image":
            absent = np.zeros(len(self.values), dtype=np.bool_)
        else:
            absent = self.values == ""
        return absent

    def take(self, rows: npt.NDArray[Any]) -> Column:
        """The same column with only these rows (indices or a mask)."""
        return Column(self.name, self.kind, self.values[rows])


@dataclass(frozen=True)
class Table:
    """Columns of one length, in the file's order. `row_numbers` are the rows' places in the data, from 0.

    `sample` is set where the data held more rows than memory was to be spent on: `{"rows", "of", "seed", "rule"}`.
    """

    columns: tuple[Column, ...]
    row_numbers: npt.NDArray[np.int64]
    sample: Mapping[str, Any] | None = None

    @property
    def names(self) -> list[str]:
        """The columns' names in order."""
        return [column.name for column in self.columns]

    def __len__(self) -> int:
        return len(self.row_numbers)

    def column(self, name: str) -> Column:
        """The column of that name; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def without(self, *names: str) -> Table:
        """All but these columns."""
        return replace(self, columns=tuple(column for column in self.columns if column.name not in names))

    def take(self, rows: npt.NDArray[Any]) -> Table:
        """Only these rows (indices or a mask)."""
        taken = tuple(column.take(rows) for column in self.columns)
        return replace(self, columns=taken, row_numbers=self.row_numbers[rows])
