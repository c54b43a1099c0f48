"""What a provider says of the difference between a resource as it is and as it should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from infra.engine.values import property_diff
from infra.engine.values.values import Output, ResourceReference, Secret

INIT_ERROR_KEY = "#initerror"
"""The key by which `replace_on_changes` names a resource that was left half-initialized."""

KINDS = ("add", "add-replace", "delete", "delete-replace", "update", "update-replace")
"""Kinds of property changes, in the order of the protocol's `PropertyDiff.Kind`."""

_INVERSE = {"add": "delete", "add-replace": "delete-replace", "delete": "add", "delete-replace": "add-replace"}


@dataclass(frozen=True)
class PropertyDiff:
    """One changed property; `input_diff` tells whether old and new inputs were compared."""

    kind: str
    input_diff: bool = False


@dataclass(frozen=True)
class Diff:
    """Pulumi's `plugin.DiffResult`. Keys are top-level property names, `detailed` has property paths."""

    changes: Literal["none", "some", "unknown"]
    replace_keys: tuple[str, ...] = ()
    changed_keys: tuple[str, ...] = ()
    stable_keys: tuple[str, ...] = ()
    detailed: Mapping[str, PropertyDiff] | None = None
    delete_before_replace: bool = False

    @property
    def replaces(self) -> bool:
        """Whether the resource must be replaced."""
        detailed = self.detailed or {}
        return bool(self.replace_keys) or any(d.kind.endswith("-replace") for d in detailed.values())

    def inverted(self) -> Diff:
        """The same seen from the other side: what was added is deleted."""
        if self.detailed is None:
            return self
        turned = {p: PropertyDiff(_INVERSE.get(d.kind, d.kind), d.input_diff) for p, d in self.detailed.items()}
        return replace(self, detailed=turned)


NONE = Diff("none")
SOME = Diff("some")


@dataclass(frozen=True)
class ReplaceRules:
    """`replace_on_changes`, and whether the resource has errors of its initialization."""

    paths: Sequence[str] = field(default_factory=tuple)
    init_errors: bool = False


def of_inputs(old: Mapping[str, Any], new: Mapping[str, Any]) -> Diff:
    """The structural difference, for a provider that leaves it to the engine; secrets compare by value."""
    found = property_diff.changes(_plain(old), _plain(new))
    if not found:
        return NONE
    keys = tuple(dict.fromkeys(str(change.path[0]) for change in found))
    detailed = {str(change): PropertyDiff(change.kind, input_diff=True) for change in found}
    return Diff("some", changed_keys=keys, detailed=detailed)


def with_replacements(diff: Diff, rules: ReplaceRules) -> Diff:
    """`diff` with those changes made replacements that `replace_on_changes` names."""
    if (diff.changes != "some" and not rules.init_errors) or not rules.paths:
        return diff
    patterns = [property_diff.parse_path(p) for p in rules.paths]

    def named(path: str) -> bool:
        return any(property_diff.matches(p, property_diff.parse_path(path)) for p in patterns)

    detailed = None
    if diff.detailed is not None:
        detailed = {p: _as_replacement(d) if named(p) else d for p, d in diff.detailed.items()}
    keys = dict.fromkeys((*diff.replace_keys, *(k for k in diff.changed_keys if named(k))))
    changes = diff.changes
    if rules.init_errors and any(property_diff.matches(p, (INIT_ERROR_KEY,)) for p in patterns):
        keys[INIT_ERROR_KEY] = None
        changes = "some"
        if detailed is not None:
            detailed[INIT_ERROR_KEY] = PropertyDiff("update-replace")
    return replace(diff, changes=changes, replace_keys=tuple(keys), detailed=detailed)


def _as_replacement(diff: PropertyDiff) -> PropertyDiff:
    return diff if diff.kind.endswith("-replace") else replace(diff, kind=f"{diff.kind}-replace")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, Secret | Output):
        return _plain(value.value)
    if isinstance(value, ResourceReference):
        return ResourceReference(value.urn, value.id)
    return value
