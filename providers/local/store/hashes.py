"""Content hashes of what the user points at, remembered by size, times and inode so that a preview is quick.

A remembered hash counts only for a file that had been left alone for a second when it was read: one that changes
within the clock's grain could look the same ("racily clean", as Git calls it).
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from providers.errors import InvalidInput
from providers.local import records
from training.artifact.digest import file_hex, relative_files

_GRAIN = 1_000_000_000
"""Nanoseconds that a file must have been left alone before its hash is remembered."""
_KEPT = 500
"""Sources remembered in one home; the longest unused go first."""


def content_hash(home: Path, path: Path) -> str:
    """`sha256:…` of a file's bytes or of a folder (`training.artifact.digest.tree_digest`).

    Raises `InvalidInput` for what is neither, holds symbolic links, or cannot be read.
    """
    try:
        if path.is_dir():
            return tree_hash(home, path, (name for name in relative_files(path) if name != "run.json"))
        if not path.is_file():
            raise InvalidInput(f"{path} {'is not a regular file' if path.exists() else 'does not exist'}")
        known = _Known(home, path)
        digest = known.hex(path)
        known.save()
        return f"sha256:{digest}"
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}") from error


def tree_hash(home: Path, folder: Path, names: Iterable[str]) -> str:
    """The tree digest over just these files of a folder."""
    known = _Known(home, folder)
    lines = sorted(f"{name}\0{known.hex(folder / name)}\n" for name in names)
    known.save()
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


class _Known:
    """The remembered hashes below one path."""

    def __init__(self, home: Path, path: Path) -> None:
        absolute = os.path.abspath(path)
        self.base = home / "hashes"
        self.record = self.base / f"{hashlib.sha256(absolute.encode()).hexdigest()[:32]}.json"
        try:
            self.old: dict[str, Any] = records.read(self.record) or {}
        except records.RecordDamaged:  # it only saves time
            self.old = {}
        self.new: dict[str, Any] = {}

    def hex(self, path: Path) -> str:
        """The hash of one file, read only when it may have changed."""
        key = hashlib.sha256(str(path).encode()).hexdigest()[:32]
        before = path.stat()
        mark = [before.st_size, before.st_mtime_ns, before.st_ctime_ns, before.st_ino]
        old = self.old.get(key)
        if old and old[:-1] == mark:
            self.new[key] = old
            return str(old[-1])
        moment = time.time_ns()
        digest = file_hex(path)
        after = path.stat()
        unchanged = (after.st_size, after.st_mtime_ns, after.st_ctime_ns) == tuple(mark[:3])
        if unchanged and moment - max(before.st_mtime_ns, before.st_ctime_ns) > _GRAIN:
            self.new[key] = [*mark, digest]
        return digest

    def save(self) -> None:
        """Remember; losing it costs time only, so a disk that cannot take it is no error."""
        if self.new == self.old:
            return
        try:
            records.write(self.record, self.new)
            self._forget_the_oldest()
        except (OSError, records.DiskFull):
            return

    def _forget_the_oldest(self) -> None:
        kept = sorted(self.base.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in kept[_KEPT:]:
            path.unlink(missing_ok=True)
