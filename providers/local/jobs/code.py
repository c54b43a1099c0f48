"""Copies of code outside the checkout: the kit's own packages, and a user's source folder for a job."""

from __future__ import annotations

import compileall
import contextlib
import errno
import hashlib
import marshal
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from providers.errors import InvalidInput
from providers.local import records
from providers.local.home import staging
from providers.local.store.hashes import tree_hash
from providers.paths import KIT

_LEFT_OUT = frozenset({"__pycache__", ".git", ".venv", "venv", "node_modules", ".mypy_cache", ".ruff_cache"})
_LARGEST = 2 << 30
"""Bytes of a source folder that is copied to a job; more means that a wrong folder was named."""
KEPT_DAYS = 30
_PYC_HEADER = 16
"""Bytes before the code object of a compiled module (PEP 552)."""


def code_folder(home: Path, packages: tuple[str, ...]) -> Path:
    """A folder that holds these packages of the kit and nothing else, for the PYTHONPATH of jobs and servers.

    Named by its content: another version of the kit has another folder. Compiled, so that processes start faster.
    """
    target = home / "code" / code_hash(packages)[:16]
    if target.exists():
        with contextlib.suppress(OSError):
            os.utime(target)
        return target
    _prune(home)
    fresh = staging(home)
    with records.translated(home):
        try:
            for package in packages:
                copy_source(KIT / package, fresh / package)
            _compile(fresh)
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh.rename(target)
        except OSError:
            records.remove_tree(fresh)
            if not target.exists():  # another command may have been faster
                raise
    return target


def _compile(folder: Path) -> None:
    """Compile the modules below `folder`. Raises `OSError` when the disk is full.

    Python does not notice that it wrote only a part of a compiled file, and never looks at it again: every process
    would fail with it from then on. So each is read back.
    """
    complete = compileall.compile_dir(folder, quiet=2, stripdir=str(folder))
    try:
        for compiled in folder.rglob("*.pyc"):
            marshal.loads(compiled.read_bytes()[_PYC_HEADER:])
    except (EOFError, ValueError, TypeError):
        complete = False
    if not complete:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _prune(home: Path) -> None:
    """Remove copies of earlier versions of the kit that nothing was started with for a month."""
    oldest = time.time() - KEPT_DAYS * 86400
    old = [folder for folder in records.entries(home / "code") if folder.stat().st_mtime < oldest]
    if not old:
        return
    kept = records.contents(home / name for name in ("endpoints", "services", "supervisor"))
    for folder in old:
        if not any(str(folder).encode() in record for record in kept):  # a server may be started again from it
            records.remove_tree(folder)


def code_hash(packages: tuple[str, ...]) -> str:
    """64 hex digits over the files of these packages of the kit."""
    digest = hashlib.sha256()
    for package in sorted(packages):
        if not (KIT / package / "__init__.py").is_file():
            raise InvalidInput(f"the kit has no package '{package}'; the checkout at {KIT} is not complete")
        for name in sorted(source_files(KIT / package)):
            digest.update(f"{package}/{name}\0".encode() + hashlib.sha256((KIT / package / name).read_bytes()).digest())
    return digest.hexdigest()


def source_hash(home: Path, source: Path) -> str:
    """`sha256:…` over the files of a user's source folder that a job gets. Raises `InvalidInput`."""
    try:
        return tree_hash(home, source, source_files(source))
    except OSError as error:
        raise InvalidInput(f"{source} cannot be read: {error}") from error


def copy_source(source: Path, target: Path) -> None:
    """Copy the files of a source folder, what is left out aside; symbolic links to files become files."""
    target.mkdir(parents=True, exist_ok=True)
    size = 0
    for name in source_files(source):
        size += (source / name).stat().st_size
        if size > _LARGEST:
            raise InvalidInput(
                f"{source} holds more than {_LARGEST >> 30} GiB; name the folder that holds the code only"
            )
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / name, target / name)


def source_files(folder: Path) -> Iterator[str]:
    """Relative POSIX paths of the files that count as code: no caches, environments or version control."""
    for current, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        for name in sorted(names):
            path = Path(current, name)
            if not name.endswith(".pyc") and path.is_file():
                yield path.relative_to(folder).as_posix()


def joined_hash(*parts: bytes) -> str:
    """`sha256:…` over several parts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return f"sha256:{digest.hexdigest()}"
