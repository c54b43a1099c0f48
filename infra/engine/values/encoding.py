"""Property values in the JSON of checkpoints, and back (Pulumi's `pkg/resource/stack/deployment.go`).

A secret is encrypted as the JSON of its value; what is secret inside a secret is only marked, as Pulumi does.
Each secret has a *place* (URN, inputs or outputs, path); an unchanged one keeps the ciphertext of its place.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from infra.engine.errors import ValueFormatError
from infra.engine.values import assets
from infra.engine.values.signatures import (
    ARCHIVE_SIGNATURE,
    ASSET_SIGNATURE,
    BYTES_SIGNATURE,
    FLOAT_SIGNATURE,
    RESOURCE_SIGNATURE,
    SECRET_SIGNATURE,
    SIGNATURE,
    UNKNOWN_STRING,
)
from infra.engine.values.values import UNKNOWN, Output, Properties, ResourceReference, Secret

Place = tuple[str | int, ...]


class Sealer(Protocol):
    """What encrypts and decrypts: `infra.engine.configuration.secrets.SecretsManager`."""

    def seal(self, plaintext: str, place: Place) -> str:
        """Ciphertext of a JSON text; the one already at this place when that holds the same text."""

    def reveal(self, ciphertext: str) -> str:
        """The JSON text."""

    def remember(self, place: Place, ciphertext: str) -> None:
        """Note what state holds at a place."""


class Encoder:
    """Python form to checkpoint JSON. `uses_bytes` tells whether a string was not UTF-8 (a v4 feature)."""

    def __init__(self, sealer: Sealer | None, *, show_secrets: bool = False) -> None:
        self._sealer, self._show = sealer, show_secrets
        self.uses_bytes = False

    def properties(self, given: Mapping[str, Any], place: Place = ()) -> Properties:
        """Every property, sorted by name as Pulumi writes them."""
        return {key: self.value(given[key], (*place, key)) for key in sorted(given)}

    def value(self, given: Any, place: Place, *, sealed: bool = False) -> Any:
        """One value. `sealed` says that it is inside a secret, and will be encrypted as a whole."""
        if given is None or isinstance(given, str | bool):
            return given
        if isinstance(given, dict):
            return {k: self.value(given[k], (*place, k), sealed=sealed) for k in sorted(given)}
        if isinstance(given, list | tuple):
            return [self.value(v, (*place, i), sealed=sealed) for i, v in enumerate(given)]
        if isinstance(given, int | float):
            return _number(given)
        return self._special(given, place, sealed)

    def _special(self, given: Any, place: Place, sealed: bool) -> Any:
        if isinstance(given, Secret):
            return self._secret(given, place, sealed)
        if given is UNKNOWN:
            return UNKNOWN_STRING
        if isinstance(given, Output):
            return self.value(given.lower(), place, sealed=sealed)
        if isinstance(given, assets.Asset | assets.Archive | ResourceReference):
            return given.serialize()
        if isinstance(given, bytes):
            self.uses_bytes = True
            return {SIGNATURE: BYTES_SIGNATURE, "value": base64.b64encode(given).decode()}
        raise ValueFormatError(_show(place), f"a {type(given).__name__} is no property value")

    def _secret(self, secret: Secret, place: Place, sealed: bool) -> Any:
        if not (sealed or self._show) and (kept := secret.ciphertext(self._sealer)):
            return {SIGNATURE: SECRET_SIGNATURE, "ciphertext": kept}
        text = dumps(self.value(secret.value, place, sealed=True)).decode()
        if sealed:
            # Pulumi encrypts the outer secret only; inside, the same text stands as "ciphertext".
            return {SIGNATURE: SECRET_SIGNATURE, "ciphertext": text}
        if self._show:
            return {SIGNATURE: SECRET_SIGNATURE, "plaintext": text}
        if self._sealer is None:
            raise ValueFormatError(_show(place), "a secret cannot be kept: the stack has no secrets provider")
        ciphertext = self._sealer.seal(text, place)
        secret.keep(ciphertext, self._sealer)
        return {SIGNATURE: SECRET_SIGNATURE, "ciphertext": ciphertext}


class Decoder:
    """Checkpoint JSON to Python form. Secrets stay sealed until their value is wanted."""

    def __init__(self, sealer: Sealer | None) -> None:
        self._sealer = sealer

    def properties(self, given: Mapping[str, Any], place: Place = ()) -> Properties:
        """Every property."""
        return {key: self.value(value, (*place, key)) for key, value in given.items()}

    def value(self, given: Any, place: Place) -> Any:
        """One value. Raises `ValueFormatError` where the format is broken."""
        if isinstance(given, str):
            return UNKNOWN if given == UNKNOWN_STRING else given
        if isinstance(given, list):
            return [self.value(v, (*place, i)) for i, v in enumerate(given)]
        if not isinstance(given, dict):
            return int(given) if isinstance(given, float) and _integral(given) else given
        signature = given.get(SIGNATURE)
        if signature is None:
            return {k: self.value(v, (*place, k)) for k, v in given.items()}
        return self._special(signature, given, place)

    def _special(self, signature: Any, given: dict[str, Any], place: Place) -> Any:
        if signature == SECRET_SIGNATURE:
            return self._secret(given, place)
        if signature in (ASSET_SIGNATURE, ARCHIVE_SIGNATURE):
            return assets.deserialize(given, _show(place))
        if signature == RESOURCE_SIGNATURE:
            return _reference(given, place)
        if signature == BYTES_SIGNATURE:
            return base64.b64decode(_text(given, "value", "byte string", place))
        if signature == FLOAT_SIGNATURE:
            return _special_float(_text(given, "value", "float", place), place)
        raise ValueFormatError(_show(place), f"unrecognised signature '{signature}'")

    def _secret(self, given: dict[str, Any], place: Place) -> Secret:
        ciphertext, plaintext = given.get("ciphertext"), given.get("plaintext")
        if bool(ciphertext) is bool(plaintext):
            raise ValueFormatError(_show(place), "a secret must have exactly one of ciphertext and plaintext")
        if plaintext:
            return Secret(_Opened(place).value_of(str(plaintext)))
        if self._sealer is None:
            raise ValueFormatError(_show(place), "the state holds a secret but names no secrets provider")
        self._sealer.remember(place, str(ciphertext))
        return Secret.sealed(str(ciphertext), self._sealer, self._opener(place))

    def _opener(self, place: Place) -> Callable[[str], Any]:
        sealer = self._sealer
        assert sealer is not None
        return lambda ciphertext: _Opened(place).value_of(sealer.reveal(ciphertext))


class _Opened(Decoder):
    """Decodes what was inside a secret, where "ciphertext" is plain text already."""

    def __init__(self, place: Place) -> None:
        super().__init__(None)
        self._place = place

    def value_of(self, text: str) -> Any:
        return self.value(loads(text), self._place)

    def _secret(self, given: dict[str, Any], place: Place) -> Secret:
        return Secret(self.value_of(given.get("ciphertext") or given.get("plaintext") or "null"))


def dumps(value: Any) -> bytes:
    """JSON, compact. Raises `ValueFormatError` for what JSON cannot hold."""
    import orjson

    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise ValueFormatError("", f"no JSON form: {error}") from None


def loads(text: str | bytes) -> Any:
    """JSON."""
    import orjson

    return orjson.loads(text)


def _integral(number: float) -> bool:
    return number.is_integer() and abs(number) <= 2**53


def _number(number: float) -> Any:
    if isinstance(number, int):
        # Pulumi's numbers are doubles; orjson refuses more than 64 bits.
        return number if -(2**63) <= number < 2**64 else float(number)
    if math.isfinite(number):
        return int(number) if _integral(number) else number
    return {SIGNATURE: FLOAT_SIGNATURE, "value": struct.pack(">d", number).hex()}


def _special_float(text: str, place: Place) -> float:
    try:
        (number,) = struct.unpack(">d", bytes.fromhex(text))
    except (ValueError, struct.error):
        raise ValueFormatError(_show(place), "malformed float: expected 16 hexadecimal digits") from None
    return float(number)


def _text(given: dict[str, Any], key: str, what: str, place: Place) -> str:
    value = given.get(key)
    if not isinstance(value, str):
        raise ValueFormatError(_show(place), f"malformed {what}: '{key}' must be a string")
    if what == "byte string":
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error as error:
            raise ValueFormatError(_show(place), f"malformed byte string: {error}") from None
    return value


def _reference(given: dict[str, Any], place: Place) -> ResourceReference:
    urn = _text(given, "urn", "resource reference", place)
    id = given.get("id")
    if isinstance(id, dict):  # some CLI versions wrote the id as {"V": …}
        inner = id.get("V")
        id = "" if isinstance(inner, dict) else inner
    if id is not None and not isinstance(id, str):
        raise ValueFormatError(_show(place), "malformed resource reference: 'id' must be a string")
    # An unknown id is written as an empty string.
    return ResourceReference(urn, UNKNOWN if id == "" else id, str(given.get("packageVersion") or ""))


def _show(place: Place) -> str:
    from infra.engine.values.property_diff import format_path

    return format_path(place)
