"""Why a process failed, in one line, out of what it wrote and how it ended. Standard library only."""

from __future__ import annotations

import os
import re
from pathlib import Path

TAIL = 64 * 1024
"""Bytes at the end of a log that are looked at."""

_FRAME = re.compile(r'^\s+File "(?P<path>[^"]+)", line (?P<line>\d+)(?:, in (?P<where>.+))?$')
_UNCOMPILED = re.compile(r"^(SyntaxError|IndentationError|TabError)\b")
SHOWN = "/opt/ml/code"
"""Where a script under SageMaker's contract sees its own folder."""
_HEADER = "Traceback (most recent call last):"
_SIGNALS = {
    137: "was killed (exit code 137, SIGKILL): out of memory?",
    143: "was terminated from outside (exit code 143, SIGTERM)",
    139: "crashed in native code (exit code 139, SIGSEGV)",
    134: "aborted in native code (exit code 134, SIGABRT)",
    132: "ran an instruction this CPU does not have (exit code 132, SIGILL)",
    135: "crashed on a memory access (exit code 135, SIGBUS); is the disk full?",
}


def tail_lines(log: Path, limit: int = TAIL) -> list[str]:
    """The last lines of a log, at most `limit` bytes of it; a line cut at its start is left out."""
    try:
        with log.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - limit))
            text = stream.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return []
    lines = text.splitlines()
    return lines[1:] if size > limit and len(lines) > 1 else lines


def failure_reason(log: Path, exit_code: int, source: str) -> str:
    """One line: the script's own exception and where it was raised, else its last word, else the exit code.

    `source` is the folder of the user's script: the place named is the innermost one in there.
    """
    if exit_code in _SIGNALS:
        return f"the process {_SIGNALS[exit_code]}"
    lines = tail_lines(log)
    if reason := traceback_reason(lines, source):
        return reason
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")
    if said:
        return shorten(said) if exit_code == 1 else f"{shorten(said)} (exit code {exit_code})"
    if exit_code > 128:
        return f"the process was killed by signal {exit_code - 128} (exit code {exit_code})"
    return f"the process ended with exit code {exit_code} and wrote nothing"


def traceback_reason(lines: list[str], source: str) -> str:
    """`ValueError: no such column (train.py, line 12, in main)` out of the last traceback, empty without one.

    A script that cannot be compiled has no more of one than the place and the `SyntaxError`.
    """
    start = max((i for i, line in enumerate(lines) if _HEADER in line), default=-1)
    if start < 0:
        start = max((i for i, line in enumerate(lines) if _FRAME.match(line)), default=0) - 1
        after = [line for line in lines[start + 1 :] if line.strip()]
        if not after or not _UNCOMPILED.match(after[-1]):
            return ""
    frames: list[re.Match[str]] = []
    for line in lines[start + 1 :]:
        if frame := _FRAME.match(line):
            frames.append(frame)
        elif line.strip() and not line.startswith((" ", "\t")):
            return shorten(line.strip()) + _place(frames, source)
    return ""


def _place(frames: list[re.Match[str]], source: str) -> str:
    folders = tuple(folder.rstrip("/") + "/" for folder in (source, SHOWN) if folder)
    own = [frame for frame in frames if source and frame["path"].startswith(folders)]
    chosen = (own or frames)[-1:]
    if not chosen:
        return ""
    frame = chosen[0]
    folder = next((folder for folder in folders if frame["path"].startswith(folder)), "")
    path = frame["path"][len(folder) :] if own else Path(frame["path"]).name
    where = f", in {frame['where']}" if frame["where"] and frame["where"] != "<module>" else ""
    return f" ({path}, line {frame['line']}{where})"


def shorten(text: str, limit: int = 500) -> str:
    """`text` cut to `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
