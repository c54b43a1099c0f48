"""`mooring train`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from mooring.artifact import Artifact
from mooring.cli import exits, options
from mooring.cli.operate import print_json
from mooring.cli.run import UsageProblem
from mooring.display.model_summary import trained_lines
from mooring.display.style import style_of
from mooring.local_fetch import pairs_of_headers
from mooring.local_run_display import progress_on
from mooring.local_train import Wanted, can_go_on, train
from mooring.trainer_options import further, nested, parameters

app = typer.Typer(add_completion=False)


@app.command(name="train")
def command(
    data: Annotated[
        str,
        typer.Option(
            "--data", "-d", metavar="FILE", help="CSV, Parquet or JSON Lines: a file, a folder of parts, or an address."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder that becomes the model.")],
    target: Annotated[
        str, typer.Option("--target", "-t", metavar="COLUMN", help="The column to predict; of a ranking the rating.")
    ] = "",
    estimator: Annotated[
        str,
        typer.Option(
            "--estimator",
            "-e",
            metavar="NAME",
            help="Dotted name, or a scikit-learn class; a random forest by default.",
        ),
    ] = "",
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", metavar="NAME=VALUE", help="A parameter of the estimator (repeatable)."),
    ] = None,
    test_size: Annotated[
        float | None, typer.Option("--test-size", metavar="SHARE", help="Share of the rows held out; 0.2 by default.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Of the split and of the estimator.")] = 0,
    task: Annotated[
        str, typer.Option("--task", help="classification, regression or ranking; told from the target.")
    ] = "",
    preprocessing: Annotated[
        str,
        typer.Option(
            "--preprocessing", metavar="FILE", help="How columns are prepared: a JSON or YAML file, or JSON itself."
        ),
    ] = "",
    split: Annotated[
        str,
        typer.Option("--split", metavar="KIND", help="random, stratified, group:COLUMN or time:COLUMN."),
    ] = "",
    cv: Annotated[int | None, typer.Option("--cv", min=2, help="Cross-validation with so many folds besides.")] = None,
    class_weight: Annotated[str, typer.Option("--class-weight", help="balanced, or JSON of class to weight.")] = "",
    early_stopping: Annotated[
        str, typer.Option("--early-stopping", metavar="ROUNDS", help="Stop when so many rounds brought nothing.")
    ] = "",
    user: Annotated[str, typer.Option("--user", metavar="COLUMN", help="Of a ranking: who chose.")] = "",
    item: Annotated[str, typer.Option("--item", metavar="COLUMN", help="Of a ranking: what was chosen.")] = "",
    categorical: Annotated[
        str,
        typer.Option(
            "--categorical", metavar="COLUMNS", help="Columns of numbers that are categories, separated by commas."
        ),
    ] = "",
    drop: Annotated[
        str, typer.Option("--drop", metavar="COLUMNS", help="Columns to leave out, separated by commas.")
    ] = "",
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option", metavar="NAME=VALUE", help="Any other option of the trainer (docs/training.md; repeatable)."
        ),
    ] = None,
    query: Annotated[str, typer.Option("--query", metavar="SQL", help="The rows of a database's address.")] = "",
    header: Annotated[
        list[str] | None,
        typer.Option("--header", metavar="'NAME: VALUE'", help="Sent to an HTTP address (repeatable)."),
    ] = None,
    items: Annotated[
        str, typer.Option("--items", metavar="PATH", help="Where an HTTP API's answer has its rows: data.items.")
    ] = "",
    paging: Annotated[
        str, typer.Option("--paging", metavar="JSON", help="How an HTTP API's pages follow (docs/settings.md).")
    ] = "",
    requirement: Annotated[
        list[str] | None,
        typer.Option("--requirement", metavar="NAME==VERSION", help="A package that fetching takes: a driver."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the model that is in the output folder.")] = False,
    as_json: options.Json = False,
) -> int:
    """Train a model from a file, here and without a stack.

    The first time, the environment that it runs in is built. An interrupted training leaves no output, and the
    same command goes on from its checkpoint where there is one.
    """
    if not target and task != "ranking":
        raise UsageProblem("--target is missing: the column to predict")
    own = {
        "target": target,
        "seed": str(seed),
        "test_size": "" if test_size is None else repr(test_size),
        "estimator": estimator,
        "task": task,
        "split": split,
        "cross_validation": str(cv) if cv else "",
        "class_weight": class_weight,
        "early_stopping": early_stopping,
        "user": user,
        "item": item,
        "categorical": categorical,
        "drop": drop,
        "preprocessing": nested(preprocessing, "--preprocessing") if preprocessing else "",
    }
    given = {name: value for name, value in own.items() if value}
    source = {
        "query": query,
        "headers": pairs_of_headers(header or []),
        "items": items,
        "paging": json.loads(nested(paging, "--paging")) if paging else {},
    }
    hyperparameters = {**parameters(param or []), **further(option or []), **given}
    wanted = Wanted(data, output, hyperparameters, force, estimator, source, tuple(requirement or ()))
    started = time.monotonic()
    stream = sys.stderr if as_json else sys.stdout
    try:
        with progress_on(stream, "training" if wanted.is_address else f"training on {Path(data).name}") as progress:
            made = train(wanted, progress)
    except KeyboardInterrupt:
        more = "; the same command goes on from its checkpoint" if can_go_on(wanted) else ""
        print(f"stopped: no output was written{more}", file=sys.stderr)
        raise
    if as_json:
        print_json(document(made, output, time.monotonic() - started))
    else:
        for line in trained_lines(made, output, data, style_of(sys.stdout)):
            print(line)
    return exits.OK


def document(made: Artifact, output: Path, seconds: float) -> dict[str, Any]:
    """`--json`."""
    return {
        "metrics": made.metrics,
        "digest": made.digest,
        "output": str(output),
        "task": made.task,
        "target": made.prediction.get("name"),
        "estimator": made.estimator,
        "classes": made.prediction.get("classes"),
        "rows": made.rows(),
        "served": made.manifest.get("serve"),
        "report": str(output / made.report.relative_to(made.folder)) if made.report else None,
        "seconds": round(seconds, 3),
    }
