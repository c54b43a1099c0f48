"""The logs of an endpoint's router and servers as one stream of lines."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

POLL_SECONDS = 0.2


def read_logs(folder: Path, tail: int | None) -> Iterator[str]:
    """What is there now, source by source (the one written last comes last), at most `tail` lines a source."""
    for path in sorted(folder.glob("*.log"), key=lambda path: _facts(path)[0]):
        with contextlib.suppress(FileNotFoundError), path.open(encoding="utf-8", errors="replace") as lines:
            chosen = lines if tail is None else deque(lines, maxlen=tail)
            yield from (_line(path, line) for line in chosen)


def follow_logs(folder: Path, exists: Callable[[], bool]) -> Iterator[str]:
    """Lines that are written from now on, until the endpoint is gone."""
    places = {path: _facts(path)[1] for path in folder.glob("*.log")}
    while exists():
        for path in sorted(folder.glob("*.log")):
            yield from _fresh(path, places)
        time.sleep(POLL_SECONDS)


def _fresh(path: Path, places: dict[Path, int]) -> Iterator[str]:
    try:
        if path.stat().st_size < places.get(path, 0):
            places[path] = 0  # rotated
        with path.open("rb") as source:
            source.seek(places.get(path, 0))
            for line in source:
                if not line.endswith(b"\n"):
                    break  # still being written
                places[path] = places.get(path, 0) + len(line)
                yield _line(path, line.decode("utf-8", "replace"))
    except FileNotFoundError:
        places.pop(path, None)


def _facts(path: Path) -> tuple[float, int]:
    """When a log was written last, and its size; zeros for one that is gone (a deployment that ended)."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0.0, 0
    return found.st_mtime, found.st_size


def _line(path: Path, line: str) -> str:
    return f"[{path.name.removesuffix('.log')}] {line.rstrip()}"
