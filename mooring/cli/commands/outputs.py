"""`mooring outputs`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mooring.cli import exits, options
from mooring.cli.operate import print_json
from mooring.display.style import style_of
from mooring.display.summary import output_lines
from mooring.display.values import mask
from mooring.session import open_session
from providers.errors import NotFound, did_you_mean

app = typer.Typer(add_completion=False)


@app.command()
def outputs(
    name: Annotated[str | None, typer.Argument(help="Only this output; its bare value is printed.")] = None,
    stack: options.Stack = None,
    emulate: options.Emulate = False,
    show_secrets: Annotated[bool, typer.Option("--show-secrets", help="Print secret values in plain text.")] = False,
    as_json: options.Json = False,
    engine: options.EngineOption = options.EngineChoice.auto,
) -> int:
    """Show a stack's outputs."""
    session = open_session(stack, emulate=emulate, engine=engine.value)
    result = session.outputs()
    values = mask(result.outputs, result.secret_outputs, show_secrets)
    if name is not None:
        if name not in values:
            raise NotFound(f"stack {session.ref.stack} has no output '{name}'{did_you_mean(name, sorted(values))}")
        value = values[name]
        if isinstance(value, str) and not as_json:
            print(value)
        else:
            print_json(value)
    elif as_json:
        print_json(values)
    elif not values:
        print(f"stack {session.ref.stack} has no outputs", file=sys.stderr)
    else:
        for line in output_lines(values, frozenset(), style_of(sys.stdout)):
            print(line)
    return exits.OK
