"""The process's standard streams, whatever they are: closed, full, a pipe that nobody reads, or not Unicode."""

from __future__ import annotations

import errno
import os
import sys
from typing import TextIO

WRITE_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EBADF})
"""What a write to something that was opened before can fail with."""


def prepare() -> None:
    """Make both outputs safe to print to.

    One that was closed by the caller (`>&-`) goes nowhere. Characters that the terminal's encoding lacks are
    written as `?`, so that a tick mark is never a reason to fail.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - open until the process ends
        elif not is_unicode(stream) and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - open until the process ends


def is_unicode(stream: TextIO) -> bool:
    """Whether every character can be written to `stream`."""
    return (stream.encoding or "").lower().replace("-", "").replace("_", "").startswith("utf")


def writable(stream: TextIO) -> bool:
    """Whether what was printed so far can be written."""
    try:
        stream.flush()
    except (OSError, ValueError):
        return False
    return True


def discard(stream: TextIO) -> None:
    """From now on `stream` goes nowhere; what it still holds is dropped, not tried again at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def here() -> bool:
    """Whether the current folder still exists."""
    try:
        os.getcwd()
    except OSError:
        return False
    return True
