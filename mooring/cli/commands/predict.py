"""`mooring predict`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mooring.cli import exits, options
from mooring.cli.operate import print_json
from mooring.cli.run import UsageProblem
from mooring.input_rows import Placed, read_placed
from mooring.inventory import Item, items, of_kind, pick
from mooring.local_predict import Wanted
from mooring.session import Session, open_session, require_deployed
from providers.errors import InvalidInput

app = typer.Typer(add_completion=False)
CHUNK = 1000
"""Rows in one request."""
ROW = re.compile(r"\brow (\d+)\b")
"""How a server names a row of a request, from 0."""


@app.command()
def predict(
    input: Annotated[
        Path,
        typer.Option(
            "--input",
            "-i",
            metavar="FILE",
            help="CSV with a header, JSON or JSONL (- is stdin); with --model also Parquet, npz, pictures.",
        ),
    ],
    model: Annotated[
        Path | None, typer.Option("--model", "-m", metavar="DIR", help="A model's folder, instead of an endpoint.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="With --model: the rows and their predictions."),
    ] = None,
    output_format: Annotated[
        str, typer.Option("--output-format", help="csv, json, jsonl or parquet; told by the ending by default.")
    ] = "",
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="With --model: a share for each class as well.")
    ] = False,
    endpoint: Annotated[str | None, typer.Option("--endpoint", "-e", help="Which, when there are several.")] = None,
    format: Annotated[str, typer.Option("--format", help="csv, json or jsonl; told by the ending by default.")] = "",
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait for a reply.")] = 30.0,
    stack: options.Stack = None,
    emulate: options.Emulate = False,
    as_json: options.Json = False,
    engine: options.EngineOption = options.EngineChoice.auto,
) -> int:
    """Ask an endpoint, or a model here: one prediction a row of a file.

    With --model the model's folder predicts on this machine: no stack, no server. Every row is predicted, or none.

    With --json: `{endpoint, model_version, predictions, …}` as the endpoint answers.
    """
    if model is not None:
        if endpoint or stack or emulate:
            raise UsageProblem("--model: a model's folder is asked itself, without --stack, --endpoint and --emulate")
        return offline(Wanted(model, input, format, output, output_format, probabilities), as_json)
    if output or output_format or probabilities:
        raise UsageProblem("--output, --output-format and --probabilities: they go with --model")
    return ask_endpoint(
        input, endpoint, format, timeout, open_session(stack, emulate=emulate, engine=engine.value), as_json
    )


def offline(wanted: Wanted, as_json: bool) -> int:
    """`--model`."""
    from mooring.local_predict import document, predict
    from mooring.local_run_display import progress_on

    with progress_on(sys.stderr, "predicting", quiet=True) as progress:
        found = predict(wanted, progress)
    if as_json:
        print_json(document(wanted, found))
    elif wanted.output is None:
        for row in found.rows():
            bare = row if wanted.probabilities else row["prediction"]
            print(bare if isinstance(bare, str) else _compact(bare))
    else:
        print(f"{found.count} rows predicted: {wanted.output}", file=sys.stderr)
    return exits.OK


def ask_endpoint(
    input: Path, endpoint: str | None, format: str, timeout: float, session: Session, as_json: bool
) -> int:
    """Ask an endpoint, in requests of up to `CHUNK` rows."""
    from mooring.live import ask

    found = items(require_deployed(session))
    item = pick(of_kind(found, "Endpoint"), endpoint, "endpoint", "--endpoint")
    rows = read_placed(input, format, text_columns(found, item))
    replies = []
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        try:
            reply = ask(item, [row for _, row in chunk], timeout)
        except InvalidInput as refusal:
            raise InvalidInput(f"--input {input}: {in_file(str(refusal), chunk)}") from refusal
        replies.append(reply)
        if not as_json:
            for prediction in reply.get("predictions", []):
                print(prediction if isinstance(prediction, str) else _compact(prediction))
    if as_json:
        print_json({"endpoint": item.name, **merged(replies)})
    elif sys.stdout.isatty():
        told = merged(replies).get("model_version")
        print(f"{len(rows)} rows, model version {told}", file=sys.stderr)
    return exits.OK


def in_file(refusal: str, rows: list[Placed]) -> str:
    """A server's refusal with the place in the file instead of the number in the request: `line 3` for `row 1`."""
    found = ROW.search(refusal)
    if found is None or int(found[1]) >= len(rows):
        return refusal
    return refusal[: found.start()] + rows[int(found[1])][0] + refusal[found.end() :]


def text_columns(found: list[Item], endpoint: Item) -> list[str]:
    """Columns that the served models take as text, by their signatures."""
    models = {deployment.get("model") for deployment in endpoint.get("deployments") or []}
    columns = [
        column
        for version in of_kind(found, "ModelVersion")
        if version.get("model") in models
        for column in (version.get("signature") or {}).get("columns") or []
    ]
    return [column["name"] for column in columns if column.get("type") == "string"]


_A_ROW = ("predictions", "probabilities")
"""Parts of a reply that have an entry for each row."""


def merged(replies: list[dict[str, Any]]) -> dict[str, Any]:
    """Several replies as one: lists joined, and versions listed when an update came in between."""
    whole: dict[str, Any] = {}
    differing: set[str] = set()
    for reply in replies:
        for name, value in reply.items():
            if name in _A_ROW and isinstance(value, list):
                whole.setdefault(name, []).extend(value)
            elif name in whole and whole[name] != value:
                known = whole[name] if name in differing else [whole[name]]
                whole[name] = known if value in known else [*known, value]
                differing.add(name)
            else:
                whole[name] = value
    return whole


def _compact(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)
