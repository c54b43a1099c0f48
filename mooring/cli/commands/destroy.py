"""`mooring destroy`."""

from __future__ import annotations

import sys

import typer

from infra.engine.api import Options, Result
from mooring.cli import exits, options
from mooring.cli.ask import confirm, require_somebody
from mooring.cli.operate import Outcome, conclude, operate
from mooring.display.style import style_of
from mooring.inventory import items
from mooring.losses import Losses, losses
from mooring.pins import pins_of
from mooring.session import Session, open_session
from mooring.stack_file import StackFile

app = typer.Typer(add_completion=False)


@app.command()
def destroy(
    stack: options.Stack = None,
    emulate: options.Emulate = False,
    yes: options.Yes = False,
    parallel: options.Parallel = 16,
    message: options.Message = "",
    as_json: options.Json = False,
    engine: options.EngineOption = options.EngineChoice.auto,
) -> int:
    """Take a stack down; lists the data and models that will be lost.

    Protected resources stay, with all that they need. The stack's file and its history stay as well
    (`mooring stack rm` removes them); pins in the file are released, because what they name is gone.
    """
    session = open_session(stack, emulate=emulate, engine=engine.value)
    found = items(session.export())
    if not found:
        print(f"stack {session.ref.stack} has nothing deployed", file=sys.stderr)
        return conclude("destroy", session.ref.stack, Outcome(Result()), as_json=as_json, outputs=False)
    require_somebody(yes=yes, verb="destroy")
    going = losses(found)
    show(going)
    if going.count and not confirm(f"Destroy {going.count} resources of {session.ref.stack}?", yes=yes):
        print("nothing was done", file=sys.stderr)
        return exits.FAILED
    if not going.count:
        return conclude("destroy", session.ref.stack, Outcome(Result()), as_json=as_json, outputs=False)
    chosen = Options(targets=going.targets, parallel=parallel, message=message)
    outcome = operate(
        lambda on_event, cancel: session.engine.destroy(session.ref, chosen, on_event, cancel), as_json=as_json
    )
    if outcome.code == exits.OK and not going.kept:
        release_pins(session)
    return conclude("destroy", session.ref.stack, outcome, as_json=as_json, outputs=False)


def release_pins(session: Session) -> None:
    """A pin to a version that was destroyed would only fail the next `up`."""
    path = session.ref.config_file
    pins = pins_of(path)
    if not pins:
        return
    file = StackFile(path, str(path.relative_to(session.ref.root)))
    for pin in pins:
        file.unpin(pin.endpoint, pin.model)
        print(f"{file.label}: released: {pin}, a version that is destroyed now", file=sys.stderr)
    file.save()


def show(going: Losses) -> None:
    """What is lost and what stays, on stderr: it belongs to the question."""
    style = style_of(sys.stderr)
    if going.lost:
        print(style("This will be lost:", "bold"), file=sys.stderr)
    for sentence in going.lost:
        print(f"  {style('-', 'red')} {sentence}", file=sys.stderr)
    if going.kept:
        print(style("This stays:", "bold"), file=sys.stderr)
    for sentence in going.kept:
        print(f"    {sentence}", file=sys.stderr)
