"""In what format a model file is: told by its name, and where that is not enough by how it begins. Standard library
only: the project's process asks before a job is started."""

from __future__ import annotations

import bz2
import functools
import gzip
import lzma
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from training.artifact.digest import relative_files
from training.errors import TrainingError

FORMATS = ("onnx", "skops", "joblib", "pickle", "xgboost", "lightgbm", "keras", "mlflow", "tar", "mooring")
ENDINGS = {
    ".onnx": "onnx",
    ".skops": "skops",
    ".joblib": "joblib",
    ".pkl": "pickle",
    ".pickle": "pickle",
    ".ubj": "xgboost",
    ".keras": "keras",
    ".h5": "keras",
    ".hdf5": "keras",
    ".tar": "tar",
    ".tgz": "tar",
    ".gz": "tar",
}
COMPRESSED = (".gz", ".z", ".bz2", ".xz", ".lzma", ".lz4")
MODEL_FILES = (".onnx", ".skops", ".joblib", ".pkl", ".pickle", ".ubj", ".json", ".txt", ".keras", ".h5", ".hdf5")
SAGEMAKERS = "xgboost-model"
"""The file in the archives that SageMaker's own XGBoost writes; its versions differ in the format."""
BOOSTING = (b"xgboost", b"lightgbm")
_HEAD = 4096
"""Bytes at the beginning of a file that tell its format."""


def detect(source: Path) -> str:
    """The format of a model, by its ending, else by its first bytes. Raises TrainingError when neither tells."""
    if source.is_dir():
        if (source / "mooring-model.json").is_file():
            return "mooring"
        if (source / "MLmodel").is_file():
            return "mlflow"
        return of_file(single_model(source)) or ""
    if kind := of_file(source):
        return kind
    start = _head(source)
    if not start:
        raise TrainingError(f"{source.name}: the file is empty")
    if kind := _of_start(start):
        return kind
    raise TrainingError(f"{source.name}: its format cannot be told; say it with --format ({', '.join(FORMATS)})")


def of_file(file: Path) -> str | None:
    """The format that a name's ending tells, of `.json` and `.txt` the beginning; joblib adds an ending for its
    compression (`model.joblib.gz`)."""
    return _of_name(file.name, lambda: _head(file))


def _of_name(name: str, head: Callable[[], bytes]) -> str | None:
    endings = [ending.lower() for ending in PurePosixPath(name).suffixes[-2:]]
    if PurePosixPath(name).name == SAGEMAKERS:
        return _of_start(head())
    if len(endings) == 2 and endings[0] == ".joblib" and endings[1] in COMPRESSED:
        return "joblib"
    if not endings:
        return None
    if (
        endings[-1] == ".json"
    ):  # XGBoost's JSON model: one object with the key "learner", https://xgboost.readthedocs.io
        return "xgboost" if re.match(rb'\s*\{\s*"(learner|version)"\s*:', head()) else None
    if endings[-1] == ".txt":  # LightGBM's text model begins with the line `tree`
        return "lightgbm" if head().startswith((b"tree\n", b"tree\r\n")) else None
    return ENDINGS.get(endings[-1])


def _of_start(start: bytes) -> str | None:
    """The format that the first bytes tell. A zip file may be Keras' as well as skops': its first member tells."""
    if re.match(rb'\s*\{\s*"learner"\s*:|\{L.{7}\x07learner', start, re.DOTALL):  # XGBoost's JSON, its binary JSON
        return "xgboost"
    if start.startswith(b"PK\x03\x04"):
        return "keras" if start[30:43] == b"metadata.json" else "skops"
    magics = ((b"\x1f\x8b", "tar"), (b"\x89HDF", "keras"), (b"\x80", "pickle"))
    return next((kind for magic, kind in magics if start.startswith(magic)), None)


def single_model(folder: Path, kind: str | None = None) -> Path:
    """The one model file in a folder (of the format `kind`). Raises TrainingError for none or several."""
    try:
        names = sorted(relative_files(folder))
    except ValueError as error:
        raise TrainingError(str(error)) from error
    told = {
        name: of_file(folder / name)
        for name in names
        if Path(name).suffix.lower() in MODEL_FILES or ".joblib." in name or Path(name).name == SAGEMAKERS
    }
    found = [name for name, format in told.items() if format and kind in (None, format)]
    if len(found) == 1:
        return folder / found[0]
    endings = [ending for ending in MODEL_FILES if kind in (None, ENDINGS.get(ending))] or list(MODEL_FILES)
    held = ", ".join((found or names)[:5]) or "nothing"
    count = f"{len(found)} model files" if found else "no model file"
    raise TrainingError(f"{folder.name}: {count} in it ({held}); one {', '.join(endings)} is expected")


def image_of(source: Path, kind: str) -> str | None:
    """The image that has the packages of a model, also of one in an archive: `keras` or `boosting` where it is or
    names one of those, else None."""
    if kind in ("xgboost", "lightgbm"):
        return "boosting"
    if kind == "keras":
        return "keras"
    if kind == "tar":
        return _image_in_archive(source)
    if kind not in ("joblib", "pickle", "skops", "mlflow"):
        return None
    files = [source] if source.is_file() else [source / name for name in sorted(relative_files(source))]
    if kind == "mlflow" and any(of_file(file) == "keras" for file in files):
        return "keras"
    for file in files:
        with file.open("rb") as stream:
            if _names(stream, BOOSTING):
                return "boosting"
    return None


def _image_in_archive(source: Path) -> str | None:
    try:
        with tarfile.open(source) as archive:
            for member in archive:
                if not member.isfile() or (stream := archive.extractfile(member)) is None:
                    continue
                held = functools.partial(stream.read, _HEAD)
                kind = _of_name(member.name, held)
                stream.seek(0)
                if kind in ("keras", "xgboost", "lightgbm"):
                    return "keras" if kind == "keras" else "boosting"
                if kind in ("joblib", "pickle", "skops") and _names(stream, BOOSTING):
                    return "boosting"
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError):  # whoever unpacks it will say so
        pass
    return None


def _names(stream: IO[bytes], words: tuple[bytes, ...]) -> bool:
    """Whether one of the words is in a file, also in a compressed one."""
    before = b""
    try:
        for piece in _pieces(stream):
            if any(word in before + piece for word in words):
                return True
            before = piece[-16:]
    except (OSError, EOFError, zlib.error, lzma.LZMAError):  # damaged: whoever loads it will say so
        return False
    return False


def _pieces(stream: IO[bytes], size: int = 1 << 20) -> Iterator[bytes]:
    """A file's content, unpacked where it is compressed as joblib does it."""
    start = stream.read(6)
    stream.seek(0)
    if start[:1] == b"\x78":
        unpacker = zlib.decompressobj()
        while packed := stream.read(size):
            yield unpacker.decompress(packed)
        return
    openers: dict[bytes, Any] = {
        b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open, b"\x5d\x00\x00": lzma.open,
    }  # fmt: skip
    opener = next((opener for magic, opener in openers.items() if start.startswith(magic)), None)
    unpacked = opener(stream) if opener else stream
    while piece := unpacked.read(size):
        yield piece


def _head(file: Path) -> bytes:
    if not file.is_file():
        return b""
    with file.open("rb") as stream:
        return stream.read(_HEAD)
