"""`mooring stack init|rm`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mooring.cli import exits, options
from mooring.cli.ask import confirm, require_somebody
from mooring.cli.operate import print_json
from mooring.inventory import items
from mooring.session import open_session
from providers.errors import ConflictError

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Make or remove a stack (init, rm).")


@app.command("init")
def init(
    name: Annotated[str, typer.Argument(help="The new stack's name.")],
    template: Annotated[
        str | None, typer.Option("--template", help="A file of stacks/templates; its own name's, else local.")
    ] = None,
    as_json: options.Json = False,
) -> int:
    """Make a stack's file from a template."""
    from mooring.backends import create_stack
    from mooring.project import Project

    file = Project.find().create(name, template)
    session = open_session(name)
    if session.engine_name == "embedded":
        create_stack(session)
    if as_json:
        print_json({"stack": name, "file": str(file.relative_to(session.ref.root)), "cloud": session.ref.cloud})
    else:
        print(f"{file.relative_to(session.ref.root)} made; edit it, then: mooring up --stack {name}")
    return exits.OK


@app.command("rm")
def rm(
    name: Annotated[str, typer.Argument(help="The stack.", autocompletion=options.complete_stacks)],
    emulate: options.Emulate = False,
    force: Annotated[
        bool, typer.Option("--force", help="Forget resources that are still deployed; they go on.")
    ] = False,
    yes: options.Yes = False,
    as_json: options.Json = False,
    engine: options.EngineOption = options.EngineChoice.auto,
) -> int:
    """Remove a stack: its state, its history and its file. With --emulate only what emulating it left here."""
    from mooring.backends import remove_stack

    require_somebody(yes=yes, verb="stack rm")
    session = open_session(name, emulate=emulate, engine=engine.value)
    held = [item for item in items(session.export()) if item.custom]
    flag = " --emulate" if emulate else ""
    if held and not force:
        raise ConflictError(
            f"stack '{name}' still has {len(held)} resources; `mooring destroy --stack {name}{flag}` takes them "
            "down first (--force forgets them, and they go on)"
        )
    if not confirm(f"Remove stack {name} with its history?", yes=yes):
        print("nothing was done", file=sys.stderr)
        return exits.FAILED
    remove_stack(session, force=force)
    if as_json:
        print_json({"stack": name, "removed": True})
    else:
        print(f"stack {name} removed", file=sys.stderr)
    return exits.OK
