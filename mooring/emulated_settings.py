"""The configuration copy that an emulated stack runs with: its own settings, with secrets that are worth nothing.

Each `secure:` value is replaced by a generated one, encrypted with the copy's own passphrase, so that an emulated
deployment neither needs nor sees a real secret, and still treats the value as one. Pins are the copy's own: they name
versions, and the emulated stack has its own.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from providers.errors import InvalidInput, Problem

_ENDPOINTS = "mooring:endpoints"
_PROVIDER_KEYS = ("encryptionsalt", "encryptedkey", "secretsprovider", "environment")
"""Top-level keys that say how the stack's real secrets are kept, and Pulumi ESC environments, which hold more."""


def write_copy(source: Path, copy: Path, passphrase: Path) -> Path:
    """Write the copy of the stack file `source` unless it is current, and return it.

    A generated value and its ciphertext stay the same from run to run. Raises `InvalidInput` for what is no YAML.
    """
    settings, before = _load(source), _load(copy) if copy.is_file() else {}
    result: dict[str, Any] = {key: value for key, value in settings.items() if key not in _PROVIDER_KEYS}
    if salt := before.get("encryptionsalt"):
        result["encryptionsalt"] = salt
    config = _with_own_pins(settings.get("config") or {}, before.get("config"))
    if any(True for _ in _secure(config)):
        seal, salt = _sealer(passphrase, salt)
        result["encryptionsalt"] = salt
        result["config"] = _replaced(config, before.get("config"), seal, ())
    else:
        result["config"] = config
    if result != before:
        _write(copy, yaml.safe_dump(result, sort_keys=False, allow_unicode=True))
    return copy


def _with_own_pins(config: dict[str, Any], before: Any) -> dict[str, Any]:
    """`config` with the pins that `mooring rollback --emulate` wrote into the copy, instead of the stack's."""
    endpoints = config.get(_ENDPOINTS)
    if not isinstance(endpoints, dict):
        return config
    held = before.get(_ENDPOINTS) if isinstance(before, dict) else None
    return {**config, _ENDPOINTS: {name: _pinned(one, held, name) for name, one in endpoints.items()}}


def _pinned(endpoint: Any, held: Any, name: str) -> Any:
    if not isinstance(endpoint, dict):
        return endpoint
    bare = {key: value for key, value in endpoint.items() if key != "pin"}
    own = held.get(name) if isinstance(held, dict) else None
    return {**bare, "pin": own["pin"]} if isinstance(own, dict) and own.get("pin") else bare


def generated(path: tuple[str | int, ...]) -> str:
    """The stand-in for the secret at `path`: the same on every machine, and plainly no real one."""
    tag = hashlib.sha256("/".join(map(str, path)).encode()).digest()[:9]
    return f"emulated-{base64.urlsafe_b64encode(tag).decode()}"


def _sealer(passphrase: Path, salt: str | None) -> tuple[Callable[[str], str], str]:
    """A function that encrypts, and the salt to keep beside what it encrypted."""
    from infra.engine.configuration.secrets import Passphrase, SecretsManager

    phrase = Passphrase(file=passphrase)
    manager = SecretsManager(phrase, salt) if salt else SecretsManager.create(phrase)
    return manager.encrypt, manager.salt


def _is_secure(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"secure"} and isinstance(value["secure"], str)


def _secure(value: Any) -> Any:
    """All `{secure: …}` in `value`."""
    if _is_secure(value):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _secure(item)
    elif isinstance(value, list):
        for item in value:
            yield from _secure(item)


def _replaced(value: Any, before: Any, seal: Callable[[str], str], path: tuple[str | int, ...]) -> Any:
    """`value` with its secrets exchanged; those that the last copy had at the same path are kept."""
    if _is_secure(value):
        return before if _is_secure(before) else {"secure": seal(generated(path))}
    if isinstance(value, dict):
        old = before if isinstance(before, dict) else {}
        return {key: _replaced(item, old.get(key), seal, (*path, str(key))) for key, item in value.items()}
    if isinstance(value, list):
        olds = before if isinstance(before, list) else []
        return [
            _replaced(item, olds[index] if index < len(olds) else None, seal, (*path, index))
            for index, item in enumerate(value)
        ]
    return value


def _load(file: Path) -> dict[str, Any]:
    try:
        loaded = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as cause:
        raise InvalidInput([Problem(file.name, f"not valid YAML: {cause}")]) from cause
    if not isinstance(loaded, dict):
        raise InvalidInput([Problem(file.name, "must be a mapping")])
    return loaded


def _write(file: Path, text: str) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, file)
