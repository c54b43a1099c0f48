"""`python -m training.report MODEL OUT`: the figures and `report.html` of an artifact, made again from its records."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from training.errors import TrainingError


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.report", description="The report of an artifact.")
    parser.add_argument("--figures", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("model", type=Path, nargs="?", help="the artifact folder")
    parser.add_argument("output", type=Path, nargs="?", help="folder that receives report.html and the figures")
    given = parser.parse_args(arguments)
    if given.figures:
        from training.report.drawing import draw_into

        return draw_into(given.figures, sys.stdin.buffer)
    if not given.model or not given.output:
        parser.error("MODEL and OUT are required")
    from training.report.artifact import render

    try:
        print(f"report written: {render(given.model, given.output)}")
    except (TrainingError, OSError) as error:
        print(f"report failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
