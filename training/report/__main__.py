"""`python -m training.report MODEL OUT`: the figures and `report.html` of an artifact, made again from its records."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.errors import TrainingError


def render(model: Path, output: Path) -> Path:
    """Write the figures and the page of an artifact into `output`; the page's path. Raises TrainingError for an
    artifact that is not whole, or was never evaluated."""
    from training.artifact.manifest import verify
    from training.evaluation.record import DETAILS
    from training.report import drawing
    from training.report.page import page

    manifest = verify(model)
    if DETAILS not in manifest["files"]:
        raise TrainingError(f"{model.name}: it has no {DETAILS}; only a trained model of format 2 has a report")
    read: dict[str, Any] = {}
    for name in ("signature", "profile", "lineage"):
        path = model / f"{name}.json"
        read[name] = json.loads(path.read_bytes()) if path.is_file() else {}
    details = json.loads((model / DETAILS).read_bytes())
    figures = drawing.start(details).collect()
    output.mkdir(parents=True, exist_ok=True)
    for name, content in figures.png.items():
        (output / f"{name}.png").write_bytes(content)
    target = output / "report.html"
    target.write_text(page(manifest, details=details, figures=figures, **read), encoding="utf-8")
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.report", description="The report of an artifact.")
    parser.add_argument("--figures", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("model", type=Path, nargs="?", help="the artifact folder")
    parser.add_argument("output", type=Path, nargs="?", help="folder that receives report.html and the figures")
    given = parser.parse_args(arguments)
    if given.figures:
        from training.report.drawing import draw_into

        return draw_into(given.figures)
    if not given.model or not given.output:
        parser.error("MODEL and OUT are required")
    try:
        print(f"report written: {render(given.model, given.output)}")
    except (TrainingError, OSError) as error:
        print(f"report failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
