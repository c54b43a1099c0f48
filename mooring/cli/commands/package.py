"""`mooring package`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from mooring.cli import exits, options
from mooring.cli.operate import print_json
from mooring.display.model_summary import packaged_lines
from mooring.display.style import style_of
from mooring.local_package import package
from mooring.local_run_display import progress_on

app = typer.Typer(add_completion=False)


@app.command(name="package")
def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A model file, or a folder with one.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder that becomes the model.")],
    format: Annotated[
        str,
        typer.Option(
            "--format",
            help="onnx, skops, joblib, pickle, xgboost, lightgbm, keras, mlflow, tar or mooring; told by the file.",
        ),
    ] = "",
    trust: Annotated[
        bool, typer.Option("--trust", help="Run the code that a file holds (joblib, pickle): only if it is yours.")
    ] = False,
    columns: Annotated[
        str, typer.Option("--columns", metavar="NAMES", help="Names of the model's columns, separated by commas.")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace the model that is in the output folder.")] = False,
    as_json: options.Json = False,
) -> int:
    """Make a model of an existing file: scikit-learn, ONNX, XGBoost, LightGBM, Keras, MLflow.

    The folder can be predicted with, inspected, and hosted without training (`models: {m: {file: DIR}}`).

    With --json: `{digest, output, task, estimator, served, signature}`.
    """
    names = [name.strip() for name in columns.split(",") if name.strip()]
    with progress_on(sys.stderr, f"packaging {file.name}", quiet=True) as progress:
        made = package(file, output, format=format, trust=trust, columns=names, force=force, progress=progress)
    if as_json:
        served = made.manifest.get("serve")
        told = {"digest": made.digest, "output": str(output), "task": made.task, "estimator": made.estimator}
        print_json({**told, "served": served, "signature": made.signature})
        return exits.OK
    for line in packaged_lines(made, output, file.name, style_of(sys.stdout)):
        print(line)
    return exits.OK
