"""`mooring promote`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mooring.cli import exits, options
from mooring.cli.ask import confirm_at_a_terminal
from mooring.cli.operate import print_json
from mooring.inventory import items
from mooring.pins import short_digest
from mooring.session import open_session, require_deployed
from mooring.stack_file import StackFile
from mooring.versions import current_digest, named
from providers.errors import InvalidInput, NotFound

app = typer.Typer(add_completion=False)


@app.command()
def promote(
    model: Annotated[str, typer.Argument(help="The model's name in the stack that it comes from.")],
    source: Annotated[
        str,
        typer.Option(
            "--from", metavar="STACK", help="The stack that has the version.", autocompletion=options.complete_stacks
        ),
    ],
    target: Annotated[
        str,
        typer.Option(
            "--to", metavar="STACK", help="The stack that will serve it.", autocompletion=options.complete_stacks
        ),
    ],
    version: Annotated[
        str | None, typer.Option("--version", help="A version (3) or digest; what the stack serves by default.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--as", metavar="MODEL", help="The model's name in the target; the same by default.")
    ] = None,
    emulate: options.Emulate = False,
    yes: options.Yes = False,
    as_json: options.Json = False,
    engine: options.EngineOption = options.EngineChoice.auto,
) -> int:
    """Let another stack serve the same model version, byte for byte.

    Writes digest and address into the target's stack file; nothing is deployed and nothing is trained again.
    With --emulate the version is the emulated source's, and it goes into the emulated target's copy of the file.
    """
    if source == target:
        raise InvalidInput(f"--from and --to are the same stack, '{source}'")
    from mooring.live import versions

    session = open_session(source, emulate=emulate, engine=engine.value)
    found = items(require_deployed(session))
    kept = versions(found, model)
    digest = current_digest(found, model)
    chosen = named(kept, version, model) if version else next((v for v in kept if v.digest == digest), None)
    if chosen is None:
        raise NotFound(f"the artifact of {model} {short_digest(digest)} does not exist any more in stack '{source}'")
    path = session.project.ensure(target)
    if emulate:
        path = session.project.stack(target, emulate=True).config_file
    file = StackFile(path, str(path.relative_to(session.project.root)))
    into = name or model
    file.promote(into, stack=source, source_model=model, digest=chosen.digest, uri=chosen.uri)
    words = f"model {into} of {target} = {model} v{chosen.version} of {source} ({short_digest(chosen.digest)})"
    if not confirm_at_a_terminal(f"Write to {file.label}: {words}?", yes=yes):
        print("nothing was done", file=sys.stderr)
        return exits.FAILED
    file.save()
    next_command = f"mooring up --stack {target}{' --emulate' if emulate else ''}"
    if as_json:
        print_json(
            {
                "model": into, "stack": target, "digest": chosen.digest, "uri": chosen.uri,
                "from": {"model": model, "stack": source, "version": chosen.version}, "next": next_command,
            }
        )  # fmt: skip
    else:
        print(f"{file.label}: {words}")
        print(f"deploy it with: {next_command}")
    return exits.OK
