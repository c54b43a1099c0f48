"""SHA-256 digests of files and folders: how a data version and a model version are named.

The digest of a folder is defined on its content alone, so that it is the same on every machine: SHA-256
over the sorted lines `relative/posix/path\\0<sha256 hex of the bytes>\\n`, one for each regular file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path

CHUNK = 1 << 20
"""Bytes read at a time, so that a large file never has to fit in memory."""


def file_hex(path: Path) -> str:
    """SHA-256 of one file's bytes, 64 hexadecimal digits. Raises OSError where it cannot be read."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """`sha256:` and the SHA-256 of one file's bytes."""
    return f"sha256:{file_hex(path)}"


def tree_digest(folder: Path, exclude: Collection[str] = ("run.json",)) -> str:
    """`sha256:` and the digest of a folder's regular files.

    `exclude` are names left out at the top of the folder only: `run.json` holds what differs between two
    equal runs. Empty folders do not count. Raises NotADirectoryError for anything but a folder, and
    ValueError for a symbolic link or a special file: what they stand for could change unseen.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder}: not a folder")
    lines = sorted(f"{name}\0{file_hex(folder / name)}\n" for name in relative_files(folder) if name not in exclude)
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def relative_files(folder: Path) -> Iterator[str]:
    """Relative POSIX paths of all regular files below `folder`, in no particular order.

    Raises ValueError, naming the path, for a symbolic link or anything else that is no file or folder.
    """
    pending = [""]
    while pending:
        below = pending.pop()
        with os.scandir(folder / below) as entries:
            for entry in entries:
                name = f"{below}{entry.name}"
                if entry.is_symlink():
                    raise ValueError(
                        f"{folder / name}: a symbolic link; a model or data folder holds regular files only"
                    )
                if entry.is_dir(follow_symlinks=False):
                    pending.append(f"{name}/")
                elif entry.is_file(follow_symlinks=False):
                    yield name
                else:
                    raise ValueError(f"{folder / name}: not a regular file")
