"""`mooring history`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from mooring.cli import exits, options
from mooring.cli.operate import print_json
from mooring.display.summary import duration
from mooring.display.symbols import look
from mooring.display.table import table
from mooring.session import open_session

app = typer.Typer(add_completion=False)


@app.command()
def history(
    stack: options.Stack = None,
    emulate: options.Emulate = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many entries, newest first.")] = 20,
    as_json: options.Json = False,
    engine: options.EngineOption = options.EngineChoice.auto,
) -> int:
    """List what was done to a stack, newest first.

    With --json each entry has the form of `pulumi stack history --json`.
    """
    session = open_session(stack, emulate=emulate, engine=engine.value)
    entries = session.history()[:limit]
    if as_json:
        print_json(entries)
        return exits.OK
    if not entries:
        print(f"nothing was done to stack {session.ref.stack} yet", file=sys.stderr)
        return exits.OK
    heads = ["#", "when", "what", "result", "took", "changes", "note"]
    for line in table(heads, [row(entry) for entry in entries]):
        print(line)
    return exits.OK


def row(entry: Mapping[str, Any]) -> list[str]:
    """One line of the table."""
    began, ended = moment(entry.get("startTime")), moment(entry.get("endTime"))
    changes = entry.get("resourceChanges") or {}
    marks = " ".join(
        f"{look(op).mark}{count}" for op, count in changes.items() if count and op not in ("same", "read", "refresh")
    )
    return [
        str(entry.get("version") or ""),
        began.astimezone().strftime("%Y-%m-%d %H:%M:%S") if began else "",
        str(entry.get("kind", "")),
        str(entry.get("result", "")),
        duration((ended - began).total_seconds()) if began and ended else "",
        marks or "none",
        str(entry.get("message", "")),
    ]


def moment(value: Any) -> datetime | None:
    """A time as the backend (seconds since 1970) or the CLI's JSON (RFC 3339) writes it."""
    if isinstance(value, (int, float)) and value > 0:
        return datetime.fromtimestamp(value, UTC)
    if isinstance(value, str) and value:
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return None
    return None
