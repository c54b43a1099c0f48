"""A stack's configuration as Pulumi reads it, and as a program sees it.

Formats: `sdk/go/common/resource/config` and `pkg/workspace/config.go`. A value is a scalar or a structure; at
any depth `{secure: <ciphertext>}` stands for an encrypted text. A program gets every value as text, structures
as JSON, together with the names of those that hold a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.engine.configuration.secrets import Passphrase, SecretsManager
from infra.engine.configuration.yaml_reader import parse_yaml, read_yaml
from infra.engine.errors import ConfigError, EngineError, UnsupportedOption
from infra.engine.state.files import replace_file
from infra.engine.values.encoding import dumps
from providers.errors import did_you_mean

_TOP_KEYS = ("config", "encryptionsalt", "secretsprovider", "encryptedkey", "environment", "deploymentsettings")


@dataclass(frozen=True)
class RuntimeConfig:
    """What a program sees: text by `namespace:key`, and which keys hold a secret."""

    values: Mapping[str, str] = field(default_factory=dict)
    secret_keys: frozenset[str] = frozenset()


@dataclass(frozen=True)
class StackConfig:
    """A stack's file. `values` are by `namespace:key`, with secrets as `{"secure": <ciphertext>}`."""

    file: Path
    values: Mapping[str, Any] = field(default_factory=dict)
    salt: str = ""

    def secrets(self, passphrase: Passphrase) -> SecretsManager | None:
        """The manager of the file's salt, None where it has none yet. The key is not derived yet."""
        return SecretsManager(passphrase, self.salt) if self.salt else None

    @property
    def has_secrets(self) -> bool:
        """Whether any value is encrypted."""
        return any(is_secure(value) for value in self.values.values())

    def runtime(self, secrets: SecretsManager | None) -> RuntimeConfig:
        """Every value decrypted, as a program gets it. Raises `WrongPassphrase`, and `ConfigError` for a
        secret without a salt."""
        values: dict[str, str] = {}
        for key, value in self.values.items():
            try:
                values[key] = as_text(_decrypted(value, secrets))
            except EngineError as error:
                raise type(error)(f"{self.file}: {key}: {error}") if type(error) is EngineError else error from None
        return RuntimeConfig(values, frozenset(key for key, value in self.values.items() if is_secure(value)))


def load(file: Path, project: str) -> StackConfig:
    """A stack's file; empty where there is none. A key without a namespace is in the project's.

    Raises `ConfigError` with file, line and column, and `UnsupportedOption` for what only the CLI has.
    """
    if not file.exists():
        return StackConfig(file)
    document = read_yaml(file)
    if document is None:
        return StackConfig(file)
    if not isinstance(document, dict):
        raise ConfigError(file, "expected a mapping with the key 'config'")
    for key in document:
        if key not in _TOP_KEYS:
            raise ConfigError(file, f"unknown key '{key}'{did_you_mean(str(key), _TOP_KEYS)}")
    if document.get("environment"):
        raise UnsupportedOption("'environment' (Pulumi ESC) in a stack's file")
    provider = str(document.get("secretsprovider") or "passphrase")
    if provider not in ("passphrase", "default"):
        raise UnsupportedOption(f"secretsprovider '{provider}'")
    config = document.get("config") or {}
    if not isinstance(config, dict):
        raise ConfigError(file, "'config' must be a mapping of keys to values")
    values = {qualified(str(key), project, file): value for key, value in config.items()}
    return StackConfig(file, values, str(document.get("encryptionsalt") or ""))


def ensure_salt(file: Path, passphrase: Passphrase) -> SecretsManager:
    """The manager of a stack's file, which gets a salt first where it has none.

    Raises `StateWriteFailed`, and `ConfigError` for a file written in a way that does not take one more line.
    """
    document = (read_yaml(file) if file.exists() else None) or {}
    if isinstance(document, dict) and document.get("encryptionsalt"):
        return SecretsManager(passphrase, str(document["encryptionsalt"]))
    manager = SecretsManager.create(passphrase)
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    if text and not text.endswith("\n"):
        text += "\n"
    # Appended, so that nothing else in the file moves: a top-level key may stand anywhere in a block mapping.
    changed = f"{text}encryptionsalt: {manager.salt}\n".encode()
    if not _says_salt(changed, file, manager.salt):
        raise ConfigError(file, "write it in YAML's block style (`config:` on a line of its own), to keep secrets")
    replace_file(file, changed, mode=file.stat().st_mode & 0o777 if file.exists() else 0o644)
    return manager


def _says_salt(data: bytes, file: Path, salt: str) -> bool:
    try:
        document = parse_yaml(data, file)
    except ConfigError:
        return False
    return isinstance(document, dict) and document.get("encryptionsalt") == salt


def qualified(key: str, project: str, file: Path) -> str:
    """`namespace:name` of a key as written. `namespace:config:name` is an old spelling of it."""
    parts = key.split(":")
    if len(parts) == 1:
        return f"{project}:{key}"
    if len(parts) == 3 and parts[1] == "config":
        parts = [parts[0], parts[2]]
    if len(parts) != 2 or not all(parts):
        raise ConfigError(file, f"'{key}' is no configuration key: expected <namespace>:<name>")
    return ":".join(parts)


def is_secure(value: Any) -> bool:
    """Whether a value is, or holds, an encrypted text."""
    if isinstance(value, dict):
        return _ciphertext(value) is not None or any(is_secure(v) for v in value.values())
    return isinstance(value, list) and any(is_secure(v) for v in value)


def as_text(value: Any) -> str:
    """A value as a program gets it: a text as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    text = dumps(_jsonable(value)).decode()
    for character in "<>&":  # as Go writes JSON
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {_key(k): _jsonable(value[k]) for k in sorted(value, key=_key)}
    if isinstance(value, list):
        return [_jsonable(v) for v in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value) if abs(value) < 2**63 else value
    return value


def _key(key: Any) -> str:
    return key if isinstance(key, str) else as_text(key)


def _ciphertext(value: Any) -> str | None:
    if isinstance(value, dict) and len(value) == 1 and isinstance(value.get("secure"), str):
        return str(value["secure"])
    return None


def _decrypted(value: Any, secrets: SecretsManager | None) -> Any:
    ciphertext = _ciphertext(value)
    if ciphertext is not None:
        if secrets is None:
            raise EngineError("a secure value, but the file has no encryptionsalt to decrypt it with")
        return secrets.decrypt(ciphertext)
    if isinstance(value, dict):
        return {k: _decrypted(v, secrets) for k, v in value.items()}
    if isinstance(value, list):
        return [_decrypted(v, secrets) for v in value]
    return value
