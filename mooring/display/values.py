"""Property values as one short line of text, and values at a Pulumi property path."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What stands in `preview --json` for a value that is known only after the deployment."""

ABSENT: Any = object()
"""The result of `at` for a path that leads nowhere."""

_DIGEST = re.compile(r"sha256:([0-9a-f]{12})[0-9a-f]{52}")
_STEP = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|\.?([^.\[\]]+)')


def brief(value: Any, limit: int = 60) -> str:
    """`value` on one line; digests shortened to twelve figures, long text cut with `…`."""
    if value is ABSENT or value is None:
        return "(none)"
    if value == UNKNOWN:
        return "(known after the deployment)"
    if value in ("[secret]", "[unknown]"):
        return str(value)
    text = json.dumps(_rounded(value), ensure_ascii=False, default=str, sort_keys=True, separators=(", ", ": "))
    text = _DIGEST.sub(r"sha256:\1…", text).replace(UNKNOWN, "(known after the deployment)")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _rounded(value: Any) -> Any:
    """Six figures are enough to read."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {key: _rounded(part) for key, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list) else value


def path_steps(path: str) -> list[str | int]:
    """`a.b[0]["x.y"]` → `["a", "b", 0, "x.y"]`, the syntax of Pulumi's property paths."""
    steps: list[str | int] = []
    for quoted, index, name in _STEP.findall(path):
        if index:
            steps.append(int(index))
        else:
            steps.append(re.sub(r"\\(.)", r"\1", quoted) if quoted else name)
    return steps


def at(value: Any, path: str) -> Any:
    """The part of `value` that `path` names, `ABSENT` when there is none. A masked value hides its parts."""
    for step in path_steps(path):
        if value in ("[secret]", UNKNOWN):
            return value
        try:
            value = value[step] if isinstance(value, (list, dict)) else ABSENT  # type: ignore[index]
        except (LookupError, TypeError):  # no such part, or an index into a mapping
            return ABSENT
    return value


def mask(outputs: Mapping[str, Any], secret: frozenset[str], show: bool = False) -> dict[str, Any]:
    """`outputs` with the values of secret ones replaced by `[secret]` unless `show`."""
    return {name: "[secret]" if name in secret and not show else value for name, value in outputs.items()}
