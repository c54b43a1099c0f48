"""Files that are replaced whole: either the old content is there or the new, at whatever moment the power goes."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from pathlib import Path

from infra.engine.errors import StateWriteFailed
from providers.boundaries import boundary, pieces


def replace_file(file: Path, data: bytes, *, backup: Path | None = None, mode: int = 0o600) -> None:
    """Write `data` to `file` atomically and durably; what was there becomes `backup`.

    Raises `StateWriteFailed` when it cannot (full disk, no permission); the old content is then intact.
    """
    draft = _draft(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _write_synced(draft, data, mode)
        if backup is not None:
            _keep(file, backup)
            boundary("state:backup-kept")
        os.replace(draft, file)
        _sync_folder(file.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        reason = error.strerror or str(error)
        raise StateWriteFailed(
            f"cannot write {file}: {reason}; what was there before is intact. "
            "Make room or correct the permissions, and run the command again"
        ) from error


def _write_synced(file: Path, data: bytes, mode: int) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        for piece in pieces(data, "state"):
            view = memoryview(piece)
            while view:
                view = view[os.write(handle, view) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _keep(file: Path, backup: Path) -> None:
    """Let `backup` be what `file` is now: a second name for the same bytes, so nothing is copied."""
    link = _draft(backup)
    with contextlib.suppress(FileNotFoundError):
        link.unlink()
    try:
        os.link(file, link)
    except FileNotFoundError:
        return
    except OSError:
        # A file system without links: a copy instead.
        _write_synced(link, file.read_bytes(), 0o600)
    os.replace(link, backup)
    # A writer killed in between left `backup` the same file already; then the rename does nothing (POSIX).
    link.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _draft(file: Path) -> Path:
    """A name beside `file` that no other writer uses at the same time."""
    return file.with_name(f"{file.name}.{os.getpid()}-{threading.get_ident()}.tmp")


def remove_drafts(file: Path) -> None:
    """Remove what killed writers of `file` left behind. Call it only while holding the stack's lock."""
    left = re.compile(rf"{re.escape(file.name)}(\.bak)?\.\d+-\d+\.tmp")
    for draft in file.parent.iterdir() if file.parent.is_dir() else ():
        if left.fullmatch(draft.name):
            with contextlib.suppress(OSError):
                draft.unlink()
