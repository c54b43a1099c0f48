"""Rows for a prediction, from what callers have: lists, mappings, numpy arrays, pandas frames.

Arrays and frames are told by what they can do; neither library is imported.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from providers.errors import InvalidInput

Row = dict[str, Any] | list[Any]


def as_rows(data: Any) -> list[Row]:
    """JSON-ready rows: each a mapping of column to value, or a list in the model's order of columns.

    A missing value (NaN, NaT, NA) is None. One mapping is one row. Raises `InvalidInput`.
    """
    if hasattr(data, "to_dict") and hasattr(data, "columns"):
        data = data.to_dict(orient="records")
    elif hasattr(data, "to_dict") and hasattr(data, "index"):
        data = [data.to_dict()]
    elif hasattr(data, "tolist") and hasattr(data, "ndim"):
        if data.ndim != 2:
            raise InvalidInput(f"rows: an array must have two dimensions (rows, columns), not {data.ndim}")
        data = data.tolist()
    elif isinstance(data, Mapping):
        data = [data]
    if isinstance(data, str | bytes) or not isinstance(data, Iterable):
        raise InvalidInput(f"rows: must be a list of rows, not {type(data).__name__}")
    rows = [_row(row, number) for number, row in enumerate(data)]
    if not rows:
        raise InvalidInput("rows: there are none; give at least one")
    return rows


def _row(row: Any, number: int) -> Row:
    if hasattr(row, "tolist") and hasattr(row, "ndim") and row.ndim == 1:
        row = row.tolist()
    if isinstance(row, Mapping):
        return {str(column): _cell(value, f"rows[{number}].{column}") for column, value in row.items()}
    if isinstance(row, list | tuple):
        return [_cell(value, f"rows[{number}][{place}]") for place, value in enumerate(row)]
    raise InvalidInput(
        f"rows[{number}]: must be a mapping of column to value, or a list of values, not {type(row).__name__}"
    )


def _cell(value: Any, where: str) -> Any:
    """One value as JSON has it."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if math.isinf(value):
            raise InvalidInput(f"{where}: infinity is no number that can be sent")
        return None if math.isnan(value) else value
    if isinstance(value, list | tuple):
        return [_cell(item, where) for item in value]
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise InvalidInput(f"{where}: {type(value).__name__} is no text, number or truth value")
