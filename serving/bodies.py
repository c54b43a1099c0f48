"""Rows out of a request's body, in the forms that callers of the plain protocols send.

JSON: `instances` (Vertex AI, TensorFlow Serving, MLflow), `inputs` (TensorFlow Serving's columns, MLflow's tensors),
`dataframe_split` and `dataframe_records` (MLflow), or the list itself. JSON Lines: one row a line. NumPy: an array
[rows, columns] as `numpy.save` writes it, never one with pickled objects.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from serving.errors import RequestError, nearest
from serving.http import decode


def rows_of(document: Any) -> list[Any]:
    """The rows of a JSON body. Raises RequestError for one that holds none, or several kinds of them."""
    if isinstance(document, list):
        return document
    if not isinstance(document, dict):
        raise RequestError('the body is not an object; {"instances": [rows]} is expected')
    if "instances" in document and len(document) == 1:
        return _listed(document["instances"], "instances")
    kinds = [kind for kind in _KINDS if kind in document]
    if not kinds:
        near = nearest(next(iter(document)), _KINDS) if len(document) == 1 else ""
        found = f"; found '{next(iter(document))}'{near}" if document else ""
        raise RequestError(f'the body has no "instances", the list of rows{found}')
    if len(kinds) > 1:
        raise RequestError(f'the body has both "{kinds[0]}" and "{kinds[1]}"; rows are expected in one of them')
    return _KINDS[kinds[0]](document[kinds[0]], kinds[0])


def lines_of(body: bytes) -> list[Any]:
    """The rows of JSON Lines; empty lines are passed over."""
    rows = []
    for number, line in enumerate(body.split(b"\n"), 1):
        if line.strip():
            try:
                rows.append(decode(line))
            except RequestError as error:
                raise RequestError(f"line {number}: {str(error).replace('the body', 'the line')}") from None
    return rows


def array_of(body: bytes) -> list[Any]:
    """The rows of a NumPy file (.npy)."""
    try:
        values = np.load(io.BytesIO(body), allow_pickle=False)
    except (ValueError, EOFError, OSError, SyntaxError) as error:
        raise RequestError(f"the body is not an array as numpy.save writes it ({error})") from None
    if not isinstance(values, np.ndarray) or values.ndim == 0:
        raise RequestError("the body is not an array of rows; one of the shape [rows, columns] is expected")
    if values.dtype.kind not in "biufU":
        raise RequestError(f"an array of {values.dtype} cannot be taken; numbers, truth values or text are expected")
    rows: list[Any] = values.tolist()
    return rows


def _listed(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise RequestError(f'"{name}" is not a list; it holds one entry a row')
    return value


def _inputs(value: Any, name: str) -> list[Any]:
    """A list of rows, or an object of columns, each with one value a row."""
    if not isinstance(value, dict):
        return _listed(value, name)
    columns = {column: values if isinstance(values, list) else [values] for column, values in value.items()}
    rows = len(next(iter(columns.values()), []))
    for column, values in columns.items():
        if len(values) != rows:
            first = next(iter(columns))
            raise RequestError(f"\"{name}\": '{column}' has {len(values)} values, but '{first}' has {rows}")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _split(value: Any, name: str) -> list[Any]:
    """A data frame as pandas' `to_json(orient="split")` has it; without column names its rows are lists."""
    if not isinstance(value, dict) or not isinstance(value.get("data"), list):
        raise RequestError(f'"{name}" has no "data", the list of rows')
    columns: Any = value.get("columns")
    rows: list[Any] = value["data"]
    if columns is None:
        return rows
    if not isinstance(columns, list) or not all(isinstance(column, str | int) for column in columns):
        raise RequestError(f'"{name}": "columns" is not a list of names')
    if columns == list(range(len(columns))):
        return rows  # a frame whose columns have numbers only
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            raise RequestError(f'"{name}", row {number}: {len(columns)} values are expected, one for each column')
    return [dict(zip(map(str, columns), row, strict=True)) for row in rows]


_KINDS: Mapping[str, Callable[[Any, str], list[Any]]] = {
    "instances": _listed,
    "inputs": _inputs,
    "dataframe_split": _split,
    "dataframe_records": _listed,
}
