"""What changed of a resource, one line a property: `learningRate: 0.1 => 0.2`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra.engine.api import StepEvent
from mooring.display.style import Style
from mooring.display.values import ABSENT, at, brief


@dataclass(frozen=True)
class Change:
    """One property that differs. `kind` is Pulumi's (`add`, `update`, `delete-replace`, …)."""

    path: str
    kind: str
    old: Any
    new: Any

    @property
    def replaces(self) -> bool:
        """Whether this property is a reason to replace the resource."""
        return self.kind.endswith("replace")

    def as_json(self) -> dict[str, Any]:
        """The documented form; a side that does not exist is left out."""
        sides = {"old": self.old, "new": self.new}
        return {"kind": self.kind, **{side: value for side, value in sides.items() if value is not ABSENT}}


def changes_of(step: StepEvent) -> list[Change]:
    """The changed properties of `step`, by path, without Pulumi's internal ones."""
    paths = dict.fromkeys([*step.detailed, *step.diff])
    found = []
    for path in sorted(paths):
        if path.startswith("__"):
            continue
        old, new = at(step.old or {}, path), at(step.new or {}, path)
        found.append(Change(path, step.detailed.get(path) or _kind(old, new), old, new))
    return found


def _kind(old: Any, new: Any) -> str:
    if old is ABSENT:
        return "add"
    return "delete" if new is ABSENT else "update"


def change_lines(step: StepEvent, style: Style, limit: int = 40) -> Iterator[str]:
    """One line a change; after `limit` of them the rest is counted."""
    changes = changes_of(step)
    for change in changes[:limit]:
        yield change_line(change, style)
    if len(changes) > limit:
        yield f"… and {len(changes) - limit} more"


def change_line(change: Change, style: Style) -> str:
    """`+ added: 3`, `- gone: 2`, `~ changed: 1 => 2`, with a note where it forces a replacement."""
    if change.old is ABSENT or change.kind.startswith("add"):
        text = style(f"+ {change.path}: {brief(change.new)}", "green")
    elif change.new is ABSENT or change.kind.startswith("delete"):
        text = style(f"- {change.path}: {brief(change.old)}", "red")
    else:
        text = style(f"~ {change.path}: ", "yellow") + f"{brief(change.old)} => {brief(change.new)}"
    return text + (style("  [replaces]", "magenta") if change.replaces else "")
