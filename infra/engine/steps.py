"""The steps of a deployment, and the pure decisions about them.

A step is one thing to do with one resource. What to do follows from the resource in state, the one that is
wanted, and what the provider says of the difference; nothing here calls a provider or changes anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.engine import property_diff
from infra.engine.api import Op
from infra.engine.diffs import Diff, PropertyDiff
from infra.engine.property_diff import Path
from infra.engine.resource import Resource
from infra.engine.values import Properties

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


def with_ignored(inputs: Properties, old: Properties, paths: Sequence[str]) -> tuple[Properties, list[str]]:
    """`inputs` with the value of `old` at each path, and those paths at which that is not possible."""
    result = inputs
    impossible: list[str] = []
    for text in paths:
        path = property_diff.parse_path(text)
        changed = _reset(result, old, path)
        if changed is None:
            impossible.append(text)
        else:
            result = changed
    return result, impossible


_MISSING = object()


def _reset(new: object, old: object, path: Path) -> Properties | None:
    done = _reset_at(new, old, path)
    return done if isinstance(done, dict) else None


def _reset_at(new: object, old: object, path: Path) -> object:
    """`new` with what `old` has at `path`; None when a container on the way is missing on one side only."""
    key, rest = path[0], path[1:]
    if key == "*":
        return _reset_all(new, old, rest)
    if isinstance(new, dict) and isinstance(old, dict):
        return _reset_key(new, old, str(key), rest)
    if isinstance(new, list) and isinstance(old, list) and isinstance(key, int):
        if key >= len(new) or key >= len(old):
            return new if key >= len(new) and key >= len(old) else None
        inner = old[key] if not rest else _reset_at(new[key], old[key], rest)
        return None if rest and inner is None else [*new[:key], inner, *new[key + 1 :]]
    return new if type(new) is type(old) else None


def _reset_key(new: Properties, old: Properties, key: str, rest: Path) -> object:
    if not rest:
        if key in old:
            return {**new, key: old[key]}
        return {k: v for k, v in new.items() if k != key}
    if key not in new or key not in old:
        return new if key not in new and key not in old else None
    inner = _reset_at(new[key], old[key], rest)
    return None if inner is None else {**new, key: inner}


def _reset_all(new: object, old: object, rest: Path) -> object:
    if isinstance(new, dict) and isinstance(old, dict):
        if not rest:
            return dict(old)
        result: object = new
        for key in new:
            result = None if result is None else _reset_at(result, old, (key, *rest))
        return result if set(new) == set(old) else None
    if isinstance(new, list) and isinstance(old, list):
        if not rest:
            return list(old)
        if len(new) != len(old):
            return None
        result = new
        for index in range(len(new)):
            result = None if result is None else _reset_at(result, old, (index, *rest))
        return result
    return new if type(new) is type(old) else None
