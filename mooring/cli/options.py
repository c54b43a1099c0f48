"""The options that many verbs share, each declared once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class EngineChoice(StrEnum):
    """Values of `--engine`."""

    auto = "auto"
    embedded = "embedded"
    pulumi = "pulumi"


def complete_stacks(incomplete: str) -> list[str]:
    """Names of the project's stacks, for the shell."""
    from mooring.project import Project
    from providers.errors import MooringError

    try:
        return [name for name in Project.find().stacks() if name.startswith(incomplete)]
    except (MooringError, OSError):
        return []


Stack = Annotated[
    str | None,
    typer.Option(
        "--stack", "-s", metavar="NAME", envvar="MOORING_STACK", autocompletion=complete_stacks,
        help="The stack; may be left out when the project has only one.",
    ),
]  # fmt: skip
Emulate = Annotated[
    bool,
    typer.Option("--emulate", help="The same stack, offline on this machine, with a state of its own."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout; progress and messages go to stderr.")]
EngineOption = Annotated[
    EngineChoice,
    typer.Option(
        "--engine", help="auto: embedded for what stays on this machine, the Pulumi CLI for the rest.",
    ),
]  # fmt: skip
Target = Annotated[
    list[str] | None,
    typer.Option("--target", metavar="URN", help="Only this resource, by URN or as Type/name (repeatable)."),
]
TargetDependents = Annotated[
    bool, typer.Option("--target-dependents", help="With --target: also what depends on the targets.")
]
Replace = Annotated[
    list[str] | None,
    typer.Option("--replace", metavar="URN", help="Make this resource anew, by URN or as Type/name (repeatable)."),
]
Refresh = Annotated[bool, typer.Option("--refresh", help="Refresh the state first.")]
PolicyPack = Annotated[
    list[Path] | None,
    typer.Option("--policy-pack", metavar="DIR", help="Check against the policies in DIR (repeatable)."),
]
Parallel = Annotated[int, typer.Option("--parallel", "-p", min=1, help="How many steps run at the same time.")]
Message = Annotated[str, typer.Option("--message", "-m", help="A note that `mooring history` shows.")]
ExpectNoChanges = Annotated[
    bool, typer.Option("--expect-no-changes", help="Exit with status 7 when there are changes.")
]
