"""The look of the figures, and how one drawing serves a light and a dark page.

In the SVG that goes into the page each colour below becomes a CSS variable, which the page sets by the reader's
preference; in the PNG files they are what they are here, on white.
"""

from __future__ import annotations

import re
from typing import Any

INK, MUTED, GRID, SURFACE = "#1c2733", "#5a6876", "#dfe4ea", "#ffffff"
SERIES = ("#2f6fde", "#d9622b", "#1f9d76", "#9b4fc4", "#c79a12", "#c93a6b", "#3aa3c9", "#7a7f35", "#8a5a44", "#6d7f96")
"""Colours of lines and bars, told apart also by readers who see red and green alike (in lightness)."""
VARIABLES = {INK: "ink", MUTED: "muted", GRID: "grid", SURFACE: "surface"} | {
    colour: f"series-{at}" for at, colour in enumerate(SERIES)
}
SIZE = (5.2, 3.9)
"""Width and height of a figure, in inches."""
DPI = 144
"""Dots an inch of the PNG files."""


def settings(name: str) -> dict[str, Any]:
    """Matplotlib's settings for one figure. What it draws by chance or by machine is fixed: fonts are its own, the
    ids in an SVG are hashed with the figure's name."""
    return {
        "font.family": "DejaVu Sans",
        "font.size": 10,
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlecolor": INK,
        "axes.edgecolor": GRID,
        "axes.labelcolor": MUTED,
        "axes.facecolor": SURFACE,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "figure.facecolor": SURFACE,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "legend.labelcolor": INK,
        "savefig.facecolor": SURFACE,
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "text.color": INK,
        "text.parse_math": False,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
    }


def themed(svg: str, title: str) -> str:
    """Matplotlib's SVG as a part of the page: its colours as variables, its size by the page, named for readers
    who hear it."""
    from html import escape

    start = svg.index("<svg")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[start:], flags=re.S)
    svg = re.sub(r"#[0-9a-f]{6}", lambda found: _variable(found[0]), svg)
    svg = re.sub(r"'DejaVu Sans'(, sans-serif)?", "var(--font)", svg)
    head, _, rest = svg.partition(">")
    head = re.sub(r'\s(width|height)="[^"]*"', "", head)
    return f'{head} role="img" aria-label="{escape(title, quote=True)}">{rest}'.strip()


def _variable(colour: str) -> str:
    return f"var(--{VARIABLES[colour]})" if colour in VARIABLES else colour
