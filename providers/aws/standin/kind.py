"""What the stand-in knows of one resource type of the package `aws`: a declaration over calls of one service."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.clients import Clients

Properties = Mapping[str, Any]
"""Property values by Pulumi's names."""
Tags = Mapping[str, str]


@dataclass(frozen=True)
class Aws:
    """Where a configured provider works."""

    region: str
    clients: Clients
    account: str = ACCOUNT

    def client(self, service: str) -> Any:
        """A botocore client of the provider's region."""
        return self.clients.get(service, self.region)

    def arn(self, service: str, resource: str, *, region: str | None = None) -> str:
        """An ARN of the provider's account and region, or of another `region` (empty for global services)."""
        return f"arn:aws:{service}:{self.region if region is None else region}:{self.account}:{resource}"


def _leave(aws: Aws, id: str, new: Properties, old: Properties) -> None:
    """Nothing of the resource can be set after its creation."""


@dataclass(frozen=True)
class Kind:
    """One type.

    `create` makes it and returns its id; `configure(aws, id, new, old)` sets what can be set later, after a creation
    (`old` is empty) and as the update; `read` gives inputs and computed outputs as they are now, or None (or raises
    AWS's error) when there is nothing; `delete` gets what `read` gave last. `find` gives the id of one that an
    interrupted creation with the same inputs has left.

    `kept` are inputs that AWS does not give back. Changes of `replaces` need another resource. `documents` hold JSON,
    `unordered` lists without order; both are compared by their meaning. `name` is the property that Pulumi fills when
    the program does not. What is not `regional` has no `region` among its outputs.
    """

    token: str
    inputs: frozenset[str]
    create: Callable[[Aws, Properties], str]
    read: Callable[[Aws, str], dict[str, Any] | None]
    delete: Callable[[Aws, str, Properties], None]
    configure: Callable[[Aws, str, Properties, Properties], None] = _leave
    find: Callable[[Aws, Properties], str | None] | None = None
    required: tuple[str, ...] = ()
    replaces: frozenset[str] = frozenset()
    computed: tuple[str, ...] = ()
    kept: frozenset[str] = frozenset()
    documents: frozenset[str] = frozenset()
    unordered: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    regional: bool = True

    @property
    def label(self) -> str:
        """`Bucket` of `aws:s3/bucket:Bucket`."""
        return self.token.rpartition(":")[2]

    def same(self, key: str, one: Any, other: Any) -> bool:
        """Whether two values of the property `key` mean the same."""
        return bool(self._normal(key, one) == self._normal(key, other))

    def _normal(self, key: str, value: Any) -> Any:
        if key in self.documents and isinstance(value, str):
            try:
                return json.loads(value)
            except ValueError:
                return value
        if key in self.unordered and isinstance(value, Sequence) and not isinstance(value, str):
            return sorted(json.dumps(_unordered(item), sort_keys=True) for item in value)
        return value


def _unordered(value: Any) -> Any:
    """`value` with the lists inside in order, so that equal ones look equal."""
    if isinstance(value, Mapping):
        return {key: _unordered(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((_unordered(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def again(put: Callable[[Aws, Properties], str]) -> Callable[[Aws, str, Properties, Properties], None]:
    """The update of what is set as a whole: the creation once more."""

    def configure(aws: Aws, id: str, new: Properties, old: Properties) -> None:
        if old:
            put(aws, new)

    return configure


def words(text: str) -> frozenset[str]:
    """The words of a text, as declarations list names."""
    return frozenset(text.split())


def without_none(**properties: Any) -> dict[str, Any]:
    """The properties that have a value."""
    return {key: value for key, value in properties.items() if value is not None}


def as_list(tags: Tags, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as most services take them."""
    return [{key: name, value: text} for name, text in tags.items()]


def as_mapping(tags: Sequence[Mapping[str, str]], key: str = "Key", value: str = "Value") -> dict[str, str]:
    """Tags as Pulumi has them; those that AWS itself sets are left out."""
    return {tag[key]: tag[value] for tag in tags if not tag[key].startswith("aws:")}


def tag_changes(new: Properties, old: Properties) -> tuple[dict[str, str], list[str]]:
    """Tags to set and keys of tags to take away, from inputs to inputs."""
    wanted, had = new.get("tags") or {}, old.get("tags") or {}
    return {k: v for k, v in wanted.items() if had.get(k) != v}, [k for k in had if k not in wanted]


def changed(new: Properties, old: Properties, *keys: str) -> bool:
    """Whether any of the properties is another one than before; after a creation, whether any is given."""
    return any(new.get(key) != old.get(key) for key in keys)
