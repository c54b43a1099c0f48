"""What a person sees while a module of the kit runs: lines as they come, and at a terminal what goes on now."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Any, Protocol, TextIO

from mooring.display.style import style_of

BEATS = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Progress(Protocol):
    """Where the lines of a running child go."""

    def line(self, text: str) -> None:
        """Something is done."""

    def passing(self, text: str) -> None:
        """Something goes on, of which nothing needs to be kept."""

    def warning(self, text: str) -> None:
        """Something that the user should know although it goes on."""


class Lines:
    """One line each, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._last = stream, ""

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.flush()

    def line(self, text: str) -> None:
        """Written as it is."""
        print(text, file=self._stream, flush=True)

    def passing(self, text: str) -> None:
        """Written too: in a log it tells where the time went."""
        if text != self._last:
            print(text, file=self._stream, flush=True)
        self._last = text

    def warning(self, text: str) -> None:
        """On standard error, in colour where there is one."""
        print(style_of(sys.stderr)(text, "yellow"), file=sys.stderr, flush=True)


class Live:
    """Lines with a tick mark, and below them a line that moves. Uses rich."""

    def __init__(self, stream: TextIO, doing: str) -> None:
        from rich.console import Console
        from rich.live import Live as RichLive

        self._console = Console(file=stream, highlight=False, soft_wrap=True)
        self._doing, self._since = doing, time.monotonic()
        self._live = RichLive(console=self._console, get_renderable=self._moving, refresh_per_second=10, transient=True)

    def __enter__(self) -> Live:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def line(self, text: str) -> None:
        """Kept above the moving line."""
        self._print(" ✓ ", "green", text)

    def passing(self, text: str) -> None:
        """Shown in the moving line."""
        self._doing = text

    def warning(self, text: str) -> None:
        """Kept above the moving line."""
        self._print(" ! ", "yellow", text)

    def _print(self, mark: str, colour: str, text: str) -> None:
        from rich.text import Text

        self._console.print(Text(mark, style=colour).append(text, style=""))

    def _moving(self) -> Any:
        from rich.text import Text

        seconds = time.monotonic() - self._since
        beat = BEATS[int(seconds * 10) % len(BEATS)]
        text = Text(f" {beat} ", style="cyan", no_wrap=True, overflow="ellipsis")
        return text.append(self._doing, style="dim").append(f" ({seconds:.0f} s)", style="dim")


class Silent(Lines):
    """Warnings only: for what takes a moment and prints its result."""

    def line(self, text: str) -> None:
        """Not shown."""


def progress_on(stream: TextIO, doing: str, *, quiet: bool = False) -> Lines | Live:
    """The display that fits `stream`. `quiet` shows nothing but what takes long: an environment that is prepared."""
    if not quiet and stream.isatty() and os.environ.get("TERM") != "dumb":
        return Live(stream, doing)
    return Silent(stream) if quiet else Lines(stream)
