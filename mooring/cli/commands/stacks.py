"""`mooring stacks`."""

from __future__ import annotations

import typer

from mooring.cli import exits, options
from mooring.cli.operate import print_json
from mooring.display.table import table
from mooring.listing import Listed, listed

app = typer.Typer(add_completion=False)


@app.command()
def stacks(as_json: options.Json = False) -> int:
    """List the project's stacks."""
    from mooring.project import Project

    found = listed(Project.find())
    if as_json:
        print_json([one.as_json() for one in found])
        return exits.OK
    for line in table(["stack", "cloud", "deployed", "file"], [row(one) for one in found]):
        print(line)
    return exits.OK


def row(one: Listed) -> list[str]:
    """One line of the table."""
    places = {"": "", "here": "yes", "emulated": "emulated", "both": "yes, and emulated"}
    return [one.name, one.cloud or "?", places[one.deployed], one.file]
