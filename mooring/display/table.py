"""Columns of text."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from mooring.display.style import Style, style_of


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], style: Style | None = None) -> Iterator[str]:
    """Aligned lines below bold heads; columns that are empty throughout are left out."""
    style = style or style_of(sys.stdout)
    kept = [i for i in range(len(heads)) if any(row[i] for row in rows)] if rows else list(range(len(heads)))
    widths = {i: max(len(heads[i]), *(len(row[i]) for row in rows)) if rows else len(heads[i]) for i in kept}
    yield "  ".join(style(heads[i].upper().ljust(widths[i]), "bold") for i in kept).rstrip()
    for row in rows:
        yield "  ".join(row[i].ljust(widths[i]) for i in kept).rstrip()
