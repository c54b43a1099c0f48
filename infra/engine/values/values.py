"""Property values in Python form, the one form that the engine works on.

JSON's own types stand for themselves (numbers are `int` where integral, else `float`); `bytes` is a string
that is not UTF-8; the rest are the classes below. Assets and archives are in `infra.engine.values.assets`. The forms
outside are made in modules of their own: `infra.engine.values.wire` (gRPC Struct), `infra.engine.values.encoding`
(checkpoint JSON), `infra.engine.values.property_diff` (comparison, property paths).

A value is never changed in place once it is part of a resource: `checkpoint.Resource` caches its encoding.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.engine.values.assets import Archive, Asset
from infra.engine.values.signatures import RESOURCE_SIGNATURE, SECRET_MASK, SIGNATURE, UNKNOWN_STRING

Properties = dict[str, Any]
"""A resource's inputs or outputs, by property name."""


class Unknown:
    """The type of `UNKNOWN`: a value that is known only once something has been deployed."""

    _instance: Unknown | None = None

    def __new__(cls) -> Unknown:
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __reduce__(self) -> tuple[type[Unknown], tuple[()]]:
        return (Unknown, ())


UNKNOWN: Final = Unknown()


class Secret:
    """A value that is encrypted wherever it is kept, and never shown.

    One that was read from state is decrypted when `value` is first wanted, so that commands that need no
    secret need no passphrase. Its ciphertext is kept, so that an unchanged secret is written unchanged.
    """

    __slots__ = ("_ciphertext", "_open", "_owner", "_value")

    def __init__(self, value: Any) -> None:
        self._value = value
        self._open: Callable[[str], Any] | None = None
        self._ciphertext = ""
        self._owner: object = None

    @classmethod
    def sealed(cls, ciphertext: str, owner: object, open: Callable[[str], Any]) -> Secret:
        """A secret as it is in state, encrypted by `owner`; `open(ciphertext)` gives its value, or raises
        `WrongPassphrase`."""
        secret = cls(None)
        secret._open = open
        secret.keep(ciphertext, owner)
        return secret

    def keep(self, ciphertext: str, owner: object) -> None:
        """Note the ciphertext that `owner` made of it."""
        self._ciphertext, self._owner = ciphertext, owner

    def ciphertext(self, owner: object) -> str:
        """The ciphertext that `owner` made of it before, else empty. Another stack's is of no use here."""
        return self._ciphertext if self._owner is owner else ""

    @property
    def value(self) -> Any:
        """The plain value."""
        if (open := self._open) is not None:
            # Several threads may open it at once: each gets the same value.
            self._value = open(self._ciphertext)
            self._open = None
        return self._value

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Secret) and bool(self.value == other.value)

    def __hash__(self) -> int:
        raise TypeError("a Secret is not hashable")

    def __repr__(self) -> str:
        return "Secret([secret])"


@dataclass(frozen=True)
class Output:
    """A value with what is known about where it comes from. `value` is UNKNOWN until it is known."""

    value: Any
    secret: bool = False
    dependencies: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        return self.value is not UNKNOWN

    def lower(self) -> Any:
        """The same without dependencies: the value, UNKNOWN, or a `Secret` of it."""
        return Secret(self.value) if self.secret else self.value


@dataclass(frozen=True)
class ResourceReference:
    """A resource as a value. `id` is None for a component, UNKNOWN before it exists."""

    urn: str
    id: str | Unknown | None = None
    package_version: str = ""

    def __eq__(self, other: object) -> bool:
        # As in Pulumi, the package's version makes no difference.
        return isinstance(other, ResourceReference) and (self.urn, self.id) == (other.urn, other.id)

    def serialize(self) -> Properties:
        """The object that stands for it in state; an unknown id is empty there."""
        form: Properties = {SIGNATURE: RESOURCE_SIGNATURE, "urn": self.urn, "packageVersion": self.package_version}
        if self.id is not None:
            form["id"] = self.id if isinstance(self.id, str) else ""
        return form

    def __hash__(self) -> int:
        return hash((self.urn, self.id if isinstance(self.id, str) else None))


def contains_unknowns(value: Any) -> bool:
    """Whether anything in `value`, at any depth, is not known yet."""
    if isinstance(value, dict):
        return any(contains_unknowns(v) for v in value.values())
    if isinstance(value, list):
        return any(contains_unknowns(v) for v in value)
    if isinstance(value, Secret | Output):
        return contains_unknowns(value.value)
    if isinstance(value, ResourceReference):
        return value.id is UNKNOWN
    return value is UNKNOWN


def contains_secrets(value: Any) -> bool:
    """Whether anything in `value`, at any depth, is secret."""
    if isinstance(value, dict):
        return any(contains_secrets(v) for v in value.values())
    if isinstance(value, list):
        return any(contains_secrets(v) for v in value)
    if isinstance(value, Output):
        return value.secret or contains_secrets(value.value)
    return isinstance(value, Secret)


def strip_secrets(value: Any) -> Any:
    """`value` with every secret, and every output, replaced by what it holds."""
    if isinstance(value, dict):
        return {k: strip_secrets(v) for k, v in value.items()}
    if isinstance(value, list):
        return [strip_secrets(v) for v in value]
    if isinstance(value, Secret | Output):
        return strip_secrets(value.value)
    return value


def lower_outputs(value: Any) -> Any:
    """`value` with every `Output` replaced by its value, UNKNOWN, or a `Secret`; dependencies are lost."""
    if isinstance(value, dict):
        return {k: lower_outputs(v) for k, v in value.items()}
    if isinstance(value, list):
        return [lower_outputs(v) for v in value]
    if isinstance(value, Output):
        lowered = lower_outputs(value.value)
        return Secret(lowered) if value.secret else lowered
    return Secret(lower_outputs(value.value)) if isinstance(value, Secret) and contains_outputs(value.value) else value


def contains_outputs(value: Any) -> bool:
    """Whether anything in `value` is an `Output`."""
    if isinstance(value, dict):
        return any(contains_outputs(v) for v in value.values())
    if isinstance(value, list):
        return any(contains_outputs(v) for v in value)
    return isinstance(value, Output)


def annotate_secrets(outputs: Properties, inputs: Mapping[str, Any]) -> Properties:
    """`outputs` with those values secret whose input of the same name is or holds a secret.

    For providers that do not accept secrets: they get plain values and answer in plain values. Two objects
    are walked together; anything else becomes secret as a whole (Pulumi's `annotateSecrets`).
    """
    annotated = dict(outputs)
    for key, given in inputs.items():
        if key not in annotated:
            continue
        out = annotated[key]
        if isinstance(out, dict) and isinstance(given, dict):
            annotated[key] = annotate_secrets(out, given)
        elif not isinstance(out, Secret) and contains_secrets(given):
            annotated[key] = Secret(out)
    return annotated


def mark_secret(outputs: Properties, names: tuple[str, ...] | list[str]) -> Properties:
    """`outputs` with those of these names secret (`additionalSecretOutputs`)."""
    if not names:
        return outputs
    return {k: Secret(v) if k in names and not isinstance(v, Secret) else v for k, v in outputs.items()}


def mask(value: Any) -> Any:
    """`value` as plain JSON fit to be shown, in the form of `preview --json`: secrets are `[secret]`,
    unknowns the string that stands for them, assets their description."""
    if isinstance(value, dict):
        return {k: mask(v) for k, v in value.items()}
    if isinstance(value, list):
        return [mask(v) for v in value]
    if isinstance(value, Secret):
        return SECRET_MASK
    if isinstance(value, Output):
        return SECRET_MASK if value.secret else mask(value.value)
    if value is UNKNOWN:
        return UNKNOWN_STRING
    if isinstance(value, ResourceReference):
        return value.serialize()
    if isinstance(value, Asset | Archive):
        return value.serialize()
    if isinstance(value, bytes):
        return f'b"{base64.b64encode(value).decode()}"'
    return value
