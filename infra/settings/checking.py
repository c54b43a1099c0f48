"""Check one value before it is written into a stack file, apart from all the others."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from infra.settings.models import BESIDE_FILE, Settings
from infra.settings.problems import Located, Path, place, sentence


def check_value(path: Path, value: Any, source: str) -> None:
    """Raise `InvalidSettings` when `path` is no key of the settings, or `value` cannot stand there.

    Keys that are still missing beside it, and names that nothing defines yet, are no problem here: they may be
    set next. A path into a list is checked as far as the list.
    """
    if len(path) == 3 and path[0] == "models" and path[2] in BESIDE_FILE:
        path = (*path[:2], "file", path[2])
    keys = tuple(part for part in path if isinstance(part, str))
    whole = keys == path
    nested: Any = value
    for part in reversed(keys):
        nested = {part: nested}
    try:
        Settings.model_validate({"cloud": "local", **nested}, strict=True)
    except ValidationError as error:
        found = Located(source)
        for problem in error.errors(include_url=False):
            at = place(problem)
            on_the_way = at == keys[: len(at)]
            inside = whole and at[: len(keys)] == keys
            misplaced = on_the_way and (whole or problem["type"] == "extra_forbidden")
            if problem["type"] != "missing" and (misplaced or inside):
                found.add(at, sentence(problem, show=True))
        found.raise_any()
