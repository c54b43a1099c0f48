"""Encrypts a setting for a stack's file, in Pulumi's passphrase format."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from infra.engine.api import StackRef
from providers.errors import InvalidInput, NotSupported


def encryptor(ref: StackRef) -> Callable[[str], str]:
    """A function from plain text to ciphertext. A file without a salt gets one, written at once.

    Raises `NotSupported` where another secrets provider keeps the stack's secrets, `WrongPassphrase`.
    """
    import yaml

    from infra.engine.secrets import Passphrase, SecretsManager

    content = yaml.safe_load(ref.config_file.read_bytes()) or {}
    provider = str(content.get("secretsprovider") or "passphrase")
    if provider not in ("passphrase", "default"):
        raise NotSupported(
            f"{ref.config_file.name}: its secrets are kept by '{provider}'; `pulumi config set --secret` can use that"
        )
    phrase = Passphrase(file=ref.passphrase_file)
    salt = content.get("encryptionsalt")
    if salt:
        manager = SecretsManager(phrase, str(salt))
    else:
        manager = SecretsManager.create(phrase)
        add_salt(ref.config_file, manager.salt)
    manager.verify()
    return manager.encrypt


def add_salt(file: Path, salt: str) -> None:
    """Put `encryptionsalt` at the end of a stack's file, the rest untouched."""
    import yaml

    text = file.read_text(encoding="utf-8")
    changed = f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}encryptionsalt: {salt}\n"
    try:
        sound = yaml.safe_load(changed).get("encryptionsalt") == salt
    except (yaml.YAMLError, AttributeError):
        sound = False
    if not sound:
        raise InvalidInput(
            f"{file.name}: write it in YAML's block style (`config:` on a line of its own) to add a secret"
        )
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(changed)
        stream.flush()
        os.fsync(stream.fileno())
    os.chmod(temporary, file.stat().st_mode & 0o777)
    os.replace(temporary, file)
