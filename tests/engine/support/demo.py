"""Resources of the package `demo`, for test programs."""

from __future__ import annotations

from typing import Any

import pulumi


class Thing(pulumi.CustomResource):
    handle: pulumi.Output[str]
    token: pulumi.Output[str]

    def __init__(self, name: str, props: dict[str, Any] | None = None, opts: Any = None, type: str = "Thing") -> None:
        props = {**(props or {}), "handle": None, "token": None}
        super().__init__(f"demo:index:{type}", name, props, opts)

    @staticmethod
    def get(name: str, id: str, opts: Any = None) -> Thing:
        return Thing(name, {}, pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=id)))


class Provider(pulumi.ProviderResource):
    def __init__(self, name: str, props: dict[str, Any] | None = None, opts: Any = None) -> None:
        super().__init__("demo", name, props or {}, opts)


class Group(pulumi.ComponentResource):
    def __init__(self, name: str, opts: Any = None, type: str = "test:index:Group") -> None:
        super().__init__(type, name, {}, opts)
