"""Values that stand in for unknown ones, so that what is known can be checked in a preview.

A field with a default takes it; a required one gets the first of a few harmless values that its type accepts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from providers.codec import UNKNOWN
from providers.properties import field_of, shape

_CANDIDATES: tuple[Any, ...] = ("unknown", "sha256:" + "0" * 64, 1, 1.0, False, [], {})


def filled(model: type[BaseModel], value: Mapping[str, Any]) -> dict[str, Any]:
    """`value` with a placeholder for each unknown; unknown fields that have a default are left out."""
    result: dict[str, Any] = {}
    for key, item in value.items():
        field = field_of(model, key)
        if isinstance(item, str) and item == UNKNOWN:
            if field is not None and field.is_required():
                result[key] = _placeholder(field.annotation, field.metadata)
        else:
            result[key] = _inside(field.annotation if field else None, item)
    return result


def _inside(annotation: Any, value: Any) -> Any:
    here = shape(annotation)
    if isinstance(value, str) and value == UNKNOWN:
        return _placeholder(annotation, ())
    if isinstance(value, Mapping):
        if here.model:
            return filled(here.model, value)
        return {key: _inside(here.items, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_inside(here.items, item) for item in value]
    return value


def _placeholder(annotation: Any, metadata: Any) -> Any:
    here = shape(annotation)
    if here.model is not None:
        fields = here.model.model_fields.items()
        return {name: _placeholder(f.annotation, f.metadata) for name, f in fields if f.is_required()}
    if here.container is list:
        return [_placeholder(here.items, ())]
    if here.container is dict:
        return {}
    adapter: TypeAdapter[Any] = TypeAdapter(_constrained(annotation, metadata))
    for candidate in _CANDIDATES:
        try:
            adapter.validate_python(candidate)
        except ValidationError:
            continue
        return candidate
    return "unknown"


def _constrained(annotation: Any, metadata: Any) -> Any:
    """The field's type with its constraints (pattern, limits), which pydantic keeps beside it."""
    from typing import Annotated

    return Annotated[(annotation, *metadata)] if metadata else annotation
