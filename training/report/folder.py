"""The folder with what a model's evaluation on other data found."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from training.artifact.manifest import as_json, compact_json
from training.report.drawing import Drawing
from training.report.page import page


def write_folder(
    model: Path, manifest: Mapping[str, Any], signature: Mapping[str, Any], measured: Mapping[str, Any],
    output: Path, predictions: Callable[[], bytes],
) -> None:  # fmt: skip
    """Write what was measured, the report beside it, and the predictions, which are made while figures are drawn."""
    trained = _records(model)
    details = {**measured, "reference": trained["metrics"]}
    with Drawing(details) as drawing:
        written = predictions()
        figures = drawing.collect()
    output.mkdir(parents=True, exist_ok=True)
    files = {
        "metrics.json": as_json(details["metrics"]),
        "evaluation.json": compact_json(details),
        "predictions.csv": written,
        **{f"{name}.png": content for name, content in figures.png.items()},
        "report.html": page(
            manifest, signature=signature, details=details, profile=trained["profile"], lineage=trained["lineage"],
            figures=figures,
        ).encode(),
    }  # fmt: skip
    for name, content in files.items():
        (output / name).write_bytes(content)


def _records(model: Path) -> dict[str, Any]:
    names = ("metrics", "profile", "lineage")
    paths = {name: model / f"{name}.json" for name in names}
    return {name: json.loads(path.read_bytes()) if path.is_file() else {} for name, path in paths.items()}
