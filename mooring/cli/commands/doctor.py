"""`mooring doctor`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from mooring.cli import exits, options
from mooring.cli.operate import print_json
from mooring.cli.run import UsageProblem
from mooring.display.style import style_of
from mooring.display.table import table
from mooring.doctor import Check, examine, homes
from mooring.project import Project
from mooring.session import open_session
from providers.errors import MooringError

app = typer.Typer(add_completion=False)
MARKS = {"ok": ("✓", "green"), "info": ("·", "dim"), "warning": ("!", "yellow"), "error": ("✗", "red")}


@app.command()
def doctor(
    orphans: Annotated[bool, typer.Option("--orphans", help="List what has our tags and no stack.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove environments unused for 30 days, and half-built ones.")
    ] = False,
    stack: options.Stack = None,
    emulate: options.Emulate = False,
    as_json: options.Json = False,
) -> int:
    """Check this machine, and find what belongs to no stack (--orphans).

    The exit status is 1 when a check fails, or when there are orphans.
    """
    project = Project.find()
    if orphans and prune:
        raise UsageProblem("--orphans and --prune: one at a time")
    if orphans:
        return show_orphans(project, stack, emulate, as_json)
    if prune:
        return prune_environments(project, as_json)
    checks = examine(project)
    if as_json:
        print_json({"checks": [check.as_json() for check in checks]})
    else:
        show_checks(checks)
    return exits.FAILED if any(check.level == "error" for check in checks) else exits.OK


def show_checks(checks: list[Check]) -> None:
    """One line a check, its advice below."""
    style = style_of(sys.stdout)
    width = max(len(check.name) for check in checks)
    for check in checks:
        mark, colour = MARKS[check.level]
        print(f"{style(mark, colour)} {check.name:<{width}}  {check.found}")
        if check.advice:
            print(f"  {' ' * width}  {check.advice}")


def prune_environments(project: Project, as_json: bool) -> int:
    """`--prune`: environments of jobs and servers that nothing has used for long."""
    from providers.local.environments.environments import Environments

    removed = Environments().prune(homes(project))
    if as_json:
        print_json({"removed": removed})
    else:
        for line in [f"removed: {name}" for name in removed] or ["nothing to remove"]:
            print(line)
    return exits.OK


def show_orphans(project: Project, stack: str | None, emulate: bool, as_json: bool) -> int:
    """`--orphans`: of one stack, or of all that this machine can look into."""
    from mooring.listing import listed

    found: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    here = [
        one.name
        for one in listed(project)
        if one.deployed or (one.cloud == "local" and project.stack_file(one.name).is_file())
    ]
    for name in [stack] if stack else here:
        try:
            found += orphans_of(name, emulate)
        except MooringError as error:
            if stack:
                raise
            skipped.append({"stack": name, "reason": str(error).splitlines()[0]})
    if as_json:
        print_json({"orphans": found, "skipped": skipped})
    else:
        rows = [[one["stack"], one["kind"], one["id"], one["urn"].rpartition("::")[2], one["reason"]] for one in found]
        for line in table(["stack", "kind", "id", "name", "why"], rows) if rows else ["no orphans"]:
            print(line)
        for one in skipped:
            print(f"not looked into: {one['stack']}: {one['reason']}", file=sys.stderr)
    return exits.FAILED if found else exits.OK


def orphans_of(name: str, emulate: bool) -> list[dict[str, Any]]:
    """The orphans of one stack as JSON."""
    from mooring.inventory import items
    from mooring.live import orphans

    session = open_session(name, emulate=emulate)
    held = items(session.export())
    return [
        {"stack": name, "kind": one.kind, "id": one.id, "urn": one.owner.urn, "reason": one.reason}
        for one in orphans(session.ref, session.ref.cloud, held)
    ]
