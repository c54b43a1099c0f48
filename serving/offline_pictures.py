"""Pictures for an offline prediction: arrays of NumPy (.npz), picture files, or a folder of them."""

from __future__ import annotations

import base64
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from serving.cells import Column
from serving.errors import RequestError, nearest

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
SINGULAR = {"images": "image", "labels": "label"}
"""What arrays are called, and one row of them (as in training)."""

Read = tuple[str, dict[str, Any], list[Any]]
"""A row's place, the values that are copied to the output, and those for the model."""


def arrays(path: Path, columns: Sequence[Column]) -> Iterator[Read]:
    """One row for each first index of a .npz file's arrays; those that are no pictures are copied to the output."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = {SINGULAR.get(name, name): archive[name] for name in archive.files}
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise RequestError(f"{path.name}: not arrays as numpy.savez writes them ({error})") from None
    for column in columns:
        if column.name not in found:
            raise RequestError(f"{path.name}: array '{column.name}' is missing{nearest(column.name, list(found))}")
    sizes = {len(array) if array.ndim else 0 for array in found.values()}
    if len(sizes) != 1:
        raise RequestError(f"{path.name}: the arrays have different numbers of rows")
    copied = {name: array.tolist() for name, array in found.items() if array.ndim == 1}
    for at in range(sizes.pop()):
        given = {name: values[at] for name, values in copied.items()}
        yield f"row {at + 1}", given, [found[column.name][at].tolist() for column in columns]


def pictures(path: Path, columns: Sequence[Column]) -> Iterator[Read]:
    """A row for each picture, in the order of their names; the output has the name in the column `file`."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.suffix.lower() in ENDINGS)
    if not files:
        raise RequestError(f"{path.name}: a folder without a picture; a table is one file")
    if len(columns) != 1 or columns[0].type != "image":
        named = ", ".join(column.name for column in columns[:5])
        raise RequestError(f"{path.name}: a picture alone, and the model takes the columns {named}")
    for file in files:
        name = file.name if file == path else file.relative_to(path).as_posix()
        yield name, {"file": name}, [base64.b64encode(file.read_bytes()).decode()]
