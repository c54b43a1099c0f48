"""Tensors of the Open Inference Protocol: from a request's inputs to rows, and from arrays to a reply's outputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.cells import Column
from serving.errors import RequestError, nearest

DATATYPES: Mapping[str, str] = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
    "BYTES": "string",
}
"""The protocol's datatypes and NumPy's names for them."""
NAMES = {numpy: name for name, numpy in DATATYPES.items()}

_TEXTS: frozenset[type] = frozenset({str, type(None)})
_NUMBERS: frozenset[type] = frozenset({bool, int, float, type(None)})


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input. `values` are in row-major order: plain ones of JSON, or an array where they came in binary form."""

    name: str
    shape: list[int]
    values: list[Any] | npt.NDArray[Any]

    @property
    def plain(self) -> list[Any]:
        """The values in one list."""
        return self.values if isinstance(self.values, list) else self.values.tolist()

    def rows(self) -> list[Any]:
        """The value of each row: nested lists, or an array."""
        if isinstance(self.values, np.ndarray):
            return list(self.values.reshape(self.shape))
        nested = np.empty(len(self.values), dtype=object)
        nested[:] = self.values
        found: list[Any] = nested.reshape(self.shape).tolist()
        return found


def read(place: int, given: Any) -> Tensor:
    """One input of a request, checked against its own shape and datatype; the encoder checks it against its column.

    Raises RequestError that names the input.
    """
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise RequestError(f'inputs[{place}] has no "name"')
    name = given["name"]
    for key in ("datatype", "shape", "data"):
        if key not in given:
            raise RequestError(f"input '{name}' has no \"{key}\"")
    datatype, shape, data = given["datatype"], given["shape"], given["data"]
    if not isinstance(datatype, str) or datatype not in DATATYPES:
        raise RequestError(f"input '{name}': unknown datatype '{datatype}'{nearest(str(datatype), DATATYPES)}")
    if not isinstance(shape, list) or not shape or not all(type(size) is int and size >= 0 for size in shape):
        raise RequestError(f"input '{name}': the shape is not a list of sizes")
    flat = data.reshape(-1) if isinstance(data, np.ndarray) else _flatten(name, data)
    count = math.prod(shape)
    if len(flat) != count:
        raise RequestError(f"input '{name}': {len(flat)} values do not fill the shape {shape}, which has {count}")
    if isinstance(flat, list):
        allowed = _TEXTS if datatype == "BYTES" else _NUMBERS
        if not allowed.issuperset(map(type, flat)):
            at, value = next((at, value) for at, value in enumerate(flat) if type(value) not in allowed)
            raise RequestError(f"input '{name}', value {at}: {str(value)[:40]!r} is not {datatype}")
    return Tensor(name, shape, flat)


def _flatten(name: str, data: Any) -> list[Any]:
    """The values of flat or nested lists, in row-major order."""
    if not isinstance(data, list):
        raise RequestError(f"input '{name}': the data is not a list")
    level = data
    while list in map(type, level):
        if not all(isinstance(item, list) for item in level):
            raise RequestError(f"input '{name}': the data is nested unevenly")
        level = [value for item in level for value in item]
    return level


def rows(tensors: Sequence[Tensor], columns: Sequence[Column]) -> list[list[Any]]:
    """One list of cells a row, of one tensor a column. Raises RequestError for tensors of different rows."""
    first = tensors[0]
    found = []
    for tensor, column in zip(tensors, columns, strict=True):
        if tensor.shape[0] != first.shape[0]:
            raise RequestError(
                f"input '{tensor.name}' has {tensor.shape[0]} rows, but '{first.name}' has {first.shape[0]}"
            )
        if column.numeric or column.textual:
            if len(tensor.values) != first.shape[0]:
                raise RequestError(f"input '{tensor.name}' has the shape {tensor.shape}; one value a row is expected")
            found.append(tensor.plain)
        else:
            found.append(tensor.rows())
    return [list(row) for row in zip(*found, strict=True)]


def output(name: str, values: npt.NDArray[Any]) -> dict[str, Any]:
    """One output of a reply."""
    datatype = "BYTES" if values.dtype.kind in "OSU" else NAMES[values.dtype.name]
    data: Any = values.reshape(-1)
    shape = list(values.shape)
    return {"name": name, "datatype": datatype, "shape": shape, "data": data.tolist() if datatype == "BYTES" else data}


def described(column: Column) -> dict[str, Any]:
    """A column as the protocol's metadata words it; -1 is a free size."""
    plain = column.numeric or column.textual
    datatype = ("FP64" if column.type == "number" else "BYTES") if plain else NAMES[column.dtype]
    return {"name": column.name, "datatype": datatype, "shape": [-1, 1] if plain else [-1, *free(column.shape)]}


def free(shape: Sequence[int | None]) -> list[int]:
    """A shape of the signature, -1 for its free sizes."""
    return [-1 if size is None else size for size in shape]
