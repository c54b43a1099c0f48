"""Assets and archives, as values: files and folders that a program hands to a resource.

Both are identified by the SHA-256 of what they hold, computed as Pulumi does
(`sdk/go/common/resource/asset` and `archive`), so that both engines see the same content as the same. A
relative path is relative to the folder of the program.
"""

from __future__ import annotations

import hashlib
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from infra.engine.errors import ValueFormatError
from infra.engine.values.signatures import ARCHIVE_SIGNATURE, ASSET_SIGNATURE, SIGNATURE

ARCHIVE_ENDINGS = (".tar", ".tgz", ".tar.gz", ".zip", ".jar")
_CHUNK = 1 << 20
_FETCH_SECONDS = 60


@dataclass(frozen=True, eq=False)
class Asset:
    """One file: its text, its path, or its address. `hash` is hex SHA-256, empty until computed."""

    text: str = ""
    path: str = ""
    uri: str = ""
    hash: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Asset) and _same(self, other)

    def __hash__(self) -> int:
        return hash((self.hash, self.text, self.path, self.uri) if not self.hash else self.hash)

    def read(self, folder: Path) -> bytes:
        """The content. Raises `ValueFormatError` when there is none to be read."""
        if self.path:
            return _read_file(folder / self.path, "asset")
        return fetch(self.uri) if self.uri else self.text.encode()

    def hashed(self, folder: Path) -> Asset:
        """The same with its hash; reads the content when there is none yet."""
        if self.hash:
            return self
        if self.path:
            return replace(self, hash=hash_file(folder / self.path, "asset"))
        return replace(self, hash=hashlib.sha256(self.read(folder)).hexdigest())

    def elided(self) -> Asset:
        """Only the hash: what providers get of old state."""
        return Asset(hash=self.hash)

    def serialize(self) -> dict[str, Any]:
        """The object that stands for it on the wire and in state."""
        form = {SIGNATURE: ASSET_SIGNATURE, "hash": self.hash, "text": self.text, "path": self.path, "uri": self.uri}
        return {k: v for k, v in form.items() if v}


@dataclass(frozen=True, eq=False)
class Archive:
    """A folder or an archive file, by its members, its path, or its address."""

    assets: Mapping[str, Asset | Archive] | None = field(default=None)
    path: str = ""
    uri: str = ""
    hash: str = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Archive) and _same(self, other)

    def __hash__(self) -> int:
        return hash((self.path, self.uri) if not self.hash else self.hash)

    def hashed(self, folder: Path) -> Archive:
        """The same with its hash. Members stay as they are: only the whole is hashed, as Pulumi does."""
        if self.hash:
            return self
        from infra.engine.values.archive_content import digest

        return replace(self, hash=digest(self, folder))

    def elided(self) -> Archive:
        """Only the hash: what providers get of old state."""
        return Archive(hash=self.hash)

    def serialize(self) -> dict[str, Any]:
        """The object that stands for it on the wire and in state."""
        form: dict[str, Any] = {SIGNATURE: ARCHIVE_SIGNATURE}
        if self.hash:
            form["hash"] = self.hash
        if self.assets is not None:
            form["assets"] = {k: v.serialize() for k, v in self.assets.items()}
        return form | {k: v for k, v in (("path", self.path), ("uri", self.uri)) if v}


def deserialize(form: Mapping[str, Any], where: str = "") -> Asset | Archive:
    """An asset or archive out of its object. Raises `ValueFormatError` when a field has the wrong type."""
    fields: dict[str, str] = {}
    for name in ("hash", "path", "uri", "text"):
        value = form.get(name, "")
        if not isinstance(value, str):
            raise ValueFormatError(where, f"the {name} of an asset or archive must be a string")
        fields[name] = value
    if form[SIGNATURE] == ASSET_SIGNATURE:
        return Asset(**fields)
    if fields["path"]:
        return Archive(path=fields["path"], hash=fields["hash"])
    if fields["uri"]:
        return Archive(uri=fields["uri"], hash=fields["hash"])
    return Archive(assets=_members(form.get("assets") or {}, where), hash=fields["hash"])


def _members(given: Any, where: str) -> dict[str, Asset | Archive]:
    if not isinstance(given, Mapping):
        raise ValueFormatError(where, "the assets of an archive must be an object")
    members: dict[str, Asset | Archive] = {}
    for name, member in given.items():
        if isinstance(member, Mapping) and member.get(SIGNATURE) in (ASSET_SIGNATURE, ARCHIVE_SIGNATURE):
            member = deserialize(member, where)
        if not isinstance(member, Asset | Archive):
            raise ValueFormatError(where, f"archive member '{name}' is neither an asset nor an archive")
        members[name] = member
    return members


def _same(a: Asset | Archive, b: Asset | Archive) -> bool:
    if a.hash and b.hash:
        return a.hash == b.hash
    return a.serialize() == b.serialize()


def hash_file(path: Path, what: str) -> str:
    """Hex SHA-256 of a file. Raises `ValueFormatError` when it is no file that can be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except IsADirectoryError:
        raise ValueFormatError(str(path), f"the {what} is a folder; use a FileArchive for a folder") from None
    except OSError as error:
        raise ValueFormatError(str(path), f"cannot read the {what}: {error.strerror}") from error
    return digest.hexdigest()


def _read_file(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except IsADirectoryError:
        raise ValueFormatError(str(path), f"the {what} is a folder; use a FileArchive for a folder") from None
    except OSError as error:
        raise ValueFormatError(str(path), f"cannot read the {what}: {error.strerror}") from error


def fetch(uri: str) -> bytes:
    """The content at an address. The embedded engine's stacks never leave the machine: `file:` only, or
    `http` to this machine."""
    parts = urllib.parse.urlsplit(uri)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return _read_file(Path(urllib.parse.unquote(parts.path)), "remote asset")
    if parts.scheme in ("http", "https") and parts.hostname in ("localhost", "127.0.0.1", "::1"):
        from urllib.request import urlopen

        try:
            with urlopen(uri, timeout=_FETCH_SECONDS) as reply:
                content: bytes = reply.read()
                return content
        except OSError as error:
            raise ValueFormatError(uri, f"cannot fetch the remote asset: {error}") from error
    raise ValueFormatError(
        uri, "a remote asset of a stack that stays on this machine must be file: or http: on localhost"
    )
