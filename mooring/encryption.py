"""Encrypts a setting for a stack's file, in Pulumi's passphrase format."""

from __future__ import annotations

from collections.abc import Callable

from infra.engine.api import StackRef
from providers.errors import NotSupported


def encryptor(ref: StackRef) -> Callable[[str], str]:
    """A function from plain text to ciphertext. A file without a salt gets one, written at once.

    Raises `NotSupported` where another secrets provider keeps the stack's secrets, `WrongPassphrase`, `ConfigError`.
    """
    import yaml

    from infra.engine.configuration.secrets import Passphrase
    from infra.engine.configuration.stack_config import ensure_salt

    content = yaml.safe_load(ref.config_file.read_bytes()) or {}
    provider = str(content.get("secretsprovider") or "passphrase")
    if provider not in ("passphrase", "default"):
        raise NotSupported(
            f"{ref.config_file.name}: its secrets are kept by '{provider}'; `pulumi config set --secret` can use that"
        )
    manager = ensure_salt(ref.config_file, Passphrase(file=ref.passphrase_file))
    manager.verify()
    return manager.encrypt
