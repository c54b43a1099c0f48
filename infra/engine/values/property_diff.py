"""Comparison of property values, and property paths in Pulumi's syntax (`a.b[0]["x.y"]`).

Rules are those of Pulumi's `resource.PropertyMap.Diff`: a missing property equals null, arrays are compared
by index, a secret differs from its plain value, assets compare by hash, internal keys (`__…`) take part
unless they are ignored by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from infra.engine.errors import ValueFormatError
from infra.engine.values.values import Output, Secret

Path = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_]+\Z")


@dataclass(frozen=True)
class Change:
    """One difference: `kind` is of the new value against the old one."""

    path: Path
    kind: Literal["add", "delete", "update"]

    def __str__(self) -> str:
        return format_path(self.path)


def format_path(path: Sequence[str | int]) -> str:
    """A path as Pulumi prints it."""
    parts: list[str] = []
    for key in path:
        if isinstance(key, int):
            parts.append(f"[{key}]")
        elif _PLAIN_KEY.match(key):
            parts.append(f".{key}" if parts else key)
        else:
            escaped = key.replace('"', '\\"')
            parts.append(f'["{escaped}"]')
    return "".join(parts)


_TOKEN = re.compile(r'\[(\d+|\*)\]|\["((?:[^"\\]|\\.)*)"\]|(\.?)([^.\[\]"]+)')


def parse_path(text: str) -> Path:
    """A path out of its printed form; `*` stands for any key or index. Raises `ValueFormatError`."""
    path: list[str | int] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found or (found[4] is not None and bool(found[3]) is (not path)):
            raise ValueFormatError(text, f'not a property path (at character {at + 1}): expected a.b[0]["c d"]')
        at = found.end()
        if found[1] is not None:
            path.append(found[1] if found[1] == "*" else int(found[1]))
        else:
            path.append(found[2].replace('\\"', '"') if found[2] is not None else found[4])
    return tuple(path)


def matches(pattern: Sequence[str | int], path: Sequence[str | int]) -> bool:
    """Whether `path` is at or below `pattern`, in which `*` stands for any one step."""
    return len(pattern) <= len(path) and all(p in ("*", k) for p, k in zip(pattern, path, strict=False))


def diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Paths of all that differs, at the finest grain, sorted by property name."""
    return [str(change) for change in changes(old, new)]


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """All that differs, at the finest grain."""
    return list(_object((), old, new))


def equal(old: Any, new: Any) -> bool:
    """Whether two values are the same to Pulumi."""
    return next(_value((), old, new), None) is None


def _object(path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for key in sorted(old.keys() | new.keys()):
        yield from _member((*path, key), old.get(key), new.get(key))


def _member(path: Path, old: Any, new: Any) -> Iterator[Change]:
    if old is None and new is None:
        return
    if old is None:
        yield Change(path, "add")
    elif new is None:
        yield Change(path, "delete")
    else:
        yield from _value(path, old, new)


def _value(path: Path, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _object(path, old, new)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            if index >= len(old):
                yield Change((*path, index), "add")
            elif index >= len(new):
                yield Change((*path, index), "delete")
            else:
                yield from _value((*path, index), old[index], new[index])
    elif not _leaf_equal(old, new):
        yield Change(path, "update")


def _leaf_equal(old: Any, new: Any) -> bool:
    if isinstance(old, Secret) or isinstance(new, Secret):
        # The kind first: comparing what is inside a secret may need the passphrase.
        return isinstance(old, Secret) and isinstance(new, Secret) and (old is new or equal(old.value, new.value))
    if isinstance(old, Output) and isinstance(new, Output):
        return (
            old.secret == new.secret and set(old.dependencies) == set(new.dependencies) and equal(old.value, new.value)
        )
    # True == 1 in Python; to Pulumi a bool is never a number.
    if isinstance(old, bool) is not isinstance(new, bool):
        return False
    return bool(old == new)
