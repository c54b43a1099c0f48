"""Small JSON files that survive a crash: written beside, fsynced, renamed."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any


def write_json(path: Path, value: Any) -> None:
    """Replace `path` atomically; after return the bytes are on disk."""
    beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with beside.open("w", encoding="utf-8") as out:
            json.dump(value, out, sort_keys=True, separators=(",", ":"))
            out.flush()
            os.fsync(out.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in `path`, None when there is no such file.

    Raises ValueError, naming the file, when it holds something else than one JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as cause:
        raise ValueError(f"{path} is damaged ({cause}); delete it to start over") from cause
    if not isinstance(value, dict):
        raise ValueError(f"{path} is damaged (not a JSON object); delete it to start over")
    return value


def sync_folder(folder: Path) -> None:
    """Make the renames and removals inside `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def tail(path: Path, lines: int, limit: int = 64 * 1024) -> list[str]:
    """The last `lines` lines of a text file, reading at most `limit` bytes; empty when it is missing."""
    try:
        with path.open("rb") as source:
            source.seek(0, os.SEEK_END)
            source.seek(max(0, source.tell() - limit))
            text = source.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]
