"""`mooring cancel`."""

from __future__ import annotations

import sys

import typer

from mooring.cli import exits, options
from mooring.cli.ask import confirm, require_somebody
from mooring.cli.operate import print_json
from mooring.holders import stop_holders
from mooring.session import open_session

app = typer.Typer(add_completion=False)


@app.command()
def cancel(
    stack: options.Stack = None,
    emulate: options.Emulate = False,
    yes: options.Yes = False,
    as_json: options.Json = False,
    engine: options.EngineOption = options.EngineChoice.auto,
) -> int:
    """Stop the operation that holds a stack, and remove its lock.

    A process of this machine is interrupted and waited for; the lock of another machine is removed as it is.
    """
    require_somebody(yes=yes, verb="cancel")
    session = open_session(stack, emulate=emulate, engine=engine.value)
    if not confirm(f"Remove the lock of {session.ref.stack}? What holds it will be stopped.", yes=yes):
        return exits.FAILED
    stopped = stop_holders(session.ref)
    removed = session.engine.cancel_lock(session.ref)
    if as_json:
        print_json({"stack": session.ref.stack, "stopped": stopped, "removed": removed})
        return exits.OK
    for holder in stopped:
        print(f"stopped: {holder}")
    for lock in removed:
        print(f"removed: {lock}")
    if not removed and not stopped:
        print(f"nothing holds stack {session.ref.stack}", file=sys.stderr)
    return exits.OK
