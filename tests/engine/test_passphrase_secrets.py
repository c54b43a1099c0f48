"""Secrets in Pulumi's passphrase form: stable, thread-safe, never shown."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from infra.engine.configuration.secrets import Passphrase, SecretsManager, create_passphrase_file
from infra.engine.errors import EngineError, WrongPassphrase

PLAIN = '{"token": "s3cr3t"}'


@pytest.fixture(scope="module")
def manager() -> SecretsManager:
    return SecretsManager.create(Passphrase("hunter2 pass"))


def test_a_secret_opens_with_the_same_passphrase_and_salt(manager: SecretsManager) -> None:
    ciphertext = manager.encrypt(PLAIN)
    again = SecretsManager(Passphrase("hunter2 pass"), manager.salt).start()
    again.verify()
    assert again.decrypt(ciphertext) == PLAIN


def test_a_wrong_passphrase_is_one_clear_error_in_every_thread(manager: SecretsManager) -> None:
    wrong = SecretsManager(Passphrase("hunter3"), manager.salt).start()
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            wrong.decrypt(manager.encrypt("x"))
        except EngineError as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 4
    assert all(isinstance(e, WrongPassphrase) and "incorrect passphrase" in str(e) for e in errors)
    assert "hunter" not in str(errors[0])


def test_an_unchanged_secret_keeps_its_ciphertext_and_a_changed_one_does_not(manager: SecretsManager) -> None:
    place = ("urn", "inputs", "token")
    first = manager.seal('{"a":1,"b":2}', place)
    assert manager.seal('{"b":2, "a":1}', place) == first
    assert manager.seal('{"a":1,"b":2}', ("urn", "outputs", "token")) != first
    assert manager.seal('{"a":1,"b":true}', place) != first


def test_a_damaged_ciphertext_is_an_error_without_plain_text(manager: SecretsManager) -> None:
    sealed = manager.encrypt("s3cr3t")
    for bad in (sealed[:-6] + "AAAA==", "v2:x:y", "v1:no", "v1:!!:!!"):
        with pytest.raises(EngineError) as error:
            manager.decrypt(bad)
        assert "s3cr3t" not in str(error.value)


@pytest.mark.parametrize("salt", ["", "v1", "v1:abc", "v2:AAAA:v1:x:y", "v1:%%%:v1:x:y"])
def test_a_malformed_salt_is_refused(salt: str) -> None:
    with pytest.raises(EngineError):
        SecretsManager(Passphrase("x"), salt)


def test_another_secrets_provider_is_refused_by_name(manager: SecretsManager) -> None:
    with pytest.raises(EngineError, match="awskms"):
        manager.for_state("awskms", {})


def test_the_passphrase_comes_from_the_stacks_file_then_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WrongPassphrase, match="PULUMI_CONFIG_PASSPHRASE"):
        Passphrase(file=tmp_path / "none").read()
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "from env")
    assert Passphrase(file=tmp_path / "none").read() == "from env"
    file = tmp_path / "pass"
    create_passphrase_file(file)
    first = file.read_text()
    create_passphrase_file(file)
    assert file.read_text() == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Passphrase(file=file).read() == first.strip()
