"""Copies of a user's code, in which a script may write."""

from __future__ import annotations

import shutil
from fnmatch import fnmatch
from pathlib import Path

LEFT_BEHIND = ("__pycache__", ".git", ".venv", "*.pyc")
"""What Python and git leave in a folder of code."""


def copy_source(source: Path, target: Path, without: tuple[str, ...] = LEFT_BEHIND) -> None:
    """Copy a folder of code without the names `without`, and without `target` itself where that lies in it."""
    inside = target.resolve()

    def ignored(folder: str, names: list[str]) -> list[str]:
        here = Path(folder).resolve()
        unwanted = [name for name in names if any(fnmatch(name, pattern) for pattern in without)]
        return unwanted + [name for name in names if inside.is_relative_to(here / name)]

    shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
