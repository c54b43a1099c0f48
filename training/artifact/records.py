"""What an artifact tells about its model besides the model: data profile, lineage, predictions, model card."""

from __future__ import annotations

import csv
import importlib.metadata
import io
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.artifact.digest import file_digest, tree_digest
from training.artifact.signature import plain, rounded
from training.data.table import Column, Table

PACKAGES = ("numpy", "onnxruntime", "scikit-learn", "skl2onnx", "skops")
"""Packages whose versions the artifact records: those that decide what the model computes."""

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BINS = 10
TOP = 50
"""Most frequent texts that a profile keeps."""


def package_versions(*further: str) -> dict[str, str]:
    """Installed versions of the packages that matter to the model; absent ones are left out."""
    found = {}
    for name in sorted({*PACKAGES, *further}):
        try:
            found[name] = importlib.metadata.version(name)
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


def lineage(data: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Where the model comes from: data and code by hash, hyperparameters, packages. Holds no time and no path."""
    content = tree_digest(data) if data.is_dir() else file_digest(data)
    return {
        "data": {"file": data.name, "digest": content},
        "code": code_digest(),
        "hyperparameters": dict(options),
        "python": platform.python_version(),
        "packages": package_versions(),
    }


def profile(table: Table, target: Column) -> dict[str, Any]:
    """Statistics of the training rows, against which drift is measured later."""
    return {"rows": len(table), "columns": {column.name: _statistics(column) for column in (*table.columns, target)}}


def _statistics(column: Column) -> dict[str, Any]:
    values = column.values[~column.missing]
    base: dict[str, Any] = {"type": column.kind, "count": len(values), "missing": int(column.missing.sum())}
    if column.kind == "string":
        counts = Counter(values.tolist())
        top = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:TOP]
        return {**base, "distinct": len(counts), "top": dict(top)}
    counted, edges = np.histogram(values, bins=BINS)
    return {
        **base,
        "mean": rounded(float(values.mean())),
        "std": rounded(float(values.std())),
        "min": rounded(float(values.min())),
        "max": rounded(float(values.max())),
        "quantiles": {f"{q:g}": rounded(float(np.quantile(values, q))) for q in QUANTILES},
        "histogram": {"edges": [rounded(float(edge)) for edge in edges], "counts": counted.tolist()},
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


def model_card(manifest: Mapping[str, Any], signature: Mapping[str, Any], metrics: Mapping[str, float]) -> bytes:
    """The model card in Markdown: what it predicts, from what, how well, and how it is served."""
    prediction = signature["prediction"]
    lines = [f"# Model card: {prediction['name']}", "", f"- Task: {manifest['task']}"]
    lines += [f"- Estimator: `{manifest['estimator']}`"] if manifest.get("estimator") else []
    lines += [f"- Classes: {', '.join(map(str, prediction['classes']))}"] if prediction.get("classes") else []
    lines += [f"- Served from: {manifest['serve']}", ""]
    if metrics:
        lines += ["## Metrics on the held-out rows", "", "| Metric | Value |", "|---|---|"]
        lines += [f"| {name} | {value:.6g} |" for name, value in metrics.items()] + [""]
    lines += ["## Columns", "", "| Column | Type | Range or categories |", "|---|---|---|"]
    lines += [f"| {column['name']} | {column['type']} | {_range(column)} |" for column in signature["columns"]]
    if parity := manifest.get("parity"):
        lines += ["", "## ONNX parity", "", _parity_line(parity)]
    return ("\n".join(lines) + "\n").encode()


def _range(column: Mapping[str, Any]) -> str:
    if "min" in column:
        return f"{column['min']:g} to {column['max']:g}, mean {column['mean']:g}"
    categories = column.get("categories", [])
    return ", ".join(categories[:10]) + (f", … {len(categories) - 10} more" if len(categories) > 10 else "")


def _parity_line(parity: Mapping[str, Any]) -> str:
    if "reason" in parity:
        return f"No ONNX form: {parity['reason']}"
    verdict = "within" if parity["within_limit"] else "over"
    return (
        f"Largest difference {parity['max_difference']} on {parity['rows']} rows ({verdict} the limit of "
        f"{parity['limit']:g}); labels that differ: {parity['labels_that_differ']}."
    )
