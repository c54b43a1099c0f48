"""What is wrong with settings, in the words of the person who wrote them.

Pydantic tells where and of which type an error is; here that becomes one line that says what is wrong and
what would be right, with the path as it stands in the stack's file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from infra.settings.models import Settings
from providers.errors import InvalidInput, Problem, did_you_mean
from providers.sentences import TYPE_WORDS

Path = tuple[str | int, ...]
"""Where something stands in the settings: `("models", "iris", "training")`."""

UNION_TAGS = frozenset({"by-size", "by-name", "by-range", "by-value"})
DIGEST_PATTERN = "sha256:"
NAME_RULE = "names are lower-case letters, digits and hyphens, start with a letter, and have at most 63 characters"


class InvalidSettings(InvalidInput):
    """Settings that cannot be used; `str()` has a line for each problem."""

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class Located:
    """Problems of one source (a file, or the program's configuration), each told with its place."""

    def __init__(self, source: str, lines: Mapping[Path, int] | None = None) -> None:
        self._source, self._lines = source, lines or {}
        self._found: list[tuple[int, Problem]] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, path: Path, reason: str) -> None:
        """Note `reason` at `path`; the nearest line that is known is named."""
        line = next((self._lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self._lines), 0)
        place = f"{self._source}:{line}" if line else self._source
        where = f"{place}: {dotted(path)}" if path else place
        self._found.append((line, Problem(where, reason)))

    def raise_any(self) -> None:
        """Raise `InvalidSettings` with all that was noted, in the order of the file."""
        if self._found:
            ordered = sorted(self._found, key=lambda item: item[0])
            raise InvalidSettings(list(dict.fromkeys(problem for _, problem in ordered)))


def dotted(path: Path) -> str:
    """`models.iris.training.requirements[0]`; keys with dots or blanks are quoted as Pulumi does."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[\w-]+", part):
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text


def place(error: ErrorDetails) -> Path:
    """The error's path in the settings, without what pydantic adds for unions and keys."""
    path = error["loc"]
    if path[-1:] == ("[key]",) and len(path) > 1 and error["type"] != "extra_forbidden":
        path = path[:-1]
    return tuple(part for at, part in enumerate(path) if part not in UNION_TAGS or not _is_tag(path, at))


def _is_tag(path: Sequence[str | int], at: int) -> bool:
    return path[at - 1] == "machine" or path[at - 2 : at - 1] == ("thresholds",)


def sentence(error: ErrorDetails, *, show: bool) -> str:
    """What is wrong and what would be right. `show` allows to repeat the value (never a secret one)."""
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    path = place(error)
    given = f", not {_shown(value)}" if show else ""
    if kind == "extra_forbidden":
        return f"unknown key{did_you_mean(str(path[-1]), keys_at(path[:-1]))}"
    if kind == "missing":
        return f"missing{_described(path)}"
    if kind == "literal_error":
        choices = [choice.strip("'") for choice in re.split(r", | or ", str(context.get("expected", "")))]
        return f"must be one of {', '.join(choices)}{given}{_near(value, choices) if show else ''}"
    if kind == "string_pattern_mismatch":
        return _pattern(error, given)
    if kind in _WANTED:
        hint = "; put it in quotes" if kind == "string_type" and isinstance(value, bool | int | float) else ""
        return f"must be {_WANTED[kind]}{given}{hint}"
    if kind in _BOUNDS:
        limit = next(iter(context.values()))
        return f"must be {_BOUNDS[kind]} {limit:g}{given}"
    return f"{error['msg'][:1].lower()}{error['msg'][1:]}"


_WANTED = {
    **TYPE_WORDS,
    "string_too_short": "text that is not empty",
    "dict_type": "a mapping of names to values",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
    "too_short": "not empty",
}
_BOUNDS = {
    "greater_than": "greater than",
    "greater_than_equal": "at least",
    "less_than": "less than",
    "less_than_equal": "at most",
}


def _pattern(error: ErrorDetails, given: str) -> str:
    pattern = str(error.get("ctx", {}).get("pattern", ""))
    if DIGEST_PATTERN in pattern:
        return f"must be a digest, 'sha256:' and 64 hexadecimal digits{given}"
    if "A-Z" in pattern:
        return f"must be an ISO 4217 code such as USD or EUR{given}"
    near = re.sub(r"^[^a-z]+|[^a-z0-9-]", "", str(error["input"]).lower().replace("_", "-").replace(" ", "-"))
    return f"not a name: {NAME_RULE}" + (f" (did you mean '{near}'?)" if near and given else "")


def _near(value: object, choices: Sequence[str]) -> str:
    near = did_you_mean(value, choices) if isinstance(value, str) else ""
    return near if near.startswith(" (did") else ""


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _described(path: Path) -> str:
    """`: <the field's description>` of a missing key."""
    model = _type_at(path[:-1])
    for name, field in model.model_fields.items() if model else ():
        if path[-1] in (name, field.alias) and field.description:
            text = field.description.rstrip(".")
            return f": {text[:1].lower()}{text[1:]}"
    return ""


def keys_at(path: Path) -> list[str]:
    """The keys that the mapping at `path` may have, as they are written in YAML; none for a free mapping."""
    model = _type_at(path)
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _type_at(path: Path) -> type[BaseModel] | None:
    """The model that describes the mapping at `path`."""
    current: Any = Settings
    for part in path:
        model = _model_in(current)
        if model is None:
            current = _element_of(current)
            continue
        fields = model.model_fields
        current = next((f.annotation for n, f in fields.items() if part in (n, f.alias)), None)
        if current is None:
            return None
    return _model_in(current)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in `annotation`, through Optional, Annotated and unions, but not inside a dict or list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if getattr(annotation, "__origin__", None) in (dict, list):
        return None
    found = (_model_in(part) for part in get_args(annotation))
    return next((model for model in found if model), None)


def _element_of(annotation: Any) -> Any:
    """The type of the values of a dict or list."""
    if getattr(annotation, "__origin__", None) in (dict, list):
        return get_args(annotation)[-1]
    found = (_element_of(part) for part in get_args(annotation))
    return next((element for element in found if element is not None), None)
