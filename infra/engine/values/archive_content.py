"""What an archive holds, and its hash as Pulumi computes it (`sdk/go/common/resource/archive`).

An archive *file* hashes as its bytes. Members and folders hash as the tar stream that Go's `archive/tar`
writes for them: one USTAR header (mode 0600, time 0, no owner) and the content per file, in name order,
with PAX records where USTAR has no room.
"""

from __future__ import annotations

import hashlib
import io
import os
import posixpath
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from infra.engine.errors import ValueFormatError
from infra.engine.values.assets import ARCHIVE_ENDINGS, Archive, Asset, fetch, hash_file

Read = Callable[[], bytes]
_BLOCK = 512
_USTAR_MAX_SIZE = 8**11 - 1


def digest(archive: Archive, folder: Path) -> str:
    """Hex SHA-256. `folder` is what relative paths are relative to."""
    if archive.path.endswith(ARCHIVE_ENDINGS):
        return hash_file(folder / archive.path, "archive")
    if archive.uri:
        return hashlib.sha256(fetch(archive.uri)).hexdigest()
    running = hashlib.sha256()
    seen: set[str] = set()
    for name, read in entries(archive, folder):
        if name in seen:
            continue
        seen.add(name)
        content = read()
        running.update(_header(name, len(content)))
        running.update(content)
        running.update(b"\0" * (-len(content) % _BLOCK))
    running.update(b"\0" * (2 * _BLOCK))
    return running.hexdigest()


def entries(archive: Archive, folder: Path) -> Iterator[tuple[str, Read]]:
    """Every file of the archive in Pulumi's order: its name inside, and a function that reads it."""
    if archive.path and not archive.path.endswith(ARCHIVE_ENDINGS):
        yield from _folder(folder / archive.path)
    elif archive.path or archive.uri:
        content = Asset(path=archive.path, uri=archive.uri).read(folder)
        yield from _archive_file(content, archive.path or archive.uri)
    else:
        for name, member in sorted((archive.assets or {}).items(), key=lambda item: item[0].encode()):
            if isinstance(member, Asset):
                yield name, lambda member=member: member.read(folder)  # type: ignore[misc]
            else:
                for inner, read in entries(member, folder):
                    yield posixpath.normpath(posixpath.join(name, inner)), read


def _folder(root: Path) -> Iterator[tuple[str, Read]]:
    if not root.is_dir():
        raise ValueFormatError(str(root), f"neither a folder nor an archive ({', '.join(ARCHIVE_ENDINGS)})")
    yield from _walk(root, "")


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, Read]]:
    # Go's filepath.Walk: lexical order by bytes; links to files are read, links to folders are not followed.
    for entry in sorted(os.scandir(folder), key=lambda e: os.fsencode(e.name)):
        if entry.name == ".pulumi":
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/")
        elif not entry.is_dir():
            yield f"{prefix}{entry.name}", Path(entry.path).read_bytes


def _archive_file(content: bytes, name: str) -> Iterator[tuple[str, Read]]:
    try:
        if name.endswith((".zip", ".jar")):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for info in archive.infolist():
                    if not info.is_dir():
                        data = archive.read(info)
                        yield posixpath.normpath(info.filename), lambda data=data: data  # type: ignore[misc]
            return
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            for member in tar:
                if (file := tar.extractfile(member)) is not None and member.isreg():
                    data = file.read()
                    yield posixpath.normpath(member.name), lambda data=data: data  # type: ignore[misc]
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise ValueFormatError(name, f"not a readable archive: {error}") from error


def _header(name: str, size: int) -> bytes:
    """The header blocks for one file, as Go's tar.Writer chooses and writes them."""
    encoded = name.encode("utf-8", "surrogateescape")
    records: dict[str, bytes] = {}
    prefix, suffix = b"", encoded
    if not name.isascii():
        records["path"] = encoded
    elif len(encoded) > 100:
        split = _split_ustar(encoded)
        if split is None:
            records["path"] = encoded
        else:
            prefix, suffix = split
    if size > _USTAR_MAX_SIZE:
        records["size"] = str(size).encode()
    if not records:
        return _block(suffix, prefix, size, b"0")
    return _pax(encoded, records) + _block(_ascii(encoded)[:100], b"", 0 if "size" in records else size, b"0")


def _pax(name: bytes, records: dict[str, bytes]) -> bytes:
    body = b"".join(_record(key, records[key]) for key in sorted(records))
    folder, file = posixpath.split(name.rstrip(b"/"))
    header_name = _ascii(posixpath.join(folder, b"PaxHeaders.0", file))[:100].rstrip(b"/")
    return _block(header_name, b"", len(body), b"x", mode=0) + body + b"\0" * (-len(body) % _BLOCK)


def _record(key: str, value: bytes) -> bytes:
    # "<length> <key>=<value>\n", the length counting its own digits.
    body = b" " + key.encode() + b"=" + value + b"\n"
    length = len(body) + len(str(len(body)))
    if len(str(length)) != len(str(len(body))):
        length = len(body) + len(str(length))
    return str(length).encode() + body


def _ascii(name: bytes) -> bytes:
    return bytes(c for c in name if c < 0x80 and c)


def _split_ustar(name: bytes) -> tuple[bytes, bytes] | None:
    """Prefix and suffix of a long name, or None where USTAR cannot hold it (Go's splitUSTARPath)."""
    length = min(len(name), 156)
    if length < len(name) and name[length - 1 : length] == b"/":
        length -= 1
    at = name.rfind(b"/", 0, length)
    rest = len(name) - at - 1
    if at <= 0 or rest > 100 or rest == 0 or at > 155:
        return None
    return name[:at], name[at + 1 :]


def _block(name: bytes, prefix: bytes, size: int, kind: bytes, mode: int = 0o600) -> bytes:
    def octal(value: int, width: int) -> bytes:
        return f"{value:0{width - 1}o}".encode() + b"\0"

    head = name.ljust(100, b"\0") + octal(mode, 8) + octal(0, 8) + octal(0, 8) + octal(size, 12) + octal(0, 12)
    device = b"\0" * 16 if kind == b"x" else octal(0, 8) * 2  # Go leaves them out of extended headers only
    tail = kind + b"\0" * 100 + b"ustar\x0000" + b"\0" * 64 + device + prefix.ljust(155, b"\0")
    checksum = sum(head) + sum(tail) + 8 * ord(" ")
    block = head + octal(checksum, 7) + b" " + tail
    return block.ljust(_BLOCK, b"\0")
