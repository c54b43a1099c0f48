"""`mooring new`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from mooring.cli import exits, options
from mooring.cli.operate import print_json

app = typer.Typer(add_completion=False)


@app.command()
def new(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is new or empty.")],
    as_json: options.Json = False,
) -> int:
    """Make a project of your own: a copy of this kit in DIR."""
    from mooring.new import copy_kit

    count = copy_kit(directory)
    commands = [f"cd {shlex.quote(str(directory))}", "make up"]
    if as_json:
        print_json({"directory": str(directory.resolve()), "files": count, "next": commands})
    else:
        print(f"{directory} made, {count} files. Next:")
        for command in commands:
            print(f"    {command}")
    return exits.OK
