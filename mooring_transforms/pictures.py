"""Pictures as arrays: encoded files to pixels of one size, pixels to the columns of a matrix.

Imports NumPy only, and Pillow where a file is decoded: a server of an ONNX model needs this, and no scikit-learn.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's name of a picture with so many channels."""
MOST_PIXELS = 50_000_000
"""Of a file; a small one can unpack to far more than a server has memory."""


def decode(data: bytes, shape: Sequence[int]) -> npt.NDArray[np.uint8]:
    """A PNG, JPEG or other picture as [height, width] or [height, width, channels], as `shape` says, resized
    (bilinear) where it has another size. Raises ValueError for bytes that are no picture.
    """
    from PIL import Image

    height, width = shape[:2]
    channels = shape[2] if len(shape) > 2 else 1
    try:
        with Image.open(io.BytesIO(data)) as opened:
            size = opened.size  # known before anything is unpacked
            picture = opened.convert(MODES[channels]) if size[0] * size[1] <= MOST_PIXELS else None
    except Exception as error:  # noqa: BLE001 - Pillow's decoders raise what they like
        raise ValueError(f"no picture that can be read ({type(error).__name__})") from None
    if picture is None:
        raise ValueError(
            f"a picture of {size[0]} × {size[1]} pixels; at most {MOST_PIXELS // 1_000_000} million are taken"
        )
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(picture, dtype=np.uint8).reshape(tuple(shape))


def size_of(data: bytes) -> tuple[int, int, int]:
    """Height, width and channels (1, 3 or 4) of an encoded picture. Raises ValueError for bytes that are none."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as opened:
            channels = {"1": 1, "L": 1, "I": 1, "I;16": 1, "F": 1, "RGBA": 4, "LA": 4, "PA": 4}.get(opened.mode, 3)
            return opened.size[1], opened.size[0], channels
    except Exception as error:  # noqa: BLE001 - see above
        raise ValueError(f"no picture that can be read ({type(error).__name__})") from None


def pixels_of(images: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """[rows, height, width, channels] as the columns of a pipeline's matrix, one row a picture."""
    flat: npt.NDArray[np.float32] = images.reshape(len(images), -1).astype(np.float32)
    return flat
