"""The report of an artifact that is written already: made again beside it, or completed in it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from training.artifact.digest import tree_digest
from training.artifact.manifest import MANIFEST, as_json, verify
from training.errors import TrainingError
from training.evaluation.record import DETAILS
from training.report.drawing import Drawing
from training.report.page import report_files

REPORT = "evaluation/report.html"


def render(model: Path, output: Path) -> Path:
    """Write the figures and the page of an artifact into `output`; the page's path. Raises TrainingError for an
    artifact that is not whole, or was never evaluated."""
    output.mkdir(parents=True, exist_ok=True)
    for name, content in _files(model, verify(model)).items():
        (output / Path(name).name).write_bytes(content)
    return output / Path(REPORT).name


def complete(model: Path) -> str | None:
    """Draw the figures that a trial of a tuning left out, into its artifact; the new digest, which is that of the same
    training without a tuning. None, and nothing is done, for a folder that is no evaluated artifact."""
    if not (model / MANIFEST).is_file():
        return None
    manifest = verify(model)
    if not {DETAILS, REPORT} <= set(manifest["files"]):
        return None
    for name, content in _files(model, manifest).items():
        (model / name).write_bytes(content)
        manifest["files"][name] = hashlib.sha256(content).hexdigest()
    manifest["files"] = dict(sorted(manifest["files"].items()))
    (model / MANIFEST).write_bytes(as_json(manifest))
    return tree_digest(model)


def _files(model: Path, manifest: dict[str, Any]) -> dict[str, bytes]:
    if DETAILS not in manifest["files"]:
        raise TrainingError(f"{model.name}: it has no {DETAILS}; only a trained model of format 2 has a report")
    read: dict[str, Any] = {}
    for name in ("signature", "profile", "lineage"):
        path = model / f"{name}.json"
        read[name] = json.loads(path.read_bytes()) if path.is_file() else {}
    details = json.loads((model / DETAILS).read_bytes())
    with Drawing(details) as under_way:
        return report_files(manifest, details=details, figures=under_way.collect(), **read)
