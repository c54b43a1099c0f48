"""`mooring state export|import`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mooring.cli import exits, options
from mooring.cli.ask import confirm, require_somebody
from mooring.cli.operate import print_json
from mooring.session import open_session
from providers.errors import InvalidInput

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Export or import a stack's state (export, import).")


@app.command("export")
def export(
    file: Annotated[Path | None, typer.Option("--file", help="Write to FILE instead of stdout.")] = None,
    stack: options.Stack = None,
    emulate: options.Emulate = False,
    as_json: options.Json = False,
    engine: options.EngineOption = options.EngineChoice.auto,
) -> int:
    """Print a stack's state in the form of `pulumi stack export`; secrets stay encrypted.

    That is JSON with and without --json; with --file, --json prints where it went.
    """
    session = open_session(stack, emulate=emulate, engine=engine.value)
    document = session.export()
    if file is None:
        print_json(document)
    else:
        file.write_text(json.dumps(document, indent=4, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"state of {session.ref.stack} written to {file}", file=sys.stderr)
        if as_json:
            print_json({"stack": session.ref.stack, "file": str(file)})
    return exits.OK


@app.command("import")
def import_(
    file: Annotated[Path, typer.Option("--file", help="What `mooring state export` (or `pulumi stack export`) wrote.")],
    stack: options.Stack = None,
    emulate: options.Emulate = False,
    yes: options.Yes = False,
    as_json: options.Json = False,
    engine: options.EngineOption = options.EngineChoice.auto,
) -> int:
    """Replace a stack's state by an exported one. The file is validated first, and a locked stack refuses."""
    require_somebody(yes=yes, verb="state import")
    document = read_deployment(file)
    session = open_session(stack, emulate=emulate, engine=engine.value, create=True)
    count = len(document["deployment"].get("resources") or [])
    if not confirm(f"Replace the state of {session.ref.stack} by {count} resources from {file}?", yes=yes):
        return exits.FAILED
    session.engine.import_state(session.ref, document)
    print(f"stack {session.ref.stack} now has {count} resources", file=sys.stderr)
    if as_json:
        print_json({"stack": session.ref.stack, "resources": count})
    return exits.OK


def read_deployment(file: Path) -> dict[str, Any]:
    """The document in `file`; raises `InvalidInput` with the place and what would be right."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"--file {file}: {error.strerror or error}") from error
    except ValueError as error:
        raise InvalidInput(f"--file {file}: not JSON ({error})") from error
    expected = 'expected `{"version": 3, "deployment": {…}}` as `mooring state export` writes it'
    if not isinstance(document, dict) or not isinstance(document.get("deployment"), dict):
        raise InvalidInput(f"--file {file}: {expected}")
    if document.get("version") not in (3, 4):
        raise InvalidInput(f"--file {file}: version {document.get('version')!r} of the form is not known; {expected}")
    return document
