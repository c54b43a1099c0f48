"""The supervisor's records: JSON objects, replaced in one step, readable by their owner only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from providers.local import records
from providers.local.jobs.reasons import tail_lines


def write_json(path: Path, value: Any) -> None:
    """Replace `path` atomically; after return the bytes are on disk. Raises OSError."""
    records.replace_text(path, json.dumps(value, sort_keys=True, separators=(",", ":")))


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


def tail(path: Path, lines: int) -> list[str]:
    """The last `lines` lines of a log that are not blank; empty when it is missing."""
    return [line for line in tail_lines(path) if line.strip()][-lines:]
