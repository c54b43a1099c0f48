"""What an artifact tells about its model besides the model: lineage and predictions; `profile` and `card` besides."""

from __future__ import annotations

import csv
import importlib.metadata
import io
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.artifact.card import model_card as model_card  # callers find all records here
from training.artifact.digest import file_digest, tree_digest
from training.artifact.profile import profile as profile
from training.artifact.signature import plain

PACKAGES = ("numpy", "onnxruntime", "scikit-learn", "skl2onnx", "skops")
"""Packages whose versions the artifact records: those that decide what the model computes."""

DISTRIBUTIONS = {"tensorflow": ("tensorflow", "tensorflow-cpu"), "xgboost": ("xgboost", "xgboost-cpu")}
"""Under which names a package may be installed, where its own is not the only one."""


def package_versions(*further: str) -> dict[str, str]:
    """Installed versions of the packages that matter to the model; absent ones are left out."""
    found = {}
    for name in sorted({*PACKAGES, *further}):
        for distribution in DISTRIBUTIONS.get(name, (name,)):
            try:
                found[name] = importlib.metadata.version(distribution)
            except importlib.metadata.PackageNotFoundError:
                continue
    return found


def code_digest() -> str:
    """Digest of this package's source files, wherever it was copied to."""
    import hashlib

    package = Path(__file__).resolve().parents[1]
    files = {path.relative_to(package).as_posix(): path for path in package.rglob("*.py")}
    lines = [f"{name}\0{file_digest(files[name])}\n" for name in sorted(files)]
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def lineage(
    data: Path, options: Mapping[str, Any], *, rows: Mapping[str, int] | None = None,
    sample: Mapping[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Where the model comes from: data and code by hash, hyperparameters, packages. Holds no time and no path.

    `rows` counts those that were learned from (`train`), held out (`test`) and left out for want of a target
    (`dropped`); `sample` says which part of the data was read, where it was not all.
    """
    content = tree_digest(data) if data.is_dir() else file_digest(data)
    return {
        "data": {"file": data.name, "digest": content, **({"sample": dict(sample)} if sample else {})},
        **({"rows": dict(rows)} if rows else {}),
        "code": code_digest(),
        "hyperparameters": dict(options),
        "python": platform.python_version(),
        "packages": package_versions(),
    }


def predictions_csv(
    rows: npt.NDArray[np.int64],
    truth: npt.NDArray[Any],
    predictions: npt.NDArray[Any],
    probabilities: npt.NDArray[np.float64] | None,
    classes: Sequence[Any],
) -> bytes:
    """The held-out rows: place in the data file (from 0, header not counted), truth, prediction, probabilities."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [f"probability_{label}" for label in plain(classes)] if probabilities is not None else []
    writer.writerow(["row", "truth", "prediction", *names])
    for place, row in enumerate(rows.tolist()):
        shares = [f"{share:.9g}" for share in probabilities[place]] if probabilities is not None else []
        writer.writerow([row, truth[place], predictions[place], *shares])
    return out.getvalue().encode()
