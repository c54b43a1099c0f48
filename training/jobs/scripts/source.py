"""Copies of a user's code, in which a script may write."""

from __future__ import annotations

import shutil
from pathlib import Path


def copy_source(source: Path, target: Path) -> None:
    """Copy a folder of code without what Python and git leave in it; links are followed."""
    left_out = shutil.ignore_patterns("__pycache__", ".git", ".venv", "*.pyc")
    shutil.copytree(source, target, ignore=left_out, dirs_exist_ok=True)
