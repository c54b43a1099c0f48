"""Rows of a request to the arrays a model takes, checked against the signature.

A row is a mapping of column name to value, or a list in the signature's order. Numbers become float64 with NaN
for missing, dates seconds since 1970-01-01 UTC, text becomes str with "" for missing, images arrays of pixels; what
is wrong is told with its row and column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.cells import LARGEST, Column, checked, shown
from serving.errors import RequestError, RowError, nearest

_PLAIN = frozenset({float, int})
FEW = 64
"""Up to so many numbers, Python looks through them faster than NumPy."""


@dataclass(frozen=True)
class Features:
    """Encoded rows: numbers and dates, texts, tensors and images, each in the signature's order."""

    rows: int
    numbers: npt.NDArray[np.float64]
    texts: npt.NDArray[Any]
    tensors: Mapping[str, npt.NDArray[Any]]


class Encoder:
    """Turns rows into `Features`. Stateless after it is made, so any thread may use it."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self.names = [column.name for column in columns]
        self._known = frozenset(self.names)
        self._required = [place for place, column in enumerate(columns) if not column.optional]
        self._numbers = [place for place, column in enumerate(columns) if column.numeric]
        self._texts = [place for place, column in enumerate(columns) if column.textual]
        self._tensors = [place for place, column in enumerate(columns) if column.type in ("tensor", "image")]
        plain = all(column.type == "number" and not column.integer for column in columns)
        self._pick: Callable[[Any], Any] | None = itemgetter(*self.names) if plain and len(columns) > 1 else None
        self._no_texts = np.empty((0, 0), dtype=object)

    def encode(self, rows: Sequence[Any]) -> Features:
        """Encode rows. Raises RowError for the first row that is wrong, RequestError when there is none."""
        if not rows:
            raise RequestError("no rows; at least one is expected")
        if self._pick is not None and (quick := self._quick(rows, self._pick)) is not None:
            return Features(len(rows), quick, self._no_texts, {})
        cells = [self._cells(number, row) for number, row in enumerate(rows)]
        return self._assemble(cells)

    def encode_cells(self, cells: Sequence[Sequence[Any]]) -> Features:
        """Encode rows that are already in the signature's order and unchecked (None or "" for missing)."""
        if not cells:
            raise RequestError("no rows; at least one is expected")
        if self._pick is not None and (quick := self._quick(cells, self._pick)) is not None:
            return Features(len(cells), quick, self._no_texts, {})
        return self._assemble([self._checked(number, row) for number, row in enumerate(cells)])

    def _quick(self, rows: Sequence[Any], pick: Callable[[Any], Any]) -> npt.NDArray[np.float64] | None:
        """The usual case at full speed: every value a plain finite number. None sends it to the thorough way."""
        width = len(self.names)
        picked = []
        try:
            for row in rows:
                values = pick(row) if type(row) is dict else row
                if len(row) != width or not _PLAIN.issuperset(map(type, values)):
                    return None
                picked.append(values)
            matrix = np.array(picked, dtype=np.float64)
        except (KeyError, TypeError, OverflowError, ValueError):
            return None
        if matrix.size <= FEW:  # a sum is too large, or NaN, where one of its parts is
            finite = all(sum(map(abs, values)) <= LARGEST for values in picked)
        else:
            finite = bool((np.abs(matrix) <= LARGEST).all())
        return matrix if finite else None

    def _cells(self, number: int, row: Any) -> list[Any]:
        """One row's values in the signature's order, each checked."""
        if isinstance(row, dict) and not self._is_value(row):
            if not self._known.issuperset(row):
                unknown = next(name for name in row if name not in self._known)
                left = [name for name in self.names if name not in row]
                raise RowError(number, f"unknown column '{unknown}'{nearest(unknown, left or self.names)}")
            for place in self._required if len(row) != len(self.names) else ():
                if self.names[place] not in row:
                    raise RowError(number, f"column '{self.names[place]}' is missing")
            return self._checked(number, [row.get(name) for name in self.names])
        if self._is_value(row):
            return self._checked(number, [row if place in self._required else None for place in range(len(self.names))])
        if not isinstance(row, list | tuple):
            raise RowError(
                number, f"{shown(row)} is no row; an object of column names, or a list of values, is expected"
            )
        return self._checked(number, row)

    def _is_value(self, row: Any) -> bool:
        """Whether a row is the value of the only column itself, neither a mapping nor a list of one. Columns that may
        be left out do not count."""
        if len(self._required) != 1:
            return False
        column = self.columns[self._required[0]]
        if isinstance(row, dict):
            return column.type == "image" and list(row) == ["b64"]
        if column.type == "image":  # a list of one is a row, where the picture has more lines or pixels than that
            return not (isinstance(row, list) and len(row) == 1 and column.shape[0] != 1)
        return column.type == "tensor" or not isinstance(row, list)

    def _checked(self, number: int, values: Sequence[Any]) -> list[Any]:
        if len(values) != len(self.columns):
            if self._required and self._required[-1] < len(values) < len(self.columns):
                return self._checked(number, [*values, *[None] * (len(self.columns) - len(values))])
            raise RowError(
                number, f"{len(values)} values, but the model takes {len(self.columns)}: {', '.join(self.names[:20])}"
            )
        return [checked(number, column, value) for column, value in zip(self.columns, values, strict=True)]

    def _assemble(self, cells: list[list[Any]]) -> Features:
        numbers = np.array([[row[place] for place in self._numbers] for row in cells], dtype=np.float64)
        texts = np.empty((len(cells), len(self._texts)), dtype=object)
        for at, place in enumerate(self._texts):
            texts[:, at] = [row[place] for row in cells]
        tensors = {}
        for place in self._tensors:
            column = self.columns[place]
            arrays = [row[place] for row in cells]
            for number, array in enumerate(arrays):
                if array.shape != arrays[0].shape:
                    raise RowError(number, f"'{column.name}' has shape {array.shape}, but row 0 has {arrays[0].shape}")
            tensors[column.name] = np.stack(arrays)
        return Features(len(cells), numbers, texts, tensors)
