"""In what format a model file is: told by its name, and where that is not enough by how it begins. Standard library
only: the project's process asks before a job is started."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    for magic, kind in ((b"\x1f\x8b", "tar"), (b"\x89HDF", "keras"), (b"PK\x03\x04", "skops"), (b"\x80", "pickle")):
        if start.startswith(magic):
            return kind
    raise TrainingError(f"{source.name}: its format cannot be told; say it with --format ({', '.join(FORMATS)})")


def of_file(file: Path) -> str | None:
    """The format that a name's ending tells, of `.json` and `.txt` the beginning; joblib adds an ending for its
    compression (`model.joblib.gz`)."""
    endings = [ending.lower() for ending in file.suffixes[-2:]]
    if len(endings) == 2 and endings[0] == ".joblib" and endings[1] in COMPRESSED:
        return "joblib"
    if not endings:
        return None
    if (
        endings[-1] == ".json"
    ):  # XGBoost's JSON model: one object with the key "learner", https://xgboost.readthedocs.io
        return "xgboost" if re.match(rb'\s*\{\s*"(learner|version)"\s*:', _head(file)) else None
    if endings[-1] == ".txt":  # LightGBM's text model begins with the line `tree`
        return "lightgbm" if _head(file).startswith((b"tree\n", b"tree\r\n")) else None
    return ENDINGS.get(endings[-1])


def single_model(folder: Path, kind: str | None = None) -> Path:
    """The one model file in a folder (of the format `kind`). Raises TrainingError for none or several."""
    try:
        names = sorted(relative_files(folder))
    except ValueError as error:
        raise TrainingError(str(error)) from error
    told = {
        name: of_file(folder / name) for name in names if Path(name).suffix.lower() in MODEL_FILES or ".joblib." in name
    }
    found = [name for name, format in told.items() if format and kind in (None, format)]
    if len(found) == 1:
        return folder / found[0]
    endings = [ending for ending in MODEL_FILES if kind in (None, ENDINGS.get(ending))] or list(MODEL_FILES)
    held = ", ".join((found or names)[:5]) or "nothing"
    count = f"{len(found)} model files" if found else "no model file"
    raise TrainingError(f"{folder.name}: {count} in it ({held}); one {', '.join(endings)} is expected")


def image_of(source: Path, kind: str) -> str | None:
    """The image that has the packages of a model file: `boosting` where it names one of those, else None."""
    if kind in ("xgboost", "lightgbm"):
        return "boosting"
    if kind in ("joblib", "pickle", "skops", "mlflow"):
        files = [source] if source.is_file() else [source / name for name in sorted(relative_files(source))]
        if any(_names(file, BOOSTING) for file in files):
            return "boosting"
    return None


def keras_refusal(source: Path) -> str:
    """Why a Keras model is not taken as it is, and what to do: only Keras itself knows what its layers compute."""
    return (
        f"{source.name}: a Keras model is packaged in its ONNX form: where Keras is installed, "
        f"`keras.models.load_model('{source.name}').export('model.onnx', format='onnx')` writes it (Keras 3.8 or "
        f"newer; before that `python -m tf2onnx.convert --keras {source.name} --output model.onnx`), then package "
        "model.onnx"
    )


def _names(file: Path, words: tuple[bytes, ...]) -> bool:
    """Whether one of the words is in the file, also in a compressed one."""
    before = b""
    try:
        for piece in _pieces(file):
            if any(word in before + piece for word in words):
                return True
            before = piece[-16:]
    except (OSError, EOFError, zlib.error, lzma.LZMAError):  # damaged: whoever loads it will say so
        return False
    return False


def _pieces(file: Path, size: int = 1 << 20) -> Iterator[bytes]:
    """The file's content, unpacked where it is compressed as joblib does it."""
    start = _head(file)[:6]
    if start[:1] == b"\x78":
        unpacker = zlib.decompressobj()
        with file.open("rb") as stream:
            while packed := stream.read(size):
                yield unpacker.decompress(packed)
        return
    openers: dict[bytes, Any] = {
        b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open, b"\x5d\x00\x00": lzma.open,
    }  # fmt: skip
    opener = next((opener for magic, opener in openers.items() if start.startswith(magic)), None)
    with opener(file) if opener else file.open("rb") as stream:
        while piece := stream.read(size):
            yield piece


def _head(file: Path) -> bytes:
    if not file.is_file():
        return b""
    with file.open("rb") as stream:
        return stream.read(_HEAD)
