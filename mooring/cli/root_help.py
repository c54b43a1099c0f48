"""`mooring --help`, drawn without rich: it is the first thing a newcomer waits for."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence

from mooring.cli.verbs import PANELS, VERBS
from mooring.display.style import Style, style_of

INTRODUCTION = (
    "Moor a machine-learning model: train, register and serve it on this machine, SageMaker, Azure ML or Vertex AI."
)
OPTIONS = (
    ("--version", "Show the version and exit."),
    ("--install-completion", "Install completion for the current shell."),
    ("--show-completion", "Print the completion script."),
    ("--help", "Show this message and exit."),
)
CLOSING = "First steps:  mooring up --stack local  ·  mooring predict --stack local --input data/new_rows.csv"


def text(width: int | None = None, style: Style | None = None) -> str:
    """The whole page, for a terminal of `width` columns (the present one's by default, 60 to 100)."""
    width = max(60, min(width or shutil.get_terminal_size((80, 24)).columns, 100))
    style = style or style_of(sys.stdout)
    lines = ["", f" {style('Usage:', 'bold')} mooring [OPTIONS] COMMAND [ARGS]…", ""]
    lines += [f" {line}" for line in _wrap(INTRODUCTION, width - 2)] + [""]
    for panel in PANELS:
        rows = [(verb.name, verb.summary) for verb in VERBS if verb.panel == panel]
        lines += _panel(panel, rows, max(len(verb.name) for verb in VERBS) + 2, width, style)
    lines += _panel("Options", OPTIONS, max(len(name) for name, _ in OPTIONS) + 2, width, style)
    lines += [f" {style('mooring COMMAND --help', 'cyan')} tells a command's options.", f" {CLOSING}", ""]
    return "\n".join(lines)


def _panel(title: str, rows: Sequence[tuple[str, str]], column: int, width: int, style: Style) -> Iterator[str]:
    inner = width - 4
    yield style(f"╭─ {title} {'─' * (width - len(title) - 5)}╮", "dim")
    bar = style("│", "dim")
    for name, summary in rows:
        for number, part in enumerate(_wrap(summary, inner - column)):
            label = name if number == 0 else ""
            yield f"{bar} {style(label, 'bold', 'cyan')}{' ' * (column - len(label))}{part:<{inner - column}} {bar}"
    yield style(f"╰{'─' * (width - 2)}╯", "dim")


def _wrap(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > max(width, 20):
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
