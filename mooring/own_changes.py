"""What was changed in a copy, and the same changes made in a newer original: a three-way merge of mappings.

Mappings are compared key by key; everything else, lists too, is one value. A change in the copy wins over one in
the original.
"""

from __future__ import annotations

import copy
from typing import Any

Changes = dict[tuple[str, ...], Any]
"""New values by path; `GONE` for what was removed."""


class _Gone:
    """Marks what was removed; None is a value in YAML."""

    def __repr__(self) -> str:
        return "GONE"


GONE = _Gone()


def changes(before: dict[str, Any], after: dict[str, Any]) -> Changes:
    """What makes `after` of `before`."""
    found: Changes = {}
    _compare(before, after, (), found)
    return found


def _compare(before: dict[str, Any], after: dict[str, Any], path: tuple[str, ...], found: Changes) -> None:
    for key in {**before, **after}:
        here, old, new = (*path, key), before.get(key, GONE), after.get(key, GONE)
        if _descends(old) and _descends(new):
            _compare(old, new, here, found)
        elif _descends(new) and new and old is GONE:
            _compare({}, new, here, found)
        elif old is GONE or new is GONE or type(old) is not type(new) or old != new:
            found[here] = new


def applied(made: Changes, original: dict[str, Any]) -> dict[str, Any]:
    """A copy of `original` with the changes. A removal of what `original` does not have is nothing."""
    result = copy.deepcopy(original)
    for path, value in made.items():
        place: Any = result
        for key in path[:-1]:
            below = place.get(key)
            if not _descends(below):
                if value is GONE:
                    break
                below = place[key] = {}
            place = below
        else:
            if value is GONE:
                place.pop(path[-1], None)
            else:
                place[path[-1]] = value
    return result


def _descends(value: Any) -> bool:
    """Whether it is a mapping of settings; a secret is one value."""
    return isinstance(value, dict) and set(value) != {"secure"}
