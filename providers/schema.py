"""The Pulumi schema of the package `moor`, made from the values of the contract.

Format: https://www.pulumi.com/docs/iac/guides/building-extending/packages/schema/
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from providers.contract import SPECS, STATES
from providers.diffing import REPLACES
from providers.invoking import GET_VERSION
from providers.outputs import ECHOED

_SCALARS: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
_ANY = {"$ref": "pulumi.json#/Any"}


def version() -> str:
    """The installed version of the kit, as the engine asks for it."""
    try:
        return installed("mooring")
    except PackageNotFoundError:
        return "0.0.0"


@cache
def schema() -> str:
    """The schema as JSON text."""
    nested: dict[str, Any] = {}
    resources = {f"moor:index:{name}": _resource(name, nested) for name in SPECS}
    functions = {GET_VERSION: _get_version(nested)}
    return json.dumps(
        {
            "name": "moor",
            "version": version(),
            "displayName": "Moor",
            "description": "The life of a machine-learning model on any cloud: data, training, versions, endpoints.",
            "license": "Apache-2.0",
            "keywords": ["pulumi", "category/cloud", "machine-learning"],
            "language": {"python": {"readme": "Resources of the Mooring project."}},
            "config": {},
            "provider": {"description": "The provider needs no configuration: each resource names its cloud."},
            "types": dict(sorted(nested.items())),
            "resources": resources,
            "functions": functions,
        },
        indent=1,
    )


def _resource(name: str, nested: dict[str, Any]) -> dict[str, Any]:
    spec, state = SPECS[name], STATES[name]
    echoed = {key: field for key, field in spec.model_fields.items() if key in ECHOED}
    outputs = _properties({**echoed, **state.model_fields}, nested)
    inputs = _properties(spec.model_fields, nested)
    for key, field in spec.model_fields.items():
        if key in REPLACES[name]:
            inputs[_wire(key, field)]["replaceOnChanges"] = True
    required = [_wire(key, field) for key, field in {**echoed, **state.model_fields}.items() if _always(field)]
    return {
        "description": _text(spec.__doc__),
        "properties": outputs,
        "required": required,
        "inputProperties": inputs,
        "requiredInputs": [_wire(key, field) for key, field in spec.model_fields.items() if field.is_required()],
    }


def _get_version(nested: dict[str, Any]) -> dict[str, Any]:
    fields = STATES["ModelVersion"].model_fields
    return {
        "description": "A registered version of a model: the newest, or the one of a number or a digest.",
        "inputs": {
            "type": "object",
            "properties": {
                "model": {"type": "string", "description": "Id of the `Model`."},
                "version": {"type": "integer", "description": "Number of the version."},
                "digest": {"type": "string", "description": "Digest of the version."},
            },
            "required": ["model"],
        },
        "outputs": {
            "type": "object",
            "properties": _properties(fields, nested),
            "required": [_wire(key, field) for key, field in fields.items() if _always(field)],
        },
    }


def _always(field: FieldInfo) -> bool:
    """Whether the field is always there: only what is None is left out on the wire."""
    return field.is_required() or field.get_default(call_default_factory=True, validated_data={}) is not None


def _wire(name: str, field: FieldInfo) -> str:
    return field.alias or name


def _text(doc: str | None) -> str:
    return " ".join((doc or "").split())


def _properties(fields: Mapping[str, FieldInfo], nested: dict[str, Any]) -> dict[str, Any]:
    return {_wire(name, field): _property(field, nested) for name, field in fields.items()}


def _property(field: FieldInfo, nested: dict[str, Any]) -> dict[str, Any]:
    described = _type(field.annotation, nested)
    if field.description:
        described["description"] = field.description
    default = None if field.is_required() else field.default
    if isinstance(default, (str, int, float, bool)) and default != "":
        described["default"] = default
    return described


def _type(annotation: Any, nested: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0], nested)
    if origin in (Union, types.UnionType):
        members = [_type(member, nested) for member in arguments if member is not type(None)]
        return members[0] if len(members) == 1 else {"oneOf": members}
    if origin is Literal:
        return {"type": "string", "description": "One of " + ", ".join(f"`{choice}`" for choice in arguments) + "."}
    if origin is list:
        return {"type": "array", "items": _type(arguments[0], nested)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _type(arguments[1], nested)}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {"$ref": f"#/types/{_nested(annotation, nested)}"}
    return {"type": _SCALARS[annotation]} if annotation in _SCALARS else dict(_ANY)


def _nested(model: type[BaseModel], nested: dict[str, Any]) -> str:
    token = f"moor:index:{model.__name__}"
    if token not in nested:
        nested[token] = {}
        nested[token] = {
            "type": "object",
            "description": _text(model.__doc__),
            "properties": _properties(model.model_fields, nested),
            "required": [_wire(name, field) for name, field in model.model_fields.items() if field.is_required()],
        }
    return token
