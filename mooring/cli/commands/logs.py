"""`mooring logs`."""

from __future__ import annotations

import gc
import sys
from typing import Annotated

import typer

from mooring.cli import exits, options
from mooring.cli.operate import print_json
from mooring.inventory import items, of_kind, pick
from mooring.session import Session, open_session
from providers.errors import NotFound, did_you_mean

app = typer.Typer(add_completion=False)


@app.command()
def logs(
    name: Annotated[
        str | None, typer.Argument(help="The endpoint, or with --run the model; may be left out when there is one.")
    ] = None,
    run: Annotated[bool, typer.Option("--run", help="Of the newest training, tuning or batch job.")] = False,
    id: Annotated[str | None, typer.Option("--id", help="With --run: of the job with this id (see status).")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until it has ended, or Ctrl-C.")] = False,
    tail: Annotated[int | None, typer.Option("--tail", "-n", min=0, help="Only the last lines.")] = None,
    stack: options.Stack = None,
    emulate: options.Emulate = False,
    as_json: options.Json = False,
    engine: options.EngineOption = options.EngineChoice.auto,
) -> int:
    """Show the log of an endpoint or of a training run.

    With --json each line is a JSON string.
    """
    from mooring.live import logs_of

    session = open_session(stack, emulate=emulate, engine=engine.value)
    cloud, type, native = job(session, name, id) if run or id else endpoint(session, name)
    if follow:
        gc.enable()
    try:
        for line in logs_of(cloud, type, native, follow=follow, tail=tail):
            if as_json:
                print_json(line)
            else:
                print(line, flush=follow)
    except KeyboardInterrupt:
        if not follow:
            raise
        print("", file=sys.stderr)
    return exits.OK


def endpoint(session: Session, name: str | None) -> tuple[str, str, str]:
    """Cloud, type and id of an endpoint in the state."""
    found = items(session.export())
    item = pick(of_kind(found, "Endpoint"), name, "endpoint", "NAME")
    return item.cloud, "Endpoint", item.id


def job(session: Session, name: str | None, id: str | None) -> tuple[str, str, str]:
    """Cloud, type and id of the newest job that fits; also of one that failed or still runs."""
    from mooring.live import jobs

    cloud = session.ref.cloud
    found = list(jobs(session.ref, cloud))
    fitting = [one for one in found if (name is None or one.name == name) and (id is None or one.id == id)]
    if not fitting:
        wanted, choices = (id, [one.id for one in found]) if id else (name, sorted({one.name for one in found}))
        near = did_you_mean(wanted, choices) if wanted else ""
        raise NotFound(f"stack {session.ref.stack} has no job{f' {wanted!r}' if wanted else ''}{near}")
    newest = max(fitting, key=lambda one: one.started)
    return cloud, newest.kind, newest.id
