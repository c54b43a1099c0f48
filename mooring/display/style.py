"""Colour for lines of text, without a library: a preview that finds nothing must not wait for one.

`NO_COLOR` (any value, https://no-color.org) switches colour off, `FORCE_COLOR` on; otherwise a stream that is a
terminal has it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TextIO

CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}


def coloured(stream: TextIO) -> bool:
    """Whether `stream` should get colour."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


@dataclass(frozen=True)
class Style:
    """Wraps text in ANSI codes, or leaves it alone."""

    on: bool

    def __call__(self, text: str, *names: str) -> str:
        if not self.on or not names or not text:
            return text
        return f"\x1b[{';'.join(CODES[name] for name in names)}m{text}\x1b[0m"


def style_of(stream: TextIO) -> Style:
    """The style that fits `stream`."""
    return Style(coloured(stream))
