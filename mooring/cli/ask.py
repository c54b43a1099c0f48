"""Questions to a person; nobody there is an error, never a hang."""

from __future__ import annotations

import sys

import typer

from mooring.cli.run import UsageProblem


def require_somebody(*, yes: bool, verb: str) -> None:
    """Raise `UsageProblem` when a question will come and nobody is at the terminal to answer it."""
    if not yes and not sys.stdin.isatty():
        raise UsageProblem(f"`mooring {verb}` asks before it changes anything, and nobody is here to answer; add --yes")


def confirm(question: str, *, yes: bool) -> bool:
    """Whether to go on; `yes` answers for the person."""
    return yes or typer.confirm(question, default=False, err=True)


def confirm_at_a_terminal(question: str, *, yes: bool) -> bool:
    """The same for what one more command takes back: a person is asked, a script goes on."""
    return not sys.stdin.isatty() or confirm(question, yes=yes)
