"""Model archives (`model.tar.gz`, as SageMaker keeps them): unpacked without trusting their names."""

from __future__ import annotations

import tarfile
from pathlib import Path, PurePosixPath

from training.errors import TrainingError

MAX_MEMBERS = 10_000
MAX_BYTES = 16 * 1024**3
"""Largest unpacked size, in bytes: more than any model this serves, less than a disk."""


def unpack(path: Path, target: Path) -> None:
    """Unpack a tar archive, of whatever compression, into an empty folder.

    Raises TrainingError for a damaged archive, and for members that would land outside the folder, are links
    or devices, or are too many or too large; nothing of such an archive is used.
    """
    try:
        with tarfile.open(path) as archive:
            members = []
            size = 0
            for member in archive:
                _check(path.name, member)
                size += member.size
                members.append(member)
                if len(members) > MAX_MEMBERS or size > MAX_BYTES:
                    raise TrainingError(
                        f"{path.name}: unpacks to more than {MAX_MEMBERS} files or {MAX_BYTES >> 30} GiB"
                    )
            for member in members:
                archive.extract(member, target, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
            raise
        detail = "" if isinstance(error, tarfile.ReadError) else f" ({error})"  # that lists every compression tried
        raise TrainingError(f"{path.name}: not a tar archive, or a truncated one{detail}") from error


def _check(archive: str, member: tarfile.TarInfo) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or "\\" in member.name:
        raise TrainingError(f"{archive}: the member '{member.name}' would land outside the archive's folder")
    if not (member.isfile() or member.isdir()):
        raise TrainingError(f"{archive}: the member '{member.name}' is a link or a device; only files are taken")
