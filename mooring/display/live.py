"""A tree of resources that moves while the operation runs, for terminals. Uses rich."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from infra.engine.api import Event, LogEvent
from mooring.display.board import Board, Row, tree
from mooring.display.plain import SEVERITY_COLOURS, message_text
from mooring.display.symbols import look, short_type

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class LiveDisplay:
    """Redraws itself ten times a second; `__exit__` leaves the last picture, unless it was only `passing`."""

    def __init__(self, stream: TextIO, *, passing: bool = False) -> None:
        self.board = Board()
        self._console = Console(file=stream, highlight=False)
        self._live = Live(self, console=self._console, refresh_per_second=10, transient=passing)
        self._ticks = 0
        self._lock = threading.Lock()

    def __enter__(self) -> LiveDisplay:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def on_event(self, event: Event) -> None:
        """Take in one event; messages go above the tree and stay; errors are told once, at the end."""
        self.board.add(event)
        if isinstance(event, LogEvent) and not event.ephemeral and event.severity in ("info", "warning"):
            self._console.print(Text(message_text(event), style=SEVERITY_COLOURS[event.severity]))

    def notice(self, text: str) -> None:
        """Write a line of our own above the tree."""
        self._console.print(Text(text))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        with self._lock:
            self._ticks += 1
        rows = visible(self.board.rows())
        room = max(3, options.size.height - 3)
        table = Table.grid(padding=(0, 2, 0, 0))
        for row, depth in rows[-room:]:
            table.add_row(*self._cells(row, depth))
        yield table

    def _cells(self, row: Row, depth: int) -> tuple[Text, Text, Text]:
        looks = look(row.op)
        failed = row.phase == "failed"
        colour = "red" if failed else looks.colour
        mark = SPINNER[self._ticks % len(SPINNER)] if row.running else ("✗" if failed else looks.mark)
        name = Text(f" {mark:<2} {'  ' * depth}", style=colour)
        name.append(f"{short_type(row.type)} ", style="dim").append(row.name, style="bold")
        words = {"planned": looks.plan, "done": looks.done, "failed": f"{looks.doing} failed"}
        state = Text(words.get(row.phase, looks.doing), style=colour)
        if row.quiet:
            state = Text("")
        elif row.phase != "planned" and row.type != "pulumi:pulumi:Stack":
            state.append(f" ({self.board.elapsed(row):.1f}s)", style="dim")
        return (
            name,
            state,
            Text(progress_text(row) if row.running else "", style="dim", no_wrap=True, overflow="ellipsis"),
        )


def progress_text(row: Row) -> str:
    """The resource's own message with a bar where it tells how far it is."""
    if row.fraction is None:
        return row.message
    filled = round(max(0.0, min(1.0, row.fraction)) * 12)
    return f"{'━' * filled}{'╌' * (12 - filled)} {row.fraction:.0%} {row.message}".rstrip()


def visible(rows: list[Row]) -> list[tuple[Row, int]]:
    """The rows worth a line: what changes, runs or fails, and the components above it."""
    placed = list(tree(rows))
    kept: list[tuple[Row, int]] = []
    depth_needed = -1
    for row, depth in reversed(placed):
        if not row.quiet or depth < depth_needed:
            kept.append((row, depth))
            depth_needed = depth
    kept.reverse()
    return kept
