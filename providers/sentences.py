"""One sentence for each way an input can be wrong: what is wrong, and what would be right.

Pydantic's errors are translated here. Values are quoted only where a person wrote a choice or a number; what is
inside free maps (environment, hyperparameters, overrides, tags) may be secret and is never repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from providers.errors import Problem, did_you_mean
from providers.properties import Path, at, field_of, path_text, shape, wire_names

FREE = frozenset({"environment", "hyperparameters", "overrides", "tags", "metrics", "thresholds"})

TYPE_WORDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "an object of names and values",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
"""Pydantic's errors of types, and what would be right."""

_LIMITS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}

_PATTERNS = {
    "^sha256:": "must be a digest: `sha256:` and 64 hexadecimal digits in lower case",
    "^[a-z][a-z0-9-]": ("must be 1 to 63 lower-case letters, digits and hyphens, and start with a letter"),
}


def problems(model: type[BaseModel], raw: Mapping[str, Any], errors: Sequence[Any]) -> list[tuple[Path, Problem]]:
    """Each error of a validation of `raw` against `model`, with its place on the wire."""
    found: dict[tuple[Path, str], Problem] = {}
    for error in errors:
        path, owner, fits = _locate(model, raw, error["loc"])
        if not fits:
            continue
        kind = "union" if error["type"] in TYPE_WORDS and _is_mixed(model, path) else error["type"]
        reason = _sentence(kind, error, path, owner)
        found.setdefault((path, reason), Problem(path_text(path), reason))
    return [(path, problem) for (path, _), problem in found.items()]


def _locate(model: type[BaseModel], raw: Any, loc: Sequence[str | int]) -> tuple[Path, type[BaseModel] | None, bool]:
    """The place of an error without the tags that pydantic puts in for a union's members, the model that owns
    its last key, and whether the member that complains is the one that the value was meant for."""
    annotation: Any = model
    path: list[str | int] = []
    owner: type[BaseModel] | None = None
    parts: Iterator[str | int] = iter(loc)
    for part in parts:
        here = shape(annotation)
        if here.union:
            value = at(raw, path)
            meant = here.model.__name__ if here.model and isinstance(value, Mapping) else None
            if meant is not None and part != meant:
                return tuple(path), owner, False
            if meant is None or here.model is None:
                return tuple(path), owner, True
            annotation = here.model
            continue
        field = field_of(here.model, str(part)) if here.model else None
        owner = here.model
        path.append((field.alias or part) if field else part)
        annotation = field.annotation if field else here.items
        if field is None and here.model is None and here.items is None:
            break
    return tuple(path), owner, True


def _is_mixed(model: type[BaseModel], path: Path) -> bool:
    annotation: Any = model
    for part in path:
        here = shape(annotation)
        field = field_of(here.model, str(part)) if here.model else None
        annotation = field.annotation if field else here.items
    return shape(annotation).union


def _sentence(kind: str, error: Any, path: Path, owner: type[BaseModel] | None) -> str:
    context = error.get("ctx", {})
    match kind:
        case "missing":
            return f"is required{_about(owner, path)}"
        case "extra_forbidden":
            return f"unknown property{did_you_mean(str(path[-1]), wire_names(owner) if owner else ())}"
        case "literal_error":
            choices = _choices(owner, path)
            return f"{_quoted(error, path)}is not one of the choices{did_you_mean(str(error['input']), choices)}"
        case "string_pattern_mismatch":
            rule = next((text for start, text in _PATTERNS.items() if context["pattern"].startswith(start)), None)
            return f"{_quoted(error, path)}{rule or 'must match ' + context['pattern']}"
        case "too_short":
            return f"must have at least {context['min_length']} item(s)"
        case "union":
            return f"{_quoted(error, path)}must be an object or one plain value of the right type"
        case limit if limit in _LIMITS:
            bound, words = _LIMITS[limit]
            return f"{_quoted(error, path)}must be {words} {context[bound]}"
        case type_ if type_ in TYPE_WORDS:
            return f"{_quoted(error, path)}must be {TYPE_WORDS[type_]}"
    return str(error["msg"])


def _about(owner: type[BaseModel] | None, path: Path) -> str:
    field = field_of(owner, str(path[-1])) if owner and path else None
    return f": {field.description.rstrip('.')}" if field and field.description else ""


def _choices(owner: type[BaseModel] | None, path: Path) -> tuple[str, ...]:
    from typing import Literal, get_args, get_origin

    field = field_of(owner, str(path[-1])) if owner else None
    if field is None:
        return ()
    members = [field.annotation, *get_args(field.annotation)]
    return next((get_args(member) for member in members if get_origin(member) is Literal), ())


def _quoted(error: Any, path: Path) -> str:
    """The wrong value in front of the sentence, where it is short, plain and cannot be secret."""
    value = error["input"]
    if any(part in FREE for part in path) or not isinstance(value, (str, int, float, bool)):
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"'{text}' " if len(text) <= 80 and "\n" not in text else ""
