"""URNs, the names that Pulumi gives resources.

``urn:pulumi:<stack>::<project>::<qualified type>::<name>``, where the qualified type is the chain of the
parents' types and the resource's own, joined by `$`. A name may itself contain `::`. Format:
Pulumi's `sdk/go/common/resource/urn`.
"""

from __future__ import annotations

from dataclasses import dataclass

from infra.engine.errors import ValueFormatError

PREFIX = "urn:pulumi:"
ROOT_STACK_TYPE = "pulumi:pulumi:Stack"
"""Type of the root resource; it never appears in its children's qualified types."""


@dataclass(frozen=True)
class Parts:
    """A URN taken apart. `qualified_type` includes the parents' types."""

    stack: str
    project: str
    qualified_type: str
    name: str

    @property
    def type(self) -> str:
        """The resource's own type token."""
        return self.qualified_type.rsplit("$", 1)[-1]

    def __str__(self) -> str:
        return f"{PREFIX}{self.stack}::{self.project}::{self.qualified_type}::{self.name}"


def make(stack: str, project: str, parent: str, type: str, name: str) -> str:
    """The URN of a resource. `parent` is the parent's URN, empty for none; the root stack adds nothing."""
    chain = qualified_type(parent) if parent else ""
    if chain and chain != ROOT_STACK_TYPE:
        type = f"{chain}${type}"
    return f"{PREFIX}{stack}::{project}::{type}::{name}"


def root(stack: str, project: str) -> str:
    """The URN of the stack's root resource, named `<project>-<stack>`."""
    return make(stack, project, "", ROOT_STACK_TYPE, f"{project}-{stack}")


def is_valid(urn: str) -> bool:
    """Whether `urn` has the prefix and all four parts."""
    return urn.startswith(PREFIX) and urn.count("::") >= 3


def parse(urn: str) -> Parts:
    """Take a URN apart. Raises `ValueFormatError` when it is none."""
    if not is_valid(urn):
        raise ValueFormatError("", f"'{urn}' is not a URN: expected urn:pulumi:<stack>::<project>::<type>::<name>")
    return Parts(*urn[len(PREFIX) :].split("::", 3))


def name(urn: str) -> str:
    """The name part, which may contain `::`."""
    return parse(urn).name


def qualified_type(urn: str) -> str:
    """The type with its parents' types, `a:b:Parent$a:b:Child`."""
    return parse(urn).qualified_type


def type_of(urn: str) -> str:
    """The resource's own type token."""
    return parse(urn).type


def package_of(type: str) -> str:
    """The package of a type token, the part before the first colon; of a provider's type, what it provides."""
    if is_provider_type(type):
        return type.split(":", 2)[2]
    return type.split(":", 1)[0]


def is_provider_type(type: str) -> bool:
    """Whether a type token is that of a provider resource (`pulumi:providers:<package>`)."""
    return type.startswith("pulumi:providers:")


def is_default_provider(urn: str) -> bool:
    """Whether a provider's URN is one that the engine made by itself (`default`, `default_7_51_1`)."""
    parts = parse(urn)
    return is_provider_type(parts.type) and parts.name.startswith("default")


def provider_ref(urn: str, id: str) -> str:
    """A provider reference as resources carry it, `<urn>::<id>`."""
    return f"{urn}::{id}"


def parse_provider_ref(ref: str) -> tuple[str, str]:
    """URN and id of a provider reference. Raises `ValueFormatError`."""
    urn, separator, id = ref.rpartition("::")
    if not separator or not is_valid(urn) or not id:
        raise ValueFormatError("provider", f"'{ref}' is not a provider reference: expected <urn>::<id>")
    return urn, id
