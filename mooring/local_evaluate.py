"""How good a model is on data that it was not trained on; on this machine, without a stack."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mooring import local_run, output_folder
from mooring.artifact import Artifact
from mooring.local_run import require_data, scratch
from mooring.local_run_display import Progress


@dataclass(frozen=True)
class Evaluated:
    """The metrics of `artifact` on some rows, and the files that were written about it."""

    artifact: Artifact
    metrics: dict[str, float]
    files: tuple[str, ...]


def evaluate(
    model: Path, data: Path, output: Path | None, progress: Progress, *, target: str = "", slices: str = ""
) -> Evaluated:
    """Evaluate `model` on a file or folder that holds its target column (`target` where it is named otherwise).

    `slices` are columns by whose values it is measured too. `output` receives metrics, predictions and the report.
    Raises `JobFailed` for data that does not fit the model.
    """
    require_data(data, "--input")
    artifact = Artifact.read(model)
    options = [f"--{name}={value}" for name, value in (("target", target), ("slices", slices)) if value]
    with scratch() as work:
        if output is None:
            return _evaluate(artifact, data, options, work / "evaluation", work, progress)
        with output_folder.fresh(output) as building:
            return _evaluate(artifact, data, options, building, work, progress)


def _evaluate(
    artifact: Artifact, data: Path, options: Sequence[str], folder: Path, work: Path, progress: Progress
) -> Evaluated:
    arguments = [f"--model={artifact.folder.resolve()}", f"--input={data.resolve()}", f"--output={folder}", *options]
    child = local_run.Child("training.evaluate", arguments, artifact.image, prefix="evaluation failed: ")
    local_run.run(child, work, progress)
    found: dict[str, Any] = json.loads((folder / "metrics.json").read_bytes())
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return Evaluated(artifact, {name: float(value) for name, value in found.items()}, tuple(files))
