"""Rows of a request to the arrays a model takes, checked against the signature.

A row is a mapping of column name to value, or a list in the signature's order. Numbers become float64 with NaN
for missing, text becomes str with "" for missing; what is wrong is told with its row and column.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.errors import RequestError, RowError, nearest

_PLAIN = frozenset({float, int})
_LARGEST = 3.4028234663852886e38
"""The largest single-precision number; more than that would reach the model as infinity."""


@dataclass(frozen=True)
class Column:
    """One column of the signature. `shape` and `dtype` are of one row's tensor, for the type `tensor`; a `boolean`
    number may be given as true or false; `truths` are the texts of a column that knows only "true" and "false"."""

    name: str
    type: str
    nullable: bool
    integer: bool = False
    shape: tuple[int | None, ...] = ()
    dtype: str = "float32"
    boolean: bool = False
    truths: Mapping[bool, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, entry: Mapping[str, Any]) -> Column:
        """The column of a signature's entry."""
        return cls(
            entry["name"],
            entry["type"],
            bool(entry.get("nullable")),
            bool(entry.get("integer")),
            tuple(entry.get("shape", ())),
            entry.get("dtype", "float32"),
            bool(entry.get("boolean")),
            _truths(entry.get("categories") or []),
        )


def _truths(categories: Sequence[str]) -> dict[bool, str]:
    """JSON's true and false as a CSV file wrote them (`True`, `FALSE`), where a column knows nothing else."""
    found = {text.lower() == "true": text for text in categories if text.lower() in ("true", "false")}
    return found if len(found) == len(categories) == 2 else {}


@dataclass(frozen=True)
class Features:
    """Encoded rows: numeric columns, text columns, tensors, each in the signature's order."""

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
        self._numbers = [place for place, column in enumerate(columns) if column.type == "number"]
        self._texts = [place for place, column in enumerate(columns) if column.type == "string"]
        self._tensors = [place for place, column in enumerate(columns) if column.type == "tensor"]
        plain = len(self._numbers) == len(columns) and not any(column.integer for column in columns)
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
        if not (np.abs(matrix) <= _LARGEST).all():
            return None
        return matrix

    def _cells(self, number: int, row: Any) -> list[Any]:
        """One row's values in the signature's order, each checked."""
        if isinstance(row, dict):
            if not self._known.issuperset(row):
                unknown = next(name for name in row if name not in self._known)
                left = [name for name in self.names if name not in row]
                raise RowError(number, f"unknown column '{unknown}'{nearest(unknown, left or self.names)}")
            if len(row) != len(self.names):
                missing = next(name for name in self.names if name not in row)
                raise RowError(number, f"column '{missing}' is missing")
            return self._checked(number, [row[name] for name in self.names])
        if len(self.columns) == 1 and not (isinstance(row, list) and self.columns[0].type != "tensor"):
            return self._checked(number, [row])
        if not isinstance(row, list | tuple):
            raise RowError(
                number, f"{_shown(row)} is no row; an object of column names, or a list of values, is expected"
            )
        return self._checked(number, row)

    def _checked(self, number: int, values: Sequence[Any]) -> list[Any]:
        if len(values) != len(self.columns):
            raise RowError(
                number, f"{len(values)} values, but the model takes {len(self.columns)}: {', '.join(self.names[:20])}"
            )
        return [_CHECKS[column.type](number, column, value) for column, value in zip(self.columns, values, strict=True)]

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


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"


def _absent(row: int, column: Column) -> None:
    if not column.nullable:
        raise RowError(row, f"column '{column.name}' has no value, and the model cannot fill one in")


def _number(row: int, column: Column, value: Any) -> float:
    value = _alone(value)
    if value is None or value != value:
        _absent(row, column)
        return math.nan
    if (isinstance(value, bool) and not column.boolean) or not isinstance(value, int | float):
        raise RowError(row, f"column '{column.name}': {_shown(value)} is not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if abs(number) > _LARGEST:
        raise RowError(row, f"column '{column.name}': {_shown(value)} is out of range")
    if column.integer and not number.is_integer():
        raise RowError(row, f"column '{column.name}': {_shown(value)} is not a whole number")
    return number


def _alone(value: Any) -> Any:
    """The value of a list of one: Keras and MLflow write a column's cell as `[5.1]`."""
    return value[0] if type(value) is list and len(value) == 1 else value


def _text(row: int, column: Column, value: Any) -> str:
    value = _alone(value)
    if value is None or value != value or value == "":
        _absent(row, column)
        return ""
    if not isinstance(value, str):
        if isinstance(value, bool) and value in column.truths:
            return column.truths[value]
        raise RowError(row, f"column '{column.name}': {_shown(value)} is not text")
    return value


def _tensor(row: int, column: Column, value: Any) -> npt.NDArray[Any]:
    try:
        array = np.array(value, dtype=object if column.dtype == "string" else np.dtype(column.dtype))
    except (ValueError, TypeError, OverflowError):
        raise RowError(
            row, f"'{column.name}' is not an array of {column.dtype} (values of one shape are expected)"
        ) from None
    fits = len(array.shape) == len(column.shape) and all(
        want in (None, have) for want, have in zip(column.shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in column.shape)
        raise RowError(row, f"'{column.name}' has shape {list(array.shape)}, but the model takes [{wanted}]")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise RowError(row, f"'{column.name}' holds a value that is not a finite number")
    return array


_CHECKS: Mapping[str, Callable[[int, Column, Any], Any]] = {"number": _number, "string": _text, "tensor": _tensor}
