"""`mooring evaluate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from mooring.cli import exits, options
from mooring.cli.operate import print_json
from mooring.display.model_summary import compared_lines
from mooring.display.style import style_of
from mooring.local_evaluate import evaluate
from mooring.local_run_display import progress_on

app = typer.Typer(add_completion=False)


@app.command(name="evaluate")
def command(
    model: Annotated[Path, typer.Option("--model", "-m", metavar="DIR", help="The model's folder.")],
    input: Annotated[
        Path, typer.Option("--input", "-i", metavar="FILE", help="Rows with the truth: CSV, Parquet or JSON Lines.")
    ],
    target: Annotated[
        str, typer.Option("--target", "-t", metavar="COLUMN", help="The column with the truth; the model's by default.")
    ] = "",
    slices: Annotated[
        str,
        typer.Option("--slices", metavar="COLUMNS", help="Measure by the values of these too, separated by commas."),
    ] = "",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="A new folder for metrics, predictions and the report."),
    ] = None,
    as_json: options.Json = False,
) -> int:
    """Measure how good a model is on other data.

    With --json: `{metrics, model, digest, output, files}`.
    """
    with progress_on(sys.stderr, f"evaluating {model}", quiet=as_json) as progress:
        found = evaluate(model, input, output, progress, target=target, slices=slices)
    if as_json:
        told = {"metrics": found.metrics, "model": str(model), "digest": found.artifact.digest}
        print_json(told | ({"output": str(output), "files": list(found.files)} if output else {}))
        return exits.OK
    for line in compared_lines(found.metrics, found.artifact.metrics, style_of(sys.stdout)):
        print(line)
    if output:
        print(f"  written to {output}: {', '.join(found.files)}")
    return exits.OK
