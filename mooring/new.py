"""`mooring new DIR`: a copy of the kit, with what git would track and nothing of what it made here."""

from __future__ import annotations

import fnmatch
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from providers import paths
from providers.errors import AlreadyExists, InvalidInput, Unavailable

ALWAYS_OUT = (".git", ".venv", ".mooring", "__pycache__")


def copy_kit(target: Path) -> int:
    """Copy the kit to `target` and return how many files it has.

    Raises `AlreadyExists` for a folder that is not empty, `InvalidInput` for one within the kit's private folders
    or for a file, `Unavailable` when the disk is full.
    """
    target = target.absolute()
    if target.is_file():
        raise InvalidInput(f"{target} is a file; say a new or an empty folder")
    if target.is_dir() and any(target.iterdir()):
        raise AlreadyExists(f"{target} is not empty; say a new or an empty folder")
    if target.resolve().is_relative_to(paths.KIT):
        raise InvalidInput(f"{target} is inside the kit ({paths.KIT}); say a folder outside of it")
    count = 0
    try:
        target.mkdir(parents=True, exist_ok=True)
        for relative in tracked(paths.KIT):
            destination = target / relative
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(paths.KIT / relative, destination, follow_symlinks=False)
            count += 1
    except OSError as error:
        raise Unavailable(f"the copy in {target} is not complete: {error.strerror or error}") from error
    return count


def tracked(kit: Path) -> list[Path]:
    """Files of the kit that git tracks or would track; without git those that .gitignore does not name."""
    try:
        listed = subprocess.run(
            ["git", "-C", str(kit), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            capture_output=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return sorted(_walk(kit))
    found = (Path(os.fsdecode(name)) for name in listed.split(b"\0") if name)
    return sorted({path for path in found if (kit / path).is_file() or (kit / path).is_symlink()})


def _walk(kit: Path) -> Iterator[Path]:
    ignore = kit / ".gitignore"
    patterns = ignore.read_text(encoding="utf-8").split() if ignore.is_file() else []
    for folder, names, files in os.walk(kit):
        here = Path(folder).relative_to(kit)
        names[:] = [name for name in names if not _ignored(here / name, patterns, folder=True)]
        yield from (here / name for name in files if not _ignored(here / name, patterns, folder=False))


def _ignored(path: Path, patterns: list[str], *, folder: bool) -> bool:
    """The simple patterns of our .gitignore: anchored or not, for folders or for both."""
    if path.name in ALWAYS_OUT:
        return True
    for pattern in patterns:
        if pattern.endswith("/") and not folder:
            continue
        bare = pattern.strip("/")
        subject = path.as_posix() if "/" in pattern.rstrip("/") else path.name
        if fnmatch.fnmatchcase(subject, bare):
            return True
    return False
