"""From an object to the payloads that the model is sent, and back to one object."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence

MEGABYTE = 1 << 20
TOO_MUCH = "Too much data for max payload size"


class BadObject(Exception):
    """An object that cannot be sent: the words of the job's log."""


def payloads(data: bytes, split: str, strategy: str, most: int, compression: str = "None") -> Iterator[bytes]:
    """The payloads of one object. `split` is None or Line, `strategy` SingleRecord or MultiRecord, and `most` the bytes
    of one payload, 0 for no limit. Raises `BadObject` for a record that is larger."""
    if compression == "Gzip":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError) as error:
            raise BadObject(f"Failed to decompress the object: {error}") from error
    if split == "None":
        yield _bounded(data, most)
        return
    waiting: list[bytes] = []
    size = 0
    for line in data.split(b"\n"):
        if not line.strip():
            continue
        if waiting and (strategy == "SingleRecord" or (most and size + len(line) > most)):
            yield b"\n".join(waiting)
            waiting, size = [], 0
        waiting.append(_bounded(line, most))
        size += len(line) + 1
    if waiting:
        yield b"\n".join(waiting)


def _bounded(data: bytes, most: int) -> bytes:
    if most and len(data) > most:
        raise BadObject(TOO_MUCH)
    return data


def assembled(answers: Sequence[bytes], with_lines: bool) -> bytes:
    """One object of the answers; with lines, each ends in a line end."""
    if not with_lines:
        return b"".join(answers)
    return b"".join(answer if answer.endswith(b"\n") else answer + b"\n" for answer in answers)
