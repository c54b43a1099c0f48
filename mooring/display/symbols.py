"""Pulumi's own marks and words for what happens to a resource."""

from __future__ import annotations

from dataclasses import dataclass

from infra.engine.api import Op


@dataclass(frozen=True)
class Look:
    """How one op looks: its mark, its colour, and its words (`to create`, `creating`, `created`)."""

    mark: str
    colour: str
    plan: str
    doing: str
    done: str


LOOKS: dict[Op, Look] = {
    "same": Look(" ", "dim", "same", "checking", "unchanged"),
    "create": Look("+", "green", "create", "creating", "created"),
    "update": Look("~", "yellow", "update", "updating", "updated"),
    "delete": Look("-", "red", "delete", "deleting", "deleted"),
    "replace": Look("+-", "magenta", "replace", "replacing", "replaced"),
    "create-replacement": Look("++", "green", "create replacement", "creating replacement", "created replacement"),
    "delete-replaced": Look("--", "red", "delete original", "deleting original", "deleted original"),
    "read": Look(">", "cyan", "read", "reading", "read"),
    "read-replacement": Look(">>", "cyan", "read replacement", "reading replacement", "read replacement"),
    "read-discard": Look("<", "red", "discard", "discarding", "discarded"),
    "discard-replaced": Look("<<", "red", "discard original", "discarding original", "discarded original"),
    "refresh": Look("~", "blue", "refresh", "refreshing", "refreshed"),
    "import": Look("=", "green", "import", "importing", "imported"),
    "import-replacement": Look("=>", "green", "import replacement", "importing replacement", "imported replacement"),
    "remove-pending-replace": Look("~", "yellow", "complete replace", "completing replace", "completed replace"),
}

QUIET: frozenset[Op] = frozenset({"same", "read", "refresh"})
"""Ops that change nothing: shown only while they run, and as a count in the summary."""


def look(op: Op) -> Look:
    """The look of `op`; an op that a newer Pulumi invents is shown by its own name."""
    return LOOKS.get(op) or Look("?", "yellow", op, op, op)


def short_type(type: str) -> str:
    """`moor:index:TrainingRun` → `moor:TrainingRun`, as Pulumi's display shortens it."""
    parts = type.split(":")
    if len(parts) == 3 and parts[1] in ("index", "index/" + parts[2][:1].lower() + parts[2][1:]):
        return f"{parts[0]}:{parts[2]}"
    return type
