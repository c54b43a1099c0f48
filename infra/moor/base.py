"""What the resource classes of the package `moor` share: names and values between Python and the wire."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import pulumi
from pulumi import Input

FREE = frozenset({"tags", "overrides", "hyperparameters", "environment", "thresholds", "metrics", "schema", "headers"})
"""Properties whose keys are the user's own words: left as they are, at any depth."""

NAMED = frozenset({"channels", "space"})
"""Properties that map the user's names to typed objects: the names stay, the objects' keys are translated."""


def camel(name: str) -> str:
    """`time_limit` as the wire has it: `timeLimit`."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def wire(value: Any) -> Any:
    """`value` as it goes into a resource's inputs: objects of `providers.values` and mappings with snake_case
    keys become camelCase mappings, everything that is None is left out, outputs stay outputs."""
    if isinstance(value, pulumi.Output):
        return value.apply(wire)
    if hasattr(value, "model_dump"):
        return value.model_dump(by_alias=True, exclude_none=True, exclude_unset=True, mode="json")
    if isinstance(value, Mapping):
        return {camel(key): _entry(camel(key), item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [wire(item) for item in value]
    return value


def _entry(key: str, value: Any) -> Any:
    if key in FREE:
        return value
    if key in NAMED and isinstance(value, Mapping):
        return {name: wire(item) for name, item in value.items() if item is not None}
    return wire(value)


_NOT_INPUTS = frozenset({"self", "resource_name", "opts", "__class__"})


def inputs_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs among the arguments of a resource class's `__init__` (its `locals()`)."""
    return {name: value for name, value in arguments.items() if name not in _NOT_INPUTS}


class MoorResource(pulumi.CustomResource):
    """A resource of the package `moor`: subclasses annotate what the provider computes.

    An attribute whose name differs on the wire says so: `predict_url: … = pulumi.property("predictUrl")`.
    """

    _wire_names: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._wire_names = {camel(name): name for name in inspect.get_annotations(cls)}

    def __init__(self, type: str, resource_name: str, inputs: Mapping[str, Any], opts: Any) -> None:
        props = wire({**inputs, "name": inputs["name"] or resource_name})
        computed = {name: None for wire_name, name in self._wire_names.items() if wire_name not in props}
        super().__init__(f"moor:index:{type}", resource_name, {**props, **computed}, opts)

    @classmethod
    def get(cls, resource_name: str, id: Input[str], opts: pulumi.ResourceOptions | None = None) -> Self:
        """Read a resource that exists already and is not this stack's to change; `id` is `<cloud>:<native id>`."""
        found = cls.__new__(cls)
        options = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=id))
        MoorResource._read(found, resource_name, options)
        return found

    def _read(self, resource_name: str, opts: pulumi.ResourceOptions) -> None:
        computed = dict.fromkeys(self._wire_names.values())
        super().__init__(f"moor:index:{type(self).__name__}", resource_name, computed, opts)

    def translate_output_property(self, prop: str) -> str:
        """The attribute that holds the output `prop` of the wire."""
        return self._wire_names.get(prop, prop)
