"""Pulumi's passphrase secrets provider (`pkg/secrets/passphrase`, `config.symmetricCrypter`).

The key is PBKDF2-HMAC-SHA256 of the passphrase, 1,000,000 rounds, 32 bytes. A ciphertext is
``v1:<base64 nonce of 12 bytes>:<base64 of AES-256-GCM>``. The salt, kept in the stack's file and in its state, is
``v1:<base64 of 8 bytes>:<ciphertext of "pulumi">``, whose second half tells a wrong passphrase.

Deriving the key takes about 0.25 s; `start` does it in the background, and only what needs the key waits.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.engine.errors import EngineError, WrongPassphrase
from infra.engine.values.encoding import Place, dumps, loads

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ROUNDS = 1_000_000
_WITNESS = b"pulumi"


class Passphrase:
    """Where the passphrase comes from, read when it is first needed.

    `PULUMI_CONFIG_PASSPHRASE`, then `PULUMI_CONFIG_PASSPHRASE_FILE`, as the CLI; but a stack's own `file`,
    when there is one, comes before both: it is what belongs to that stack.
    """

    def __init__(self, text: str | None = None, *, file: Path | None = None) -> None:
        self._text, self._file = text, file

    def read(self) -> str:
        """The passphrase. Raises `WrongPassphrase` when there is none."""
        if self._text is None:
            self._text = self._find()
        return self._text

    def _find(self) -> str:
        if self._file is not None and self._file.exists():
            return _read_text(self._file)
        if (given := os.environ.get("PULUMI_CONFIG_PASSPHRASE")) is not None:
            return given
        if named := os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
            return _read_text(Path(named))
        missing = f"{self._file} does not exist, and " if self._file else ""
        raise WrongPassphrase(
            f"no passphrase for the stack's secrets: {missing}neither PULUMI_CONFIG_PASSPHRASE nor "
            "PULUMI_CONFIG_PASSPHRASE_FILE is set"
        )

    def __str__(self) -> str:
        if self._file is not None and self._file.exists():
            return f"the passphrase in {self._file}"
        return "the passphrase in PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE"


def _read_text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongPassphrase(f"cannot read the passphrase file {file}: {error}") from error


def create_passphrase_file(file: Path) -> None:
    """Write a random passphrase to `file`, readable by its owner only, unless there is one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(base64.urlsafe_b64encode(os.urandom(24)).decode() + "\n")
        out.flush()
        os.fsync(out.fileno())
    try:
        # A link fails where a rename would overwrite: two first commands at once agree on one passphrase.
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


class SecretsManager:
    """Encrypts and decrypts the secrets of one stack. Thread-safe. Never puts plain text into a message."""

    type = "passphrase"

    def __init__(self, passphrase: Passphrase, salt: str) -> None:
        """`salt` is the whole text of `encryptionsalt`. Raises `EngineError` when it is malformed."""
        self.salt = salt
        self._passphrase = passphrase
        self._salt_bytes, self._witness = _parse_salt(salt)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._aead: AESGCM | None = None
        self._failure: BaseException | None = None
        self._places: dict[Place, str] = {}
        self._others: dict[str, SecretsManager] = {}

    @classmethod
    def create(cls, passphrase: Passphrase) -> SecretsManager:
        """A manager with a fresh salt, for a stack that has none. Waits for the key."""
        salt = os.urandom(8)
        aead = _derive(passphrase.read(), salt)
        manager = cls(passphrase, f"v1:{base64.b64encode(salt).decode()}:{_encrypt(aead, _WITNESS)}")
        manager._aead = aead
        return manager

    @property
    def state(self) -> dict[str, Any]:
        """What a checkpoint's `secrets_providers.state` holds."""
        return {"salt": self.salt}

    def start(self) -> SecretsManager:
        """Begin deriving the key in the background; returns itself."""
        with self._lock:
            if self._aead is None and self._thread is None:
                self._thread = threading.Thread(target=self._open, name="mooring-secrets", daemon=True)
                self._thread.start()
        return self

    def verify(self) -> None:
        """Wait for the key. Raises `WrongPassphrase` when it does not open this stack's secrets."""
        self._key()

    def for_state(self, type: str, state: Mapping[str, Any] | None) -> SecretsManager:
        """The manager of a checkpoint: this one, or, where the state was written with another salt, one with
        the same passphrase. Raises `EngineError` for another secrets provider."""
        if type != self.type:
            raise EngineError(
                f"the state's secrets are kept by '{type}'; the embedded engine knows 'passphrase' only: "
                "use the Pulumi CLI for this stack (--engine pulumi)"
            )
        salt = str((state or {}).get("salt", ""))
        if salt == self.salt:
            return self
        if salt not in self._others:
            self._others[salt] = SecretsManager(self._passphrase, salt)
        return self._others[salt].start()

    def encrypt(self, plaintext: str) -> str:
        """Ciphertext with a fresh nonce, for a stack's configuration."""
        return _encrypt(self._key(), plaintext.encode())

    def decrypt(self, ciphertext: str) -> str:
        """Plain text. Raises `EngineError` for a text that this key did not write."""
        return _decrypt(self._key(), ciphertext).decode()

    # What `encoding` needs (its `Sealer` protocol).

    def seal(self, plaintext: str, place: Place) -> str:
        """Encrypt a JSON text; keeps the ciphertext of its place when that holds the same value."""
        known = self._places.get(place)
        if known is not None and _canonical(self.decrypt(known)) == _canonical(plaintext):
            return known
        ciphertext = self.encrypt(plaintext)
        self.remember(place, ciphertext)
        return ciphertext

    def reveal(self, ciphertext: str) -> str:
        """Decrypt a JSON text."""
        return self.decrypt(ciphertext)

    def remember(self, place: Place, ciphertext: str) -> None:
        """Note what state holds at a place."""
        self._places[place] = ciphertext

    def _key(self) -> AESGCM:
        if self._aead is None:
            self.start()
            if self._thread is not None:
                self._thread.join()
        if self._failure is not None:
            raise self._failure
        assert self._aead is not None
        return self._aead

    def _open(self) -> None:
        try:
            aead = _derive(self._passphrase.read(), self._salt_bytes)
            try:
                matches = _decrypt(aead, self._witness) == _WITNESS
            except EngineError:
                matches = False
            if not matches:
                raise WrongPassphrase(f"{self._passphrase} does not open this stack's secrets: incorrect passphrase")
            self._aead = aead
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for the key
            self._failure = error


def _parse_salt(salt: str) -> tuple[bytes, str]:
    version, _, rest = salt.partition(":")
    encoded, separator, witness = rest.partition(":")
    if not separator or not witness:
        raise EngineError(f"malformed encryptionsalt '{salt[:12]}…': expected v1:<salt>:<ciphertext>")
    if version != "v1":
        raise EngineError(f"unknown version '{version}' of encryptionsalt: expected v1")
    return _base64(encoded), witness


def _derive(passphrase: str, salt: bytes) -> AESGCM:
    # The key first: it releases the interpreter lock, so that the program's imports go on meanwhile.
    key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, ROUNDS, 32)
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _encrypt(aead: AESGCM, plaintext: bytes) -> str:
    nonce = os.urandom(12)
    sealed = aead.encrypt(nonce, plaintext, None)
    return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"


def _decrypt(aead: AESGCM, ciphertext: str) -> bytes:
    from cryptography.exceptions import InvalidTag

    version, _, rest = ciphertext.partition(":")
    nonce, separator, sealed = rest.partition(":")
    if version != "v1" or not separator:
        raise EngineError("malformed ciphertext of a secret: expected v1:<nonce>:<data>")
    try:
        return aead.decrypt(_base64(nonce), _base64(sealed), None)
    except (InvalidTag, ValueError):
        raise EngineError("a secret does not decrypt: it was damaged, or encrypted for another stack") from None


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise EngineError("malformed secret: not base64") from None


def _canonical(text: str) -> bytes:
    # Go escapes <, > and & in JSON, and may order keys differently; the value is what counts.
    import orjson

    try:
        return orjson.dumps(loads(text), option=orjson.OPT_SORT_KEYS)
    except ValueError:
        return dumps(text)
