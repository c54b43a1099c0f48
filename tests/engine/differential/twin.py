"""Resources of the package `twin`, for programs that both engines run."""

from __future__ import annotations

from typing import Any

import pulumi


class R(pulumi.CustomResource):
    """A resource with any inputs; `handle` and `token` are outputs that its provider makes up."""

    handle: pulumi.Output[str]
    token: pulumi.Output[str]

    def __init__(self, name: str, props: dict[str, Any] | None = None, opts: Any = None, type: str = "R") -> None:
        super().__init__(f"twin:index:{type}", name, {**(props or {}), "handle": None, "token": None}, opts)

    @staticmethod
    def get(name: str, id: Any, opts: Any = None) -> R:
        """A resource that is only looked at."""
        return R(name, {}, pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(id=id)))


class Provider(pulumi.ProviderResource):
    """An explicit provider."""

    def __init__(self, name: str, props: dict[str, Any] | None = None, opts: Any = None) -> None:
        super().__init__("twin", name, props or {}, opts)


class Group(pulumi.ComponentResource):
    """A component without anything of its own."""

    def __init__(
        self, name: str, opts: Any = None, type: str = "test:index:Group", props: dict[str, Any] | None = None
    ) -> None:
        super().__init__(type, name, props or {}, opts)
