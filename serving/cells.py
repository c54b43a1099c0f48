"""One cell of a row, checked against its column. What is wrong is told with row and column."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.errors import RowError

LARGEST = 3.4028234663852886e38
"""The largest single-precision number; more than that would reach the model as infinity."""

TRUTHS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "t", "yes", "y", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0"), False),
}
"""What a boolean may be written as, in lower case (as in training)."""


@dataclass(frozen=True)
class Column:
    """One column of the signature. `shape` and `dtype` are of one row's tensor or image; a `boolean` number may be
    given as true or false; `truths` are the texts of a column that knows only "true" and "false"; `format` is how
    dates are written beside ISO 8601 (as `datetime.strptime` has it). An `optional` one may be left out of a row, and
    has values from `least` on; an `identifier` is text that may be given as a whole number. An `unused` one may
    hold anything: the model passes over it."""

    name: str
    type: str
    nullable: bool
    integer: bool = False
    shape: tuple[int | None, ...] = ()
    dtype: str = "float32"
    boolean: bool = False
    truths: Mapping[bool, str] = field(default_factory=dict)
    format: str = ""
    optional: bool = False
    least: float = -math.inf
    identifier: bool = False
    unused: bool = False

    @classmethod
    def parse(cls, entry: Mapping[str, Any], *, identifier: bool = False) -> Column:
        """The column of a signature's entry. Raises ValueError for a type that this server does not know."""
        optional = bool(entry.get("optional"))
        if entry["type"] not in TYPES:
            raise ValueError(f"column '{entry['name']}' has the type '{entry['type']}'")
        return cls(
            entry["name"],
            entry["type"],
            bool(entry.get("nullable")),
            bool(entry.get("integer")),
            tuple(entry.get("shape", ())),
            entry.get("dtype", "float32"),
            bool(entry.get("boolean")),
            _truths(entry.get("categories") or []),
            str(entry.get("format") or ""),
            optional,
            float(entry.get("min", -math.inf)) if optional else -math.inf,
            identifier and entry["type"] == "string",
            bool(entry.get("unused")),
        )

    @property
    def numeric(self) -> bool:
        """Whether it is one number to the model: also a date, which is seconds since 1970-01-01 UTC."""
        return self.type in ("number", "date")

    @property
    def textual(self) -> bool:
        """Whether it is text to the model: a category, or free text."""
        return self.type in ("string", "text")


def _truths(categories: list[str]) -> dict[bool, str]:
    """JSON's true and false as a CSV file wrote them (`True`, `FALSE`), where a column knows nothing else."""
    found = {text.lower() == "true": text for text in categories if text.lower() in ("true", "false")}
    return found if len(found) == len(categories) == 2 else {}


def checked(row: int, column: Column, value: Any) -> Any:
    """The cell as the model takes it: float (NaN for missing), str ("" for missing), or an array. Raises RowError."""
    return _CHECKS[column.type](row, column, value)


def shown(value: Any) -> str:
    """A value as an error shows it."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"


def _absent(row: int, column: Column) -> None:
    if not column.nullable:
        raise RowError(row, f"column '{column.name}' has no value, and the model cannot fill one in")


def _number(row: int, column: Column, value: Any) -> float:
    if column.unused:
        return math.nan
    value = _alone(value)
    if value is None or value != value:
        _absent(row, column)
        return math.nan
    if (isinstance(value, bool) and not column.boolean) or not isinstance(value, int | float):
        raise RowError(row, f"column '{column.name}': {shown(value)} is not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if abs(number) > LARGEST:
        raise RowError(row, f"column '{column.name}': {shown(value)} is out of range")
    if number < column.least:
        raise RowError(row, f"column '{column.name}': {shown(value)} is less than {column.least:g}")
    if column.integer and not number.is_integer():
        raise RowError(row, f"column '{column.name}': {shown(value)} is not a whole number")
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
        if column.identifier and type(value) is int:
            return str(value)
        raise RowError(row, f"column '{column.name}': {shown(value)} is not text")
    if column.truths and value not in column.truths.values():
        return _truth(column, value)
    return value


def _truth(column: Column, text: str) -> str:
    """A text in a column of truths as training had it. What a declared boolean may be, training made true or false."""
    word = text.strip().lower()
    known = TRUTHS if column.truths[True] == "true" else {"true": True, "false": False}
    return column.truths[known[word]] if word in known else text


def _date(row: int, column: Column, value: Any) -> float:
    from mooring_transforms.moments import seconds_of

    value = _alone(value)
    if value is None or value != value or value == "":
        _absent(row, column)
        return math.nan
    if not isinstance(value, str):
        raise RowError(row, f"column '{column.name}': {shown(value)} is not a date; text such as '2024-03-01' is")
    try:
        return seconds_of(value, column.format)
    except (ValueError, OverflowError) as error:
        reason = str(error) if len(str(error)) < 200 else f"{shown(value)} is not a date"
        raise RowError(row, f"column '{column.name}': {reason}") from None


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


def _image(row: int, column: Column, value: Any) -> npt.NDArray[Any]:
    from serving.pictures import picture

    return picture(row, column.name, value, [int(size or 1) for size in column.shape], column.dtype)


_CHECKS: Mapping[str, Callable[[int, Column, Any], Any]] = {
    "number": _number,
    "date": _date,
    "string": _text,
    "text": _text,
    "image": _image,
    "tensor": _tensor,
}
TYPES = frozenset(_CHECKS)
"""The types of columns that a model may take."""
