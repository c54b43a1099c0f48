"""JSON, CSV and NumPy bodies to arrays and back, as `sagemaker_containers.encoders` does it.

One thing differs on purpose: an array of Python objects in a body is not unpickled.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

JSON, CSV, NPY, ANY = "application/json", "text/csv", "application/x-npy", "*/*"
TEXT_TYPES = (JSON, CSV)
"""Bodies that user functions get as text."""

Array = npt.NDArray[Any]


class UnsupportedFormatError(Exception):
    """A content type that is neither JSON, CSV nor NumPy. The text is the toolkit's."""

    def __init__(self, content_type: str) -> None:
        super().__init__(
            f"Content type {content_type} is not supported by this framework.\n\n"
            "Please implement input_fn to to deserialize the request data or an output_fn to\n"
            "serialize the response. For more information, see the SageMaker Python SDK README."
        )


def decode(body: Any, content_type: str) -> Array:
    """The array in a body. Raises UnsupportedFormatError, ValueError."""
    reader = _READERS.get(content_type)
    if reader is None:
        raise UnsupportedFormatError(content_type)
    return reader(body)


def encode(values: Any, accept: str) -> str | bytes:
    """A body of this type. Raises UnsupportedFormatError."""
    writer = _WRITERS.get(accept)
    if writer is None:
        raise UnsupportedFormatError(accept)
    return writer(values)


def _from_json(body: str) -> Array:
    return np.array(json.loads(body))


def _from_csv(body: str) -> Array:
    """Numbers where all cells are such; a single row becomes an array of one dimension, as on AWS."""
    rows = list(csv.reader(io.StringIO(body), delimiter=",", quotechar='"', doublequote=True, strict=True))
    cells: Array = np.array(rows).squeeze()
    try:
        return cells.astype(np.float64)
    except ValueError:
        return cells


def _from_npy(body: bytes) -> Array:
    loaded: Array = np.load(io.BytesIO(body), allow_pickle=False)
    return loaded


def _to_json(values: Any) -> str:
    def plain(value: Any) -> Any:
        if hasattr(value, "tolist"):
            return value.tolist()
        raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")

    return json.dumps(values, default=plain)


def _to_csv(values: Any) -> str:
    array = np.array(values)
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n", delimiter=",", quotechar='"', doublequote=True).writerows(array)
    return stream.getvalue()


def _to_npy(values: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


_READERS: dict[str, Callable[[Any], Array]] = {JSON: _from_json, CSV: _from_csv, NPY: _from_npy}
_WRITERS: dict[str, Callable[[Any], str | bytes]] = {JSON: _to_json, CSV: _to_csv, NPY: _to_npy}
