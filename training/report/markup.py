"""HTML for the report, every value escaped: what stands in the data may be anything."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: object) -> Markup:
    """A value as HTML: numbers to six digits, markup as it is, all else escaped."""
    if isinstance(value, Markup):
        return value
    if value is None:
        return Markup("–")
    if isinstance(value, bool):
        return Markup("yes" if value else "no")
    if isinstance(value, int):
        return Markup(f"{value:,}")
    if isinstance(value, float):
        return Markup(number(value))
    return Markup(html.escape(str(value)))


def number(value: float) -> str:
    """A number as a person reads it: up to six digits, large ones with commas."""
    if not math.isfinite(value):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1e6 and abs(value) < 1e15 else f"{value:.6g}"


def metric(value: float) -> str:
    """A metric: four digits after the point, or four in all where it is large."""
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.2f}" if abs(value) < 1e6 else f"{value:.4g}"


def code(value: object) -> Markup:
    """A value as it would be typed."""
    return Markup(f"<code>{html.escape(str(value))}</code>")


def table(head: Sequence[str], rows: Iterable[Sequence[object]], numeric: Sequence[int] = ()) -> Markup:
    """A table that scrolls by itself where it is too wide. The first cell of a row names it; `numeric` are the
    places of columns that are set to the right."""
    right = ["n" if at in numeric else "" for at in range(len(head))]

    def cell(tag: str, at: int, value: object) -> str:
        kind = f' class="{right[at]}"' if right[at] else ""
        scope = ' scope="row"' if tag == "th" else ""
        return f"<{tag}{kind}{scope}>{text(value)}</{tag}>"

    titles = "".join(
        f'<th scope="col"{f" class={chr(34)}n{chr(34)}" if right[at] else ""}>{text(title)}</th>'
        for at, title in enumerate(head)
    )
    lines = "".join(
        "<tr>" + "".join(cell("th" if not at else "td", at, value) for at, value in enumerate(row)) + "</tr>\n"
        for row in rows
    )
    whole = f"<table><thead><tr>{titles}</tr></thead>\n<tbody>{lines}</tbody></table>"
    return Markup(f'<div class="scroll" tabindex="0">{whole}</div>')


def definitions(pairs: Mapping[str, object]) -> Markup:
    """A list of names and what they stand for; empty values are left out."""
    kept = [(name, value) for name, value in pairs.items() if value not in (None, "")]
    return Markup("<dl>" + "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in kept) + "</dl>")


def bars(counts: Sequence[float]) -> Markup:
    """A histogram the size of a word."""
    most = max(counts, default=0) or 1
    inner = "".join(f'<i style="height:{100 * count / most:.3g}%"></i>' for count in counts)
    return Markup(f'<span class="bars" aria-hidden="true">{inner}</span>')


def section(title: str, *parts: object) -> Markup:
    """A section with a title; empty where all its parts are."""
    inner = "\n".join(text(part) for part in parts if part)
    return Markup(f"<section><h2>{text(title)}</h2>\n{inner}</section>\n") if inner else Markup("")


def paragraph(*parts: object, kind: str = "") -> Markup:
    """A paragraph; `kind` is its class."""
    return Markup(f"<p{f' class={chr(34)}{kind}{chr(34)}' if kind else ''}>{''.join(text(part) for part in parts)}</p>")
