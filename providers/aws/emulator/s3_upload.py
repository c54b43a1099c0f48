"""A folder on its way to S3 while somebody writes in it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from providers.aws.emulator import s3_files


class FolderUpload:
    """The files below a folder to objects below a prefix: those that are new, or have changed since the last time."""

    def __init__(self, s3: Any, folder: Path, uri: str, key: str | None = None) -> None:
        self._s3, self._folder, self._uri, self._key = s3, folder, uri.rstrip("/"), key
        self._sent: dict[Path, tuple[int, int]] = {}

    def send(self) -> None:
        """Send what there is to send now. Raises `TransferError`."""
        found = (Path(root, name) for root, _, names in os.walk(self._folder) for name in names)
        for path in sorted(found):
            try:
                state = _state(path)
                if state is not None and self._sent.get(path) != state:
                    relative = path.relative_to(self._folder).as_posix()
                    s3_files.upload_file(self._s3, path, f"{self._uri}/{relative}", self._key)
                    self._sent[path] = state
            except FileNotFoundError:
                continue  # renamed or deleted just now, as temporary files are


def _state(path: Path) -> tuple[int, int] | None:
    """What changes with a file; None for a pipe or socket, which has no end. Raises FileNotFoundError."""
    found = path.stat()
    return (found.st_mtime_ns, found.st_size) if stat.S_ISREG(found.st_mode) else None
