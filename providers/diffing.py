"""Diff: what changed between two sets of checked inputs, and whether it updates in place or replaces.

Every field of every spec is classified here. The comparison is on the normal form (defaults left out), so an
imported resource, whose inputs the cloud tells in full, equals the program's short form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from providers.codec import UNKNOWN, contains_unknown
from providers.contract import SPECS, Adapter, Changes
from providers.properties import Path, canonical, path_text, unknown_paths, without_defaults
from providers.values import Scoped

IDENTITY = frozenset({"cloud", "region", "name"})

REPLACES: Mapping[str, frozenset[str]] = {
    "Dataset": IDENTITY,
    "Model": IDENTITY,
    "Endpoint": IDENTITY | {"physical_name"},
    "ModelVersion": IDENTITY | {"model", "artifact", "origin", "digest", "format", "trust", "container", "overrides"},
    **{
        name: frozenset(SPECS[name].model_fields) - {"tags"} for name in ("TrainingRun", "TuningRun", "BatchPrediction")
    },
}
"""Fields whose change replaces the resource."""

UPDATES: Mapping[str, frozenset[str]] = {
    "Dataset": frozenset(
        {"source", "url", "sql", "http", "as_of", "requirements", "format", "delimiter", "column_types", "source_hash"}
        | {"container", "tags", "overrides"}
    ),
    "Model": frozenset({"keep_versions", "on_destroy", "container", "tags", "overrides"}),
    "Endpoint": frozenset(
        {"deployments", "mode", "autoscaling", "rollout", "network", "identity", "port", "container"}
        | {"tags", "overrides"}
    ),
    "ModelVersion": frozenset({"thresholds", "metrics", "tags"}),
    **{name: frozenset({"tags"}) for name in ("TrainingRun", "TuningRun", "BatchPrediction")},
}
"""Fields whose change is an update in place."""

COMPUTED = frozenset({"sourceHash", "code.sourceHash", "digest", "physicalName"})
"""Properties that Check may compute; in a preview with unknowns it may not have been able to."""

IN_PLACE = frozenset({"Dataset", "Model", "Endpoint"})
"""Kinds that have an identity of their own, whatever they are asked to be: what a killed deployment began of one
is taken up with other inputs as well."""

RUNS = frozenset({"TrainingRun", "TuningRun", "BatchPrediction"})
"""Kinds that end: one that failed or was stopped is replaced by the next deployment."""

ENDED_BADLY = frozenset({"failed", "stopped"})

How = Literal["add", "delete", "update"]


@dataclass
class Difference:
    """`changed` maps a property path to how it changed; those in `replacing` ask for a replacement."""

    changed: dict[str, How] = field(default_factory=dict)
    replacing: set[str] = field(default_factory=set)
    delete_before_replace: bool = False
    state_replaces: bool = False
    """The resource itself asks for it: a run that ended badly. `changed` then has the output `status`."""


def diff(
    type_name: str, old: Mapping[str, Any], new: Mapping[str, Any], state: Mapping[str, Any], adapter: Adapter | None
) -> Difference:
    """Compare checked inputs on the wire form; `state` are the old outputs. `adapter` is the new cloud's, if known."""
    found = _generic(type_name, old, new)
    kind = adapter.kind(_attribute(type_name)) if adapter else None
    if kind is not None:
        found = _refined(kind.diff(old, new, _as_changes(found)), found)
    if type_name in RUNS and state.get("status") in ENDED_BADLY:
        found.changed["status"] = "update"
        found.replacing.add("status")
        found.state_replaces = True
    return found


def _attribute(type_name: str) -> str:
    from providers.contract import KINDS

    return KINDS[type_name]


def _generic(type_name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
    model = SPECS[type_name]
    before, after = _comparable(model, old), _comparable(model, new)
    unknown = bool(unknown_paths(after))
    replaces = {SPECS[type_name].model_fields[name].alias for name in REPLACES[type_name]}
    same_bytes = type_name == "ModelVersion" and _same_bytes(before, after)
    result = Difference()
    for path, how in _compare(before, after):
        text = path_text(path)
        if (how == "delete" and unknown and text in COMPUTED) or _owned_by_autoscaling(type_name, path, after):
            continue
        result.changed[text] = how
        if path[0] in replaces and not (same_bytes and path[0] == "artifact"):
            result.replacing.add(text)
    result.delete_before_replace = bool(result.replacing) and _holds_something_unique(before, after)
    return result


def _comparable(model: type[Scoped], inputs: Mapping[str, Any]) -> dict[str, Any]:
    normal: dict[str, Any] = without_defaults(model, canonical(model, inputs))
    return normal


def _same_bytes(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether both name the same known digest: then another address is the same version."""
    digest = new.get("digest")
    return digest is not None and digest != UNKNOWN and digest == old.get("digest")


def _holds_something_unique(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether old and new cannot be there at once: a name the user fixed, or the same fixed port."""
    return "physicalName" in new or ("port" in new and new["port"] == old.get("port"))


def _owned_by_autoscaling(type_name: str, path: Path, new: Mapping[str, Any]) -> bool:
    return type_name == "Endpoint" and "autoscaling" in new and path[0] == "deployments" and path[-1] == "replicas"


def _compare(old: Any, new: Any, path: Path = ()) -> Iterator[tuple[Path, How]]:
    """The innermost places that differ. An unknown differs from everything but an unknown."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            if key not in new:
                yield (*path, key), "delete"
            elif key not in old:
                yield (*path, key), "add"
            else:
                yield from _compare(old[key], new[key], (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            if index >= len(new):
                yield (*path, index), "delete"
            elif index >= len(old):
                yield (*path, index), "add"
            else:
                yield from _compare(old[index], new[index], (*path, index))
    elif old != new or contains_unknown(new):
        yield path, "update"


def _as_changes(found: Difference) -> Changes:
    updating = tuple(text for text in found.changed if text not in found.replacing)
    replacing = tuple(text for text in found.changed if text in found.replacing)
    return Changes(updating, replacing, found.delete_before_replace)


def _refined(changes: Changes, found: Difference) -> Difference:
    """The kind's answer, with what is known of how each path changed."""
    paths = (*changes.update, *changes.replace)
    return Difference(
        changed={path: found.changed.get(path, "update") for path in paths},
        replacing=set(changes.replace),
        delete_before_replace=changes.delete_before_replace,
    )
