"""Walking wire mappings along the types of their values: names, unknowns, defaults, paths.

A spec's fields are typed (`providers.values`), what the engine sends is a plain mapping that may hold unknowns
anywhere. These functions go over the mapping and the types side by side.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from providers.codec import UNKNOWN

Path = tuple[str | int, ...]
"""A property's place: keys of mappings, indices of lists."""

_PLAIN = re.compile(r"^[A-Za-z_$][A-Za-z0-9_$]*$")


class Shape(NamedTuple):
    """What a type holds: the model, or what its items are; both empty for a leaf. `union`: it is one of several."""

    model: type[BaseModel] | None = None
    items: Any = None
    container: type | None = None
    union: bool = False


def path_text(path: Sequence[str | int]) -> str:
    """A path as Pulumi prints it: `deployments[0].weight`, `tags["a.b"]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN.match(part):
            text += f".{part}" if text else part
        else:
            text += '["' + part.replace("\\", "\\\\").replace('"', '\\"') + '"]'
    return text


@cache
def _fields(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """The model's fields by both of their names."""
    both: dict[str, FieldInfo] = {}
    for name, field in model.model_fields.items():
        both[name] = both[field.alias or name] = field
    return both


def field_of(model: type[BaseModel], key: str) -> FieldInfo | None:
    """The field that `key` names, in either spelling."""
    return _fields(model).get(key)


@cache
def wire_names(model: type[BaseModel]) -> tuple[str, ...]:
    """The fields' names on the wire."""
    return tuple(field.alias or name for name, field in model.model_fields.items())


def shape(annotation: Any) -> Shape:
    """What `annotation` holds; of a union, its object or container member."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return shape(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        shapes = [shape(member) for member in members]
        found = next((s for s in shapes if s.model or s.container), Shape())
        return found._replace(union=found.union or len(members) > 1)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return Shape(model=annotation)
    if origin in (list, dict):
        return Shape(items=get_args(annotation)[-1], container=origin)
    return Shape()


def walk(annotation: Any, value: Any, path: Path = ()) -> Iterator[tuple[Path, Any, Any]]:
    """All places of `value` with their annotation, outermost first."""
    yield path, annotation, value
    here = shape(annotation)
    if isinstance(value, Mapping):
        for key, item in value.items():
            field = field_of(here.model, key) if here.model else None
            inner = field.annotation if field else here.items
            yield from walk(inner, item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from walk(here.items, item, (*path, index))


def unknown_paths(value: Any) -> list[Path]:
    """Where `value` is unknown."""
    return [path for path, _, item in walk(Any, value) if isinstance(item, str) and item == UNKNOWN]


def canonical(annotation: Any, value: Any) -> Any:
    """`value` with the wire's spelling of every field's name, and without nulls."""
    here = shape(annotation)
    if isinstance(value, Mapping):
        result = {}
        for key, item in value.items():
            field = field_of(here.model, key) if here.model else None
            if item is not None:
                name = field.alias if field and field.alias else key
                result[name] = canonical(field.annotation if field else here.items, item)
        return result
    if isinstance(value, list):
        return [canonical(here.items, item) for item in value]
    return value


def without_defaults(annotation: Any, value: Any) -> Any:
    """The normal form that comparisons use: fields that say what is the default anyway are left out."""
    here = shape(annotation)
    if isinstance(value, list):
        return [without_defaults(here.items, item) for item in value]
    if not isinstance(value, Mapping):
        return value
    result = {}
    for key, item in value.items():
        field = field_of(here.model, key) if here.model else None
        kept = without_defaults(field.annotation if field else here.items, item)
        if field is None or field.is_required() or kept != _default(field):
            result[key] = kept
    return result


def _default(field: FieldInfo) -> Any:
    """The field's default in the normal form of the wire; a default object has no field that differs: `{}`."""
    value = field.get_default(call_default_factory=True, validated_data={})
    return {} if isinstance(value, BaseModel) else value


def at(value: Any, path: Sequence[str | int]) -> Any:
    """What `value` has at `path`; None where there is nothing. An unknown on the way is the answer."""
    for part in path:
        if isinstance(value, str) and value == UNKNOWN:
            return UNKNOWN
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return value


def put(value: Any, path: Sequence[str | int], new: Any) -> Any:
    """A copy of `value` with `new` at `path`; mappings that are missing on the way are made."""
    if not path:
        return new
    head, *rest = path
    if isinstance(head, int):
        items = list(value)
        items[head] = put(items[head], rest, new)
        return items
    mapping = dict(value or {})
    mapping[head] = put(mapping.get(head), rest, new)
    return mapping
