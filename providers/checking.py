"""Check: the user's inputs, normalised and completed, and all that is wrong with them.

What comes back has no defaults filled in, so that a default that changes later does not show as a difference;
what the cloud or the disk computes (content hashes) is in it, so that Diff sees changed content. An unknown
value is never a problem, and no problem that an unknown may have caused is reported.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from providers.codec import UNKNOWN, contains_unknown
from providers.contract import KINDS, SPECS, Adapter, Context
from providers.errors import InvalidInput, MooringError, NotSupported, Problem
from providers.placeholders import filled
from providers.properties import Path, at, canonical, path_text, put, unknown_paths, walk
from providers.sentences import problems as sentences
from providers.values import Scoped

log = logging.getLogger("mooring.provider")

Adapters = Callable[[str], Adapter]


def check(
    type_name: str, given: Mapping[str, Any], context: Context, adapters: Adapters, clouds: Callable[[], Sequence[str]]
) -> tuple[dict[str, Any], list[Problem]]:
    """The checked inputs of a `moor:index:<type_name>` on the wire form, and the problems.

    `adapters` gives a cloud's adapter, `clouds` the names of those there are.
    """
    model = SPECS[type_name]
    raw = canonical(model, given)
    unknowns = unknown_paths(raw)
    if raw.get("cloud") == UNKNOWN:
        return raw, []
    known = filled(model, raw) if unknowns else raw
    spec, problems = _validate(model, known, raw)
    problems += _not_finite(raw)
    kind, refused = _kind(type_name, raw.get("cloud"), adapters, clouds)
    problems += refused
    if spec is None or problems or kind is None:
        return raw, problems
    inputs = spec.model_dump(by_alias=True, exclude_unset=True, exclude_none=True, mode="json")
    if unknowns:
        return _partly(kind, spec, inputs, raw, unknowns, context)
    try:
        checked, found = kind.check(spec, context)
    except InvalidInput as wrong:
        return inputs, list(wrong.problems)
    except MooringError as refused:
        return inputs, [Problem("", str(refused))]
    return _completed(inputs, spec, checked), list(found)


def parse(type_name: str, inputs: Mapping[str, Any]) -> Scoped:
    """The spec that checked inputs stand for. Raises `InvalidInput` where they do not fit (an old state)."""
    model = SPECS[type_name]
    raw = canonical(model, inputs)
    spec, problems = _validate(model, raw, raw)
    if spec is None:
        raise InvalidInput(problems)
    return spec


def _validate(
    model: type[Scoped], known: Mapping[str, Any], raw: Mapping[str, Any]
) -> tuple[Scoped | None, list[Problem]]:
    try:
        return model.model_validate(known), []
    except ValidationError as wrong:
        found = sentences(model, known, wrong.errors(include_url=False))
        return None, [problem for path, problem in found if not contains_unknown(at(raw, path))]


def _not_finite(raw: Mapping[str, Any]) -> list[Problem]:
    """Numbers that neither JSON nor a state file can hold."""
    return [
        Problem(path_text(path), "must be a finite number")
        for path, _, value in walk(None, raw)
        if isinstance(value, float) and not math.isfinite(value)
    ]


def _kind(
    type_name: str, cloud: Any, adapters: Adapters, clouds: Callable[[], Sequence[str]]
) -> tuple[Any, list[Problem]]:
    """The kind on this cloud, or the reason why there is none, as a problem of the property `cloud`."""
    if not isinstance(cloud, str):
        return None, []
    try:
        kind = adapters(cloud).kind(KINDS[type_name])
    except InvalidInput as wrong:
        return None, list(wrong.problems)
    except MooringError as refused:
        return None, [Problem("cloud", str(refused).removeprefix("cloud: "))]
    if kind is None:
        able = [name for name in clouds() if name != cloud and _has(type_name, name, adapters)]
        choices = f"clouds that can: {', '.join(able)}" if able else "no installed cloud can"
        return None, [Problem("cloud", f"'{cloud}' has no {type_name} ({choices})")]
    return kind, []


def _has(type_name: str, cloud: str, adapters: Adapters) -> bool:
    try:
        return adapters(cloud).kind(KINDS[type_name]) is not None
    except MooringError:
        return False


def _completed(inputs: dict[str, Any], before: Scoped, after: Scoped) -> dict[str, Any]:
    """`inputs` and what the kind's check filled in or changed."""
    old, new = before.to_wire(), after.to_wire()
    for path in _changed(old, new):
        inputs = put(inputs, path, at(new, path))
    return inputs


def _changed(old: Any, new: Any, path: Path = ()) -> list[Path]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return [changed for key in new for changed in _changed(old.get(key), new[key], (*path, key))]
    return [] if old == new else [path]


def _partly(
    kind: Any, spec: Scoped, inputs: dict[str, Any], raw: dict[str, Any], unknowns: Sequence[Path], context: Context
) -> tuple[dict[str, Any], list[Problem]]:
    """Check what is known: placeholders stand for the rest, and what they may have caused is dropped."""
    checked, found = spec, []
    try:
        checked, reported = kind.check(spec, context)
        found = list(reported)
    except NotSupported as refused:
        found = [Problem("", str(refused))]
    except InvalidInput as wrong:
        found = list(wrong.problems)
    except Exception:
        # A placeholder led it astray; the update checks the real value.
        log.debug("check with unknown inputs", exc_info=True)
    old, new = spec.to_wire(), checked.to_wire()
    for path in _changed(old, new):
        if not any(unknown[:-1] == path[:-1] for unknown in unknowns):
            inputs = put(inputs, path, at(new, path))
    for path in unknowns:
        inputs = put(inputs, path, UNKNOWN)
    return inputs, [problem for problem in found if not _is_doubtful(problem.property, unknowns)]


def _is_doubtful(property: str, unknowns: Sequence[Path]) -> bool:
    """Whether a property is unknown, contains an unknown, or is inside one."""
    for path in unknowns:
        unknown = path_text(path)
        if property.startswith((f"{unknown}.", f"{unknown}[")):
            return True
        if property in {path_text(path[:length]) for length in range(1, len(path) + 1)}:
            return True
    return False
