"""The end of an operation in a few lines: what changed, the outputs, counts, duration; and errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.engine.api import Op, Result, StepEvent
from mooring.display.board import REPLACING
from mooring.display.changes import change_lines
from mooring.display.style import Style
from mooring.display.symbols import QUIET, look, short_type
from mooring.display.values import brief, mask

SAME: frozenset[str] = QUIET | {"same"}


def changed_steps(steps: list[StepEvent]) -> list[StepEvent]:
    """One step a changed resource: of a replacement's steps the one that tells the difference."""
    chosen: dict[str, StepEvent] = {}
    for step in steps:
        if step.op in QUIET or step.phase == "failed":
            continue
        known = chosen.get(step.urn)
        if known is None or (
            step.op == "replace" or ((step.detailed or step.diff) and not (known.detailed or known.diff))
        ):
            chosen[step.urn] = step
    return list(chosen.values())


def difference_lines(steps: list[StepEvent], style: Style) -> Iterator[str]:
    """Every changed resource with its changed properties below it (of those that are not all new or gone)."""
    for step in changed_steps(steps):
        op: Op = "replace" if step.op in REPLACING else step.op
        looks = look(op)
        yield style(f" {looks.mark:<2} {short_type(step.type)} {step.name}", looks.colour) + f" {looks.plan}"
        if op in ("update", "replace"):
            for line in change_lines(step, style):
                yield f"      {line}"


def output_lines(outputs: Mapping[str, Any], secret: frozenset[str], style: Style) -> Iterator[str]:
    """`Outputs:` and below it every value, maps spread out to three levels, empty ones left out."""
    if not outputs:
        return
    yield style("Outputs:", "bold")
    yield from _nested(mask(outputs, secret), 1)


def _nested(values: Mapping[str, Any], depth: int) -> Iterator[str]:
    indent = "    " * depth
    for name, value in sorted(values.items()):
        if isinstance(value, Mapping) and depth < 3:
            if value:
                yield f"{indent}{name}:"
                yield from _nested(value, depth + 1)
        else:
            yield f"{indent}{name}: {value if isinstance(value, str) else brief(value, 160)}"


def count_line(changes: Mapping[str, int], style: Style, planned: bool) -> str:
    """`Resources: + 3 created, 2 unchanged`."""
    merged = dict(changes)
    if merged.get("replace"):
        merged.pop("create-replacement", None)
        merged.pop("delete-replaced", None)
    parts = []
    for op, count in merged.items():
        if not count or op in SAME:
            continue
        looks = look(op)  # type: ignore[arg-type]
        words = f"to {looks.plan}" if planned else looks.done
        parts.append(style(f"{looks.mark} {count} {words}", looks.colour))
    unchanged = merged.get("same", 0)
    if unchanged:
        parts.append(f"{unchanged} unchanged")
    return "Resources: " + (", ".join(parts) or "none")


def error_lines(errors: list[str], style: Style) -> Iterator[str]:
    """Each error once, its further lines indented; with its resource's name, where it is told with and without."""
    told = list(dict.fromkeys(error.strip() for error in errors))
    for error in told:
        if any(other.endswith(f": {error}") for other in told):
            continue
        first, *rest = error.splitlines() or [""]
        yield style("error: ", "red", "bold") + first
        yield from (f"       {line}" for line in rest)


def summary_lines(result: Result, style: Style, *, planned: bool = False, outputs: bool = True) -> Iterator[str]:
    """The whole summary. `planned`: of a preview."""
    if outputs and result.ok and not planned:
        yield from output_lines(result.outputs, result.secret_outputs, style)
    yield count_line(result.changes, style, planned)
    yield f"Duration:  {duration(result.seconds)}"


def duration(seconds: float) -> str:
    """`0.4s`, `12s`, `3m12s`."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"
