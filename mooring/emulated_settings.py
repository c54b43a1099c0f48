"""The configuration copy that an emulated stack runs with: its own settings, with secrets that are worth nothing.

Each `secure:` value is replaced by a generated one, encrypted with the copy's own passphrase, so that an emulated
deployment neither needs nor sees a real secret, and still treats the value as one. Pins name versions of the real
cloud, so the copy has none of them. What `config set`, `rollback` and `promote` with `--emulate` wrote into the copy
stays there while the rest follows the stack's file (`own_changes.py`). Beside the copy::

    base.yaml       what the copy was made of, without the changes of its own
    next.yaml       the same during a change of both: `base` to become, and the `copy` that belongs to it
    lock            held by whoever makes them
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from mooring.own_changes import applied, changes
from providers.errors import InvalidInput, Problem

_ENDPOINTS = "mooring:endpoints"
_PROVIDER_KEYS = ("encryptionsalt", "encryptedkey", "secretsprovider", "environment")
"""Top-level keys that say how the stack's real secrets are kept, and Pulumi ESC environments, which hold more."""


def write_copy(source: Path, copy: Path, passphrase: Path) -> Path:
    """Write the copy of the stack file `source` unless it is current, and return it.

    A generated value and its ciphertext stay the same from run to run. Raises `InvalidInput` for what is no YAML.
    """
    settings = _load(source)
    with open(copy.with_name("lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # ends with the process; held for milliseconds
        _renew(settings, copy, passphrase)
    return copy


def _renew(settings: dict[str, Any], copy: Path, passphrase: Path) -> None:
    held, base = _load_made(copy), _last_base(copy)
    own = changes(base.get("config") or {}, held.get("config") or {}) if base else {}
    fresh = {key: value for key, value in settings.items() if key not in _PROVIDER_KEYS}
    config = _without_pins(settings.get("config") or {})
    salt = held.get("encryptionsalt")
    if any(True for _ in _secure(config)):
        seal, salt = _sealer(passphrase, salt)
        config = _replaced(config, base.get("config"), seal, ())
    fresh["config"] = config
    if salt:
        fresh["encryptionsalt"] = salt
    result = {**fresh, "config": applied(own, config)}
    upcoming = copy.with_name("next.yaml")
    if fresh == base and result == held and not upcoming.exists():
        return
    _write(upcoming, {"base": fresh, "copy": result})
    _write(copy, result)
    _write(copy.with_name("base.yaml"), fresh)
    upcoming.unlink()


def _last_base(copy: Path) -> dict[str, Any]:
    """What the copy was made of. A change that was killed between its writes is told by which copy there is."""
    upcoming = _load_made(copy.with_name("next.yaml"))
    if upcoming and upcoming["copy"] == _load_made(copy):
        base: dict[str, Any] = upcoming["base"]
        return base
    return _load_made(copy.with_name("base.yaml"))


def _without_pins(config: dict[str, Any]) -> dict[str, Any]:
    endpoints = config.get(_ENDPOINTS)
    if not isinstance(endpoints, dict):
        return config
    return {**config, _ENDPOINTS: {name: _unpinned(one) for name, one in endpoints.items()}}


def _unpinned(endpoint: Any) -> Any:
    if not isinstance(endpoint, dict):
        return endpoint
    return {key: value for key, value in endpoint.items() if key != "pin"}


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


def _load_made(file: Path) -> dict[str, Any]:
    """A file of our own; empty when there is none yet."""
    return _load(file) if file.is_file() else {}


def _write(file: Path, content: dict[str, Any]) -> None:
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, file)
