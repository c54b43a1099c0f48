"""The steps of a deployment, and the pure decisions about them.

A step is one thing to do with one resource. What to do follows from the resource in state, the one that is
wanted, and what the provider says of the difference; nothing here calls a provider or changes anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.engine.api import Op
from infra.engine.state.resource import Resource
from infra.engine.values.diffs import Diff, PropertyDiff

LOGICAL: frozenset[str] = frozenset({"same", "create", "update", "delete", "replace", "read", "import"})
"""Step kinds that a summary counts; the others are the mechanics of a replacement or a refresh."""


@dataclass
class Step:
    """One thing to do. `old` is the resource in state, `new` the one that is wanted.

    `pending_delete`: the old one is only marked, and deleted at the end (create before delete).
    `pending_replacement`: the deleted one stays in state until its replacement is there.
    `untargeted`: nothing is done because `--target` leaves the resource out; `skipped` that it is not even
    made. `quiet`: an earlier step of the same resource tells of it. `detailed` and keys say why, for
    whoever reads a preview.
    """

    op: Op
    urn: str
    old: Resource | None = None
    new: Resource | None = None
    replace_keys: tuple[str, ...] = ()
    changed_keys: tuple[str, ...] = ()
    detailed: Mapping[str, PropertyDiff] | None = None
    ignore_changes: Sequence[str] = ()
    pending_delete: bool = False
    pending_replacement: bool = False
    untargeted: bool = False
    skipped: bool = False
    quiet: bool = False
    seed: bytes = b""

    @property
    def logical(self) -> bool:
        """Whether a summary counts it."""
        return self.op in LOGICAL and not (self.op == "delete" and self.pending_replacement)

    @property
    def resource(self) -> Resource:
        """The resource it is about: the new one, else the old."""
        found = self.new or self.old
        if found is None:
            raise AssertionError(f"a step '{self.op}' without a resource: {self.urn}")
        return found


def same(old: Resource, new: Resource, *, quiet: bool = False) -> list[Step]:
    """Nothing to do, but that options may have changed."""
    return [Step("same", new.urn, old, new, quiet=quiet)]


def create(new: Resource) -> list[Step]:
    """The resource is new."""
    return [Step("create", new.urn, None, new)]


def update(old: Resource, new: Resource, diff: Diff, ignore: Sequence[str]) -> list[Step]:
    """The resource changes in place."""
    return [Step(
        "update", new.urn, old, new, changed_keys=diff.changed_keys, detailed=diff.detailed, ignore_changes=ignore
    )]  # fmt: skip


def replace_after_create(old: Resource, new: Resource, diff: Diff) -> list[Step]:
    """Create the new one first; the old one is deleted at the end, when nothing uses it any more."""
    why = {"replace_keys": diff.replace_keys, "changed_keys": diff.changed_keys, "detailed": diff.detailed}
    return [
        Step("create-replacement", new.urn, old, new, pending_delete=True, **why),  # type: ignore[arg-type]
        Step("replace", new.urn, old, new, **why),  # type: ignore[arg-type]
    ]


def replace_after_delete(old: Resource, new: Resource, diff: Diff) -> list[Step]:
    """Delete the old one first. Its dependents that cannot do without it were deleted before that."""
    why = {"replace_keys": diff.replace_keys, "changed_keys": diff.changed_keys, "detailed": diff.detailed}
    steps = [] if old.pending_replacement else [delete_for_replacement(old)]
    return [
        *steps,
        Step("replace", new.urn, old, new, **why),  # type: ignore[arg-type]
        Step("create-replacement", new.urn, old, new, **why),  # type: ignore[arg-type]
    ]


def delete_for_replacement(old: Resource) -> Step:
    """Delete what will be made again later in this deployment."""
    return Step("delete-replaced", old.urn, old, pending_replacement=True)


def recreate(old: Resource, new: Resource, keys: tuple[str, ...]) -> list[Step]:
    """Make again what was deleted because something that it depends on was replaced."""
    return [
        Step("replace", new.urn, old, new),
        Step("create-replacement", new.urn, old, new, replace_keys=keys),
    ]


def delete(old: Resource) -> Step:
    """Delete what the program no longer has, or what waited for its deletion."""
    if old.pending_replacement:
        return Step("remove-pending-replace", old.urn, old)
    if not old.delete:
        return Step("delete", old.urn, old)
    return Step("discard-replaced" if old.external else "delete-replaced", old.urn, old)
