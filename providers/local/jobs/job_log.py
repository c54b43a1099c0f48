"""The log of a job: read from its end, followed, and bounded in size. Standard library only: the runner uses it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

LIMIT = 64 << 20
"""Bytes after which a log is cut; a job that writes without end must not fill the disk."""
KEPT = 4 << 20
"""Bytes of its end that a log keeps when it is cut."""
POLL_SECONDS = 0.1


def bound(log: Path, limit: int = LIMIT, kept: int = KEPT) -> None:
    """Cut a log that has outgrown `limit` to its last `kept` bytes, and say so in its first line.

    The job holds the file open in append mode, so it is cut in place; what is written in that moment may be lost.
    """
    try:
        if log.stat().st_size <= limit:
            return
        handle = os.open(log, os.O_RDWR | os.O_APPEND)
    except FileNotFoundError:
        return
    with os.fdopen(handle, "r+b") as stream:
        size = stream.seek(-kept, os.SEEK_END) + kept
        end = stream.read().partition(b"\n")[2]
        stream.truncate(0)
        told = f"[mooring] the log had {size >> 20} MiB and was cut here; what follows is its end\n"
        stream.write(told.encode() + end)


def lines(log: Path, ended: Callable[[], bool], *, follow: bool = False, tail: int | None = None) -> Iterator[str]:
    """Lines without their line end, oldest first, the last `tail` at the most; `follow` goes on until the job has
    `ended`. A log that is cut meanwhile is read on from its new beginning."""
    while follow and not log.exists() and not ended():
        time.sleep(POLL_SECONDS)
    if not log.exists():
        return
    with log.open("rb") as stream:
        if tail is not None:
            stream.seek(_tail_offset(log, tail))
        rest = b""
        while True:
            over = not follow or ended()
            if stream.tell() > os.fstat(stream.fileno()).st_size:
                stream.seek(0)
                rest = b""
            while block := stream.read(1 << 16):
                *whole, rest = (rest + block).split(b"\n")
                for line in whole:
                    yield line.decode("utf-8", errors="replace").rstrip("\r")
            if over:
                break
            time.sleep(POLL_SECONDS)
        if rest:
            yield rest.decode("utf-8", errors="replace")


def _tail_offset(log: Path, count: int) -> int:
    """Where the last `count` lines begin."""
    size = position = log.stat().st_size
    if count <= 0:
        return size
    found = -1  # the line end at the very end closes the last line, it does not begin another
    with log.open("rb") as stream:
        if size:
            stream.seek(size - 1)
            found = 0 if stream.read(1) != b"\n" else -1
        while position > 0:
            step = min(1 << 16, position)
            position -= step
            stream.seek(position)
            block = stream.read(step)
            for index in range(len(block) - 1, -1, -1):
                if block[index] == 10:
                    found += 1
                    if found == count:
                        return position + index + 1
    return 0
