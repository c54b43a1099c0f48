"""`mooring predict`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mooring.cli import exits, options
from mooring.cli.operate import print_json
from mooring.input_rows import Placed, read_placed
from mooring.inventory import Item, items, of_kind, pick
from mooring.session import open_session, require_deployed
from providers.errors import InvalidInput

app = typer.Typer(add_completion=False)
CHUNK = 1000
"""Rows in one request."""
ROW = re.compile(r"\brow (\d+)\b")
"""How a server names a row of a request, from 0."""


@app.command()
def predict(
    input: Annotated[
        Path, typer.Option("--input", "-i", metavar="FILE", help="CSV with a header, JSON or JSONL; - is stdin.")
    ],
    endpoint: Annotated[str | None, typer.Option("--endpoint", "-e", help="Which, when there are several.")] = None,
    format: Annotated[str, typer.Option("--format", help="csv, json or jsonl; told by the ending by default.")] = "",
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait for a reply.")] = 30.0,
    stack: options.Stack = None,
    emulate: options.Emulate = False,
    as_json: options.Json = False,
    engine: options.EngineOption = options.EngineChoice.auto,
) -> int:
    """Ask an endpoint: one prediction a row of a CSV, JSON or JSONL file.

    With --json: `{endpoint, model_version, predictions, …}` as the endpoint answers.
    """
    from mooring.live import ask

    session = open_session(stack, emulate=emulate, engine=engine.value)
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
