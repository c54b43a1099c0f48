"""`mooring import`."""

from __future__ import annotations

from typing import Annotated

import typer

from mooring.cli import options
from mooring.cli.operate import conclude, operate
from mooring.session import open_session
from providers.contract import KINDS
from providers.errors import InvalidInput, did_you_mean

app = typer.Typer(add_completion=False)


@app.command("import")
def import_(
    type: Annotated[str, typer.Argument(help="Type token (`moor:index:Dataset`), or a kind of ours (`Dataset`).")],
    name: Annotated[str, typer.Argument(help="Logical name in the program.")],
    id: Annotated[str, typer.Argument(help="The provider's id, for ours `<cloud>:<id>`.")],
    stack: options.Stack = None,
    emulate: options.Emulate = False,
    as_json: options.Json = False,
    engine: options.EngineOption = options.EngineChoice.auto,
) -> int:
    """Take a resource that exists already into a stack's state."""
    session = open_session(stack, emulate=emulate, engine=engine.value, create=True)
    token = type_token(type)
    outcome = operate(
        lambda on_event, cancel: session.engine.import_resource(session.ref, token, name, id, on_event, cancel),
        as_json=as_json,
    )
    return conclude("import", session.ref.stack, outcome, as_json=as_json, outputs=False)


def type_token(word: str) -> str:
    """The full token; a bare kind is one of package `moor`."""
    if word in KINDS:
        return f"moor:index:{word}"
    if len(word.split(":")) == 3 and all(word.split(":")):
        package, _, kind = word.split(":")
        if package == "moor" and kind not in KINDS:
            raise InvalidInput(f"TYPE {word}: package moor has no such type{did_you_mean(kind, list(KINDS))}")
        return word
    raise InvalidInput(
        f"TYPE {word}: neither a token `package:module:Type` nor a kind{did_you_mean(word, list(KINDS))}"
    )
