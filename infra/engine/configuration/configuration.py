"""A stack's configuration for one operation: what its program sees, and the manager of its secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.engine.api import StackRef
from infra.engine.configuration import stack_config
from infra.engine.configuration.project_config import apply_project
from infra.engine.configuration.secrets import Passphrase, SecretsManager
from infra.engine.deployment import Config
from infra.engine.state.layout import Layout
from infra.engine.values.signatures import SECRET_SIGNATURE


@dataclass(frozen=True)
class Loaded:
    """`raw` is the configuration as Pulumi's history keeps it: with the project's defaults, secrets still encrypted.

    `secrets` is None for a stack that has no salt yet, and is only looked at.
    """

    config: Config
    secrets: SecretsManager | None
    raw: Mapping[str, Any]


def secrets_of(ref: StackRef) -> SecretsManager | None:
    """The manager of a stack's secrets; None where there is no salt yet."""
    return stack_config.load(ref.config_file, ref.project).secrets(Passphrase(file=ref.passphrase_file))


def load(ref: StackRef, *, write_salt: bool = False) -> Loaded:
    """Read a stack's file. `write_salt` gives it an `encryptionsalt` where it has none, as the CLI does.

    Raises `ConfigError`, `WrongPassphrase`.
    """
    found = stack_config.load(ref.config_file, ref.project)
    project_file = ref.root / "Pulumi.yaml"
    if project_file.is_file():
        found = apply_project(found, project_file, ref.project)
    passphrase = Passphrase(file=ref.passphrase_file)
    secrets = found.secrets(passphrase)
    if secrets is None and write_salt:
        secrets = stack_config.ensure_salt(ref.config_file, passphrase)
    if secrets is not None and (found.has_secrets or _state_has_secrets(ref)):
        # The key takes a quarter of a second: derived meanwhile, and only where it will be needed.
        secrets.start()
    runtime = found.runtime(secrets)
    return Loaded(Config(runtime.values, runtime.secret_keys), secrets, found.values)


def _state_has_secrets(ref: StackRef) -> bool:
    try:
        return SECRET_SIGNATURE.encode() in Layout(ref.backend, ref.project, ref.stack).current().read_bytes()
    except OSError:
        return False
