"""A picture in a request: nested lists of pixels, or the bytes of a PNG or JPEG (or of a NumPy file) in base64."""

from __future__ import annotations

import base64
import binascii
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.errors import RowError

NUMPY_MAGIC = b"\x93NUMPY"


def picture(row: int, name: str, value: Any, shape: Sequence[int], dtype: str) -> npt.NDArray[Any]:
    """The pixels as an array of `shape` ([height, width] or [height, width, channels]) and `dtype`.

    Taken are lists of that shape (or all pixels in one list, row by row), text in base64, also as a data URL, and
    TensorFlow Serving's `{"b64": "…"}`. An encoded picture of another size is resized, as in training. Raises
    RowError for what is none of these, another shape, or pixels that do not fit the type.
    """
    if isinstance(value, dict) and list(value) == ["b64"]:
        value = value["b64"]
    if value is None:
        raise RowError(row, f"column '{name}' has no picture, and the model cannot fill one in")
    if isinstance(value, str):
        data = _bytes(row, name, value)
        if not data.startswith(NUMPY_MAGIC):
            return _decoded(row, name, data, shape).astype(dtype, copy=False)
        value = _array(row, name, data)
    return _pixels(row, name, value, shape, np.dtype(dtype))


def _bytes(row: int, name: str, text: str) -> bytes:
    head, comma, rest = text[:100].partition(",")
    if comma and head.startswith("data:") and head.endswith(";base64"):
        text = rest + text[100:]
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise RowError(
            row, f"column '{name}': not base64; a picture is the base64 of its PNG or JPEG file, or lists of pixels"
        ) from None


def _decoded(row: int, name: str, data: bytes, shape: Sequence[int]) -> npt.NDArray[Any]:
    from mooring_transforms.pictures import decode

    try:
        return decode(data, shape)
    except ValueError as error:
        raise RowError(row, f"column '{name}': {error}") from None


def _array(row: int, name: str, data: bytes) -> Any:
    try:
        return np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError, SyntaxError) as error:
        raise RowError(row, f"column '{name}': not an array as numpy.save writes it ({error})") from None


def _pixels(row: int, name: str, value: Any, shape: Sequence[int], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    try:
        found = np.array(value, dtype=np.float64 if dtype.kind != "f" else dtype)
    except (ValueError, TypeError, OverflowError):
        raise RowError(row, f"column '{name}' is no picture: lists of pixels of one shape are expected") from None
    given, wanted = found.shape, tuple(shape)
    grey = len(wanted) == 3 and wanted[2] == 1
    if given not in (wanted, (math.prod(wanted),)) and not (grey and given == wanted[:2]):
        raise RowError(row, f"column '{name}' has shape {list(given)}, but the model takes {list(wanted)}")
    if not np.isfinite(found).all():
        raise RowError(row, f"column '{name}' holds a pixel that is not a finite number")
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        wrong = found[(found < limits.min) | (found > limits.max) | (found % 1 != 0)]
        if wrong.size:
            raise RowError(
                row, f"column '{name}': {wrong.flat[0]:g} is no pixel; whole numbers from 0 to {limits.max} are"
            )
    pixels: npt.NDArray[Any] = found.reshape(wanted).astype(dtype, copy=False)
    return pixels
