"""`mooring inspect`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mooring.artifact import Artifact
from mooring.cli import exits, options
from mooring.cli.operate import print_json
from mooring.display.model_page import page
from mooring.display.style import style_of
from providers.errors import NotFound, NotSupported

app = typer.Typer(add_completion=False)


@app.command(name="inspect")
def command(
    context: typer.Context,
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model's folder; with --stack a model's name, or NAME@VERSION.")
    ],
    card: Annotated[bool, typer.Option("--card", help="The model card alone, in Markdown.")] = False,
    stack: options.Stack = None,
    emulate: options.Emulate = False,
    as_json: options.Json = False,
) -> int:
    """Show a model: card, signature, metrics, lineage, files.

    Every file is checked against the hash that the manifest lists.

    With --json: `{digest, task, estimator, served, metrics, signature, lineage, parity, packages, run, files, card}`.
    """
    source = context.get_parameter_source("stack")
    asked = emulate or (source is not None and source.name == "COMMANDLINE")
    named = asked or (stack is not None and not Path(model).exists())  # MOORING_STACK hides no folder
    artifact = of_stack(model, stack, emulate) if named else of_folder(Path(model))
    if as_json:
        print_json(document(artifact))
    elif card:
        print(artifact.text("model_card.md"), end="")
    else:
        for line in page(artifact, style_of(sys.stdout)):
            print(line)
    return exits.OK


def of_folder(folder: Path) -> Artifact:
    """The artifact in a folder."""
    try:
        return Artifact.read(folder)
    except NotFound as error:
        hint = "" if len(folder.parts) > 1 else "; a model of a stack is shown with --stack NAME"
        raise NotFound(f"{error}{hint}") from error


def of_stack(word: str, stack: str | None, emulate: bool) -> Artifact:
    """The artifact of a stack's model: of the version that is named, else of the one that is served."""
    from mooring.inventory import items
    from mooring.live import versions
    from mooring.session import open_session, require_deployed
    from mooring.versions import current_digest
    from mooring.versions import named as version_named
    from providers.local.home import local_home
    from providers.local.storage import Store

    session = open_session(stack, emulate=emulate)
    name, _, version = word.partition("@")
    found = items(require_deployed(session))
    known = versions(found, name)
    chosen = version_named(known, version or current_digest(found, name), name)
    if session.ref.cloud != "local" and not emulate:
        raise NotSupported(f"model {name} is on {session.ref.cloud}: fetch {chosen.uri}, then inspect its folder")
    return Artifact.read(Store(local_home()).path(chosen.uri))


def document(artifact: Artifact) -> dict[str, Any]:
    """`--json`."""
    manifest = artifact.manifest
    return {
        "path": str(artifact.folder),
        "digest": artifact.digest,
        "format": manifest.get("format"),
        "task": artifact.task,
        "origin": manifest.get("origin"),
        "estimator": artifact.estimator,
        "served": manifest.get("serve"),
        "metrics": artifact.metrics,
        "signature": artifact.signature,
        "lineage": artifact.json("lineage.json"),
        "parity": manifest.get("parity"),
        "packages": manifest.get("packages"),
        "run": artifact.json("run.json"),
        "rows": artifact.rows(),
        "files": artifact.files(),
        "card": artifact.text("model_card.md"),
    }
