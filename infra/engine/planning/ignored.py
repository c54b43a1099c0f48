"""`ignore_changes`: inputs with the values of old at some paths (Go's `PropertyPath.Reset`).

A path that can be followed on one side only is told, and what was reset before that was found stays so. The
shape of lists is never changed. A value that comes out of a secret stays one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from infra.engine.errors import ValueFormatError
from infra.engine.values import property_diff
from infra.engine.values.property_diff import Path
from infra.engine.values.values import Properties, Secret

Result = tuple[Any, bool]
"""The new value, and whether the path could be followed."""


def with_ignored(inputs: Properties, old: Properties, paths: Sequence[str]) -> tuple[Properties, list[str]]:
    """`inputs` with the value of `old` at each path, and those paths at which that is not possible.

    A path that cannot be read names nothing, and is one of those.
    """
    result: Properties = inputs
    impossible: list[str] = []
    for text in paths:
        try:
            path = property_diff.parse_path(text)
        except ValueFormatError:
            path = ()
        result, possible = _reset(result, old, path, False) if path else (result, False)
        if not possible:
            impossible.append(text)
    return result, impossible


def _reset(new: Any, old: Any, path: Path, exposed: bool) -> Result:
    """`exposed`: `old` is of a secret, which `new` is not inside of."""
    if isinstance(new, Secret):
        changed, possible = _reset(new.value, old.value if isinstance(old, Secret) else old, path, False)
        return (new if changed is new.value else Secret(changed)), possible
    if isinstance(old, Secret):
        return _reset(new, old.value, path, True)
    key, rest = path[0], path[1:]
    if key == "*":
        return _each(new, old, rest, exposed) if rest else _all(new, old, exposed)
    if isinstance(key, int):
        return _element(new, old, key, rest, exposed)
    return _member(new, old, key, rest, exposed)


def _taken(value: Any, exposed: bool) -> Any:
    return Secret(value) if exposed and not isinstance(value, Secret) else value


def _element(new: Any, old: Any, index: int, rest: Path, exposed: bool) -> Result:
    if not (isinstance(new, list) and isinstance(old, list)):
        return new, not isinstance(new, list) and not isinstance(old, list)
    if index >= len(new) or index >= len(old):
        return new, not rest and index >= len(new) and index >= len(old)
    if not rest:
        return [*new[:index], _taken(old[index], exposed), *new[index + 1 :]], True
    changed, possible = _reset(new[index], old[index], rest, exposed)
    return [*new[:index], changed, *new[index + 1 :]], possible


def _member(new: Any, old: Any, key: str, rest: Path, exposed: bool) -> Result:
    there = isinstance(old, dict) and key in old
    if not rest:
        if not isinstance(new, dict):
            return new, not there
        if there:
            return {**new, key: _taken(old[key], exposed)}, True
        return {k: v for k, v in new.items() if k != key}, True
    if not (isinstance(new, dict) and isinstance(old, dict)):
        return new, not isinstance(new, dict) and not isinstance(old, dict)
    if key not in new:
        return new, not there
    changed, possible = _reset(new[key], old.get(key), rest, exposed)
    return {**new, key: changed}, possible


def _all(new: Any, old: Any, exposed: bool) -> Result:
    """The last step of a path is `*`."""
    if isinstance(new, dict):
        return ({k: _taken(v, exposed) for k, v in old.items()} if isinstance(old, dict) else new), True
    if isinstance(new, list):
        if not isinstance(old, list):
            return new, True
        return [*(_taken(v, exposed) for v in old[: len(new)]), *new[len(old) :]], len(old) == len(new)
    return new, False


def _each(new: Any, old: Any, rest: Path, exposed: bool) -> Result:
    """`*` on the way. Keys are visited in order; the first at which the path ends is the last visited."""
    if isinstance(new, dict) and isinstance(old, dict):
        members = dict(new)
        for key in sorted(old):
            if key not in new:
                return members, False
            members[key], possible = _reset(new[key], old[key], rest, exposed)
            if not possible:
                return members, False
        return members, True
    if isinstance(new, list) and isinstance(old, list):
        elements = list(new)
        for index in range(min(len(new), len(old))):
            elements[index], possible = _reset(new[index], old[index], rest, exposed)
            if not possible:
                return elements, False
        return elements, len(new) == len(old)
    return new, False
