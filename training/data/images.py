"""Pictures as a table: a folder with a subfolder a class, or NumPy arrays (.npz, or a folder of .npy).

A folder of subfolders gives the columns `image` and the target, the subfolders' names. Arrays give a column each:
those of three axes (rows, height, width) or four (and channels) are pictures; `images` is called `image`, `labels`
`label`, as one row of them is, unless the target is called so.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mooring_transforms.pictures import decode, size_of
from training.data.table import Column, Table
from training.errors import TrainingError

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
SINGULAR = {"images": "image", "labels": "label"}
LARGEST = 2 << 30
"""Bytes that all pictures may take in a pipeline, which computes in single precision."""

Say = Callable[[str], None]


def holds_images(path: Path) -> bool:
    """Whether there are pictures or arrays at `path`, by the names of its files."""
    if path.is_file():
        return path.suffix.lower() in (".npz", ".npy")
    files = [file for file in path.rglob("*") if file.is_file() and not file.name.startswith(".")]
    return bool(files) and all(file.suffix.lower() in (*PICTURES, ".npy", ".npz") for file in files)


def read_images(path: Path, target: str, treatment: Mapping[str, Any], say: Say) -> Table:
    """The table of the pictures at `path`. `treatment` may have `size` ([height, width]) and `channels`.

    Raises TrainingError, naming the file, for what is no picture, and for more than fits into memory.
    """
    if path.is_file():
        arrays = _npz(path) if path.suffix.lower() == ".npz" else {"image": _npy(path)}
        return _of_arrays(path.name, arrays, target)
    arrays_here = sorted(file for file in path.rglob("*.np[yz]"))
    if arrays_here:
        found: dict[str, npt.NDArray[Any]] = {}
        for file in arrays_here:
            found |= _npz(file) if file.suffix == ".npz" else {file.stem: _npy(file)}
        return _of_arrays(path.name, found, target)
    return _of_folder(path, target, treatment, say)


def _npy(path: Path) -> npt.NDArray[Any]:
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (ValueError, EOFError, OSError) as error:
        raise TrainingError(f"{path.name}: not an array as numpy.save writes it ({error})") from error


def _npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise TrainingError(f"{path.name}: not arrays as numpy.savez writes them ({error})") from error


def _of_arrays(file: str, arrays: Mapping[str, npt.NDArray[Any]], target: str) -> Table:
    if not arrays:
        raise TrainingError(f"{file}: holds no array")
    columns = []
    rows = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if len(set(rows.values())) > 1 or not max(rows.values()):
        told = ", ".join(f"'{name}' {count}" for name, count in rows.items())
        raise TrainingError(f"{file}: the arrays have different numbers of rows, or none: {told}")
    for name, array in arrays.items():
        columns.append(_column(file, SINGULAR.get(name, name) if name != target else name, array))
    return Table(tuple(columns), np.arange(max(rows.values()), dtype=np.int64))


def _column(file: str, name: str, array: npt.NDArray[Any]) -> Column:
    if array.ndim in (3, 4) and array.dtype.kind in "uifb":
        pixels = array.astype(np.uint8) if array.dtype.kind == "b" else array
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            row = int(np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))[0])
            raise TrainingError(f"{file}: array '{name}', row {row + 1}: a pixel that is no finite number")
        _check_size(file, pixels.size)
        return Column(name, "image", pixels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 1 and array.dtype.kind in "uifb":
        return Column(name, "number", array.astype(np.float64))
    if array.ndim == 1 and array.dtype.kind in "US":
        return Column(name, "string", array.astype(str).astype(object))
    raise TrainingError(
        f"{file}: array '{name}' has the shape {list(array.shape)} and the type {array.dtype}; pictures are "
        "[rows, height, width] or [rows, height, width, channels], all else is numbers or text [rows]"
    )


def _of_folder(path: Path, target: str, treatment: Mapping[str, Any], say: Say) -> Table:
    files = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
    loose = [file for file in files if len(file.relative_to(path).parts) < 2]
    if loose:
        raise TrainingError(
            f"{path.name}: '{loose[0].name}' lies in no subfolder; a folder of pictures has one subfolder a class"
        )
    data = {file: file.read_bytes() for file in files}
    shape = _shape(path, data, treatment, say)
    _check_size(path.name, len(files) * int(np.prod(shape)))
    pixels = np.empty((len(files), *shape), dtype=np.uint8)
    for at, file in enumerate(files):
        try:
            pixels[at] = decode(data[file], shape)
        except ValueError as error:
            raise TrainingError(f"{file.relative_to(path)}: {error}") from None
    classes = np.array([file.relative_to(path).parts[0] for file in files], dtype=object)
    columns = (Column("image", "image", pixels), Column(target, "string", classes))
    return Table(columns, np.arange(len(files), dtype=np.int64))


def _shape(
    path: Path, data: Mapping[Path, bytes], treatment: Mapping[str, Any], say: Say
) -> tuple[int, int, int] | tuple[int, int]:
    """The shape of every picture: as configured, else the most frequent size and the most channels."""
    sizes: Counter[tuple[int, int]] = Counter()
    most = 1
    for file, content in data.items():
        try:
            height, width, channels = size_of(content)
        except ValueError as error:
            raise TrainingError(f"{file.relative_to(path)}: {error}") from None
        sizes[height, width] += 1
        most = max(most, channels)
    height, width = treatment.get("size") or min(sizes, key=lambda size: (-sizes[size], size))
    channels = int(treatment.get("channels") or min(most, 3))
    if set(sizes) != {(height, width)}:
        say(f"pictures are resized to {height} × {width} pixels")
    return (height, width) if channels == 1 else (height, width, channels)


def _check_size(file: str, pixels: int) -> None:
    if pixels * 4 > LARGEST:
        raise TrainingError(
            f"{file}: its pictures take {pixels * 4 / 2**30:.1f} GiB, more than {LARGEST >> 30}; make them smaller "
            'with --preprocessing \'{"defaults": {"image": {"size": [32, 32]}}}\''
        )
