"""What every refusal of bad input has: an exit status, one error, no traceback of ours, nothing half done."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.support.project import KIT, Project


def refusal(project: Project, *arguments: str, expect: int = 1, **environment: str) -> str:
    """The one error of a command that must fail with exit status `expect`, with the lines that belong to it."""
    done = project.run(*arguments, expect=expect, NO_COLOR="1", **environment)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    told = done.stdout + done.stderr
    assert "internal error" not in told
    # A script's own traceback may be shown, one through our code never.
    for package in ("mooring", "infra", "providers", "training", "serving"):
        assert f'File "{KIT / package}' not in told
        assert f"/{package}/" not in "".join(line for line in told.splitlines() if line.strip().startswith('File "'))
    return done.stderr[done.stderr.index("error: ") :]


def state_file(project: Project, stack: str) -> Path:
    """Where the stack's state is, or will be."""
    return project.root / ".mooring" / "backend" / ".pulumi" / "stacks" / "mooring" / f"{stack}.json"


def untouched(project: Project, stack: str) -> bool:
    """Whether nothing was made for a stack that was never deployed: no state, no process, nothing in the store."""
    made = [path for path in project.home.rglob("*") if path.is_file()] if project.home.is_dir() else []
    return not state_file(project, stack).exists() and not project.processes() and not made
