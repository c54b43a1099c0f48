"""The object store: folders with versions by content.

An address is `local://<key>@sha256:<64 hex>`, with `/<path>` behind it for one file of a folder. The key's parts are
joined by `/`, quoted as in `home.component`. Content is immutable once it has an address::

    <home>/store/<key>/<hex>/meta.json     digest, bytes, files, created, and the name where it is one file
                            /data/…        the file, or the folder's content, read-only
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from providers.boundaries import boundary
from providers.errors import InvalidInput, NotFound
from providers.local import records
from providers.local.home import staging
from training.artifact.digest import file_hex, relative_files, tree_digest

_URI = re.compile(r"^local://(?P<key>[^@]+)@sha256:(?P<hex>[0-9a-f]{64})(?:/(?P<path>.+))?$")
Progress = Callable[[int], None]
"""Called with the bytes copied since the last call; raises to give up."""


@dataclass(frozen=True)
class Stored:
    """One version in the store."""

    uri: str
    digest: str
    bytes: int
    files: int


class Store:
    """The objects of one home."""

    def __init__(self, home: Path) -> None:
        self.home, self.base = home, home / "store"

    def put(self, source: Path, key: str, *, link: bool = False, progress: Progress = lambda count: None) -> Stored:
        """Keep the content of a file or folder as a version of `key`; the same content is kept once.

        `link` allows hard links, for sources that nobody writes to any more. Raises `InvalidInput` for a source that
        cannot be read, `records.DiskFull`; nothing half done is left in either case.
        """
        fresh = staging(self.home)
        try:
            with records.translated(self.home):
                fresh.mkdir()
                stored = self._fill(source, fresh, key, link, progress)
                target = self._folder(key) / stored.digest.removeprefix("sha256:")
                if not target.exists():
                    records.retried(target.parent, lambda: self._place(fresh, target))
                boundary("store:put")
                return stored
        finally:
            records.remove_tree(fresh)

    def _fill(self, source: Path, fresh: Path, key: str, link: bool, progress: Progress) -> Stored:
        data = fresh / "data"
        data.mkdir()
        try:
            if source.is_dir():
                names = sorted(relative_files(source))
                for name in names:
                    (data / name).parent.mkdir(parents=True, exist_ok=True)
                    _copy(source / name, data / name, link, progress)
                digest, single = tree_digest(data), None
            else:
                names, single = [source.name], source.name
                _copy(source, data / source.name, link, progress)
                digest = f"sha256:{file_hex(data / source.name)}"
        except (ValueError, FileNotFoundError, PermissionError) as error:
            raise InvalidInput(f"{source} cannot be kept: {error}") from error
        size = sum((data / name).stat().st_size for name in names)
        meta = {"digest": digest, "bytes": size, "files": len(names), "name": single, "created": records.now()}
        records.write(fresh / "meta.json", meta)
        _protect(data)
        return Stored(f"local://{key}@{digest}", digest, size, len(names))

    def _place(self, fresh: Path, target: Path) -> None:
        try:
            fresh.rename(target)
        except FileNotFoundError:
            raise
        except OSError:  # somebody else kept the same content meanwhile
            if not target.exists():
                raise
        records.sync_folder(target.parent)

    def path(self, uri: str) -> Path:
        """Where the content is, to be read only: a file's path, or a folder's. Raises `NotFound`, `InvalidInput`."""
        version, meta, inner = self._open(uri)
        place = version / "data" / meta["name"] if meta["name"] else version / "data"
        if inner:
            place = place / inner
            if ".." in Path(inner).parts or not place.exists():
                raise NotFound(f"{uri}: there is no '{inner}' in this version")
        return place

    def stat(self, uri: str) -> Stored:
        """Digest and size of what an address names. Raises `NotFound`, `InvalidInput`."""
        _, meta, _ = self._open(uri)
        return Stored(uri, meta["digest"], meta["bytes"], meta["files"])

    def exists(self, uri: str) -> bool:
        """Whether there is content at this address."""
        try:
            return self.path(uri).exists()
        except (NotFound, InvalidInput):
            return False

    def versions(self, key: str) -> list[str]:
        """Digests of all versions kept, oldest first."""
        folder = self._folder(key)
        names = os.listdir(folder) if folder.is_dir() else []
        metas = [meta for name in names if (meta := records.read(folder / name / "meta.json"))]
        return [meta["digest"] for meta in sorted(metas, key=lambda meta: str(meta["created"]))]

    def delete(self, uri: str) -> None:
        """Remove one version; silent when it is gone."""
        key, digest, _ = parse_uri(uri)
        self._remove(self._folder(key) / digest.removeprefix("sha256:"))

    def delete_key(self, key: str) -> None:
        """Remove all versions of a key, and of the keys below it; silent when they are gone."""
        self._remove(self._folder(key))

    def _remove(self, folder: Path) -> None:
        gone = staging(self.home)
        try:
            folder.rename(gone)  # at once for all others, however long the removal takes
        except FileNotFoundError:
            pass
        boundary("store:removed")
        records.remove_tree(gone)
        records.remove_empty(folder.parent, self.home)

    def _folder(self, key: str) -> Path:
        parts = key.split("/")
        if not all(part.strip(".") for part in parts):
            raise InvalidInput(f"'{key}' is not a key of the store")
        return self.base.joinpath(*parts)

    def _open(self, uri: str) -> tuple[Path, dict[str, Any], str]:
        key, digest, inner = parse_uri(uri)
        version = self._folder(key) / digest.removeprefix("sha256:")
        meta = records.read(version / "meta.json")
        if meta is None:
            kept = self.versions(key)
            raise NotFound(
                f"{uri}: this version is not in the store of this machine "
                + (f"(kept: {', '.join(short(digest) for digest in kept)})" if kept else "(nothing is kept of it)")
                + "; a refresh (`mooring up --refresh`) finds out what is gone and makes it again"
            )
        return version, meta, inner


def parse_uri(uri: str) -> tuple[str, str, str]:
    """Key, digest and inner path of an address. Raises `InvalidInput` for anything else."""
    match = _URI.match(uri)
    if match is None:
        raise InvalidInput(f"'{uri}' is not an address of the local store (local://<key>@sha256:<64 hex digits>)")
    return match["key"], f"sha256:{match['hex']}", match["path"] or ""


def short(digest: str) -> str:
    """The first 12 digits of a digest, for people."""
    return digest.removeprefix("sha256:")[:12]


def _copy(source: Path, target: Path, link: bool, progress: Progress) -> None:
    """Copy one file: a hard link where allowed, else the kernel's own copy (shared blocks where it can)."""
    if link:
        try:
            os.link(source, target)
            return
        except OSError:  # another file system, or none that has links
            pass
    with source.open("rb") as reader, target.open("xb") as writer:
        while count := _copy_block(reader.fileno(), writer.fileno()):
            progress(count)
        writer.flush()
        os.fsync(writer.fileno())


_BLOCK = 8 << 20
_NO_KERNEL_COPY = {38, 18, 22, 95, 1}  # ENOSYS, EXDEV, EINVAL, EOPNOTSUPP, EPERM


def _copy_block(reader: int, writer: int) -> int:
    if hasattr(os, "copy_file_range"):
        try:
            if count := os.copy_file_range(reader, writer, _BLOCK):
                return count
        except OSError as error:
            if error.errno not in _NO_KERNEL_COPY:
                raise
    block = os.read(reader, _BLOCK)  # also at the end: special files report an end to the kernel's copy too early
    view = memoryview(block)
    while view:
        view = view[os.write(writer, view) :]
    return len(block)


def _protect(data: Path) -> None:
    """Take away write permission, so that a job's slip does not change what others rely on."""
    for folder, _, names in os.walk(data, topdown=False):
        for path in [*(os.path.join(folder, name) for name in names), folder]:
            os.chmod(path, os.stat(path).st_mode & ~0o222)


def disk_room(home: Path, needed: int) -> None:
    """Raise `records.DiskFull` when `needed` bytes do not fit on the home's disk, before anything is written."""
    place = records.nearest_existing(home)
    free = shutil.disk_usage(place).free
    if needed > free:
        raise records.DiskFull(
            f"{needed / 2**20:.0f} MiB are needed on the disk of {home} and {free / 2**20:.0f} MiB are free. "
            "Free some space, or set MOORING_HOME to a folder on a larger disk."
        )
