"""Records of the local cloud: small JSON files that are whole or absent, whatever is killed when.

A record is written beside its place, flushed to the disk and renamed over it. So a damaged one was damaged from
outside, and says so instead of being taken for an absent one. Only its owner may read it: environments of jobs and
servers, which may be secret, are in some. Standard library only: the job runner uses it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
import stat
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from providers.boundaries import pieces
from providers.errors import MooringError, PermissionDenied

PATIENCE = 2.0
"""Seconds in which a folder must have become empty that is being removed."""


class RecordDamaged(MooringError):
    """A record cannot be read. The message names the file and how to go on."""


class DiskFull(MooringError):
    """There is no room left; nothing half done was left behind."""


def now() -> str:
    """The present as an RFC 3339 time in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


ATTEMPTS = 20
"""How often a folder that another command removes as empty is made again."""


def write(path: Path, record: dict[str, Any]) -> None:
    """Replace the record at `path` as one step. Raises `DiskFull`; the old record is intact then."""
    content = json.dumps(record, indent=1) + "\n"
    with translated(path.parent):
        retried(path.parent, lambda: replace_text(path, content, part="record"))


def retried(parent: Path, work: Callable[[], None]) -> None:
    """Do `work` in a folder that is made first, again when another command removed it as empty in between."""
    for attempt in range(ATTEMPTS):
        parent.mkdir(parents=True, exist_ok=True)
        try:
            work()
            return
        except FileNotFoundError:
            if attempt == ATTEMPTS - 1 or parent.exists():
                raise


def replace_text(path: Path, content: str, part: str = "") -> None:
    """Replace the file at `path` as one step; on return its bytes are on disk. Raises OSError.

    `part` names the writer where tests may kill it half way (`providers.boundaries`).
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}-{uuid.uuid4().hex[:12]}")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            for piece in pieces(content, part) if part else (content,):
                stream.write(piece)
                stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def listed(folder: Path) -> list[dict[str, Any]]:
    """All records of a folder, in the order of their names; none where the folder is gone."""
    paths = [path for path in entries(folder) if path.suffix == ".json" and not path.name.startswith(".")]
    return [record for path in paths if (record := read(path)) is not None]


def read(path: Path) -> dict[str, Any] | None:
    """The record at `path`, None when there is none. Raises `RecordDamaged`."""
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        record = json.loads(content)
    except ValueError as error:
        raise _damaged(path, f"no JSON at byte {getattr(error, 'pos', 0)} of {len(content)}") from error
    if not isinstance(record, dict):
        raise _damaged(path, "no JSON object")
    return record


def _damaged(path: Path, what: str) -> RecordDamaged:
    return RecordDamaged(
        f"{path}: the record is damaged ({what}); something other than Mooring wrote or cut it. "
        f"Put it back from a backup, or remove the folder {path.parent} to forget what it describes."
    )


def below(folder: Path) -> Iterator[Path]:
    """All record files anywhere below a folder; what goes away meanwhile is left out."""
    for current, _, names in os.walk(folder):
        yield from (Path(current, name) for name in names if name.endswith(".json"))


def contents(folders: Iterable[Path]) -> list[bytes]:
    """All record files anywhere below these folders, as they are: for looking whether any of them names something."""
    found = []
    for folder in folders:
        for path in below(folder):
            with contextlib.suppress(FileNotFoundError):
                found.append(path.read_bytes())
    return found


def entries(folder: Path) -> list[Path]:
    """What is in a folder, sorted; nothing where it is gone."""
    try:
        return [folder / name for name in sorted(os.listdir(folder))]
    except (FileNotFoundError, NotADirectoryError):
        return []


def sync_folder(folder: Path) -> None:
    """Flush the names in `folder` to the disk, so that a rename survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:  # some network file systems cannot; the rename itself is still one step
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def remove_tree(path: Path) -> None:
    """Remove a file or folder, read-only ones too; silent when it is gone already.

    A process that is just ending may write one last file into it: then it is emptied again, for `PATIENCE` at most.
    """
    if path.is_dir() and not path.is_symlink():
        for folder, _, _ in os.walk(path):
            with contextlib.suppress(OSError):  # a folder without write permission keeps its files otherwise
                os.chmod(folder, stat.S_IRWXU)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                shutil.rmtree(path, onerror=_ignore_absent)
                return
            except OSError as error:
                if error.errno != errno.ENOTEMPTY or time.monotonic() > deadline:
                    raise
            time.sleep(0.02)
    else:
        path.unlink(missing_ok=True)


def _ignore_absent(function: object, path: str, error: tuple[type[BaseException], BaseException, Any]) -> None:
    if not isinstance(error[1], FileNotFoundError):
        raise error[1]


_PARTIAL = re.compile(r"\..+\.(\d+)-[0-9a-f]{12}")


def _remove_partials(folder: Path) -> None:
    """Remove what writers that were killed in the middle left in `folder`."""
    for path in entries(folder):
        written_by = _PARTIAL.fullmatch(path.name)
        if written_by and not _is_alive(int(written_by[1])):
            path.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        pass
    return True


def remove_empty(folder: Path, upto: Path) -> None:
    """Remove `folder` and its parents below `upto` as long as nothing is in them but half-written records."""
    while folder != upto and upto in folder.parents:
        try:
            _remove_partials(folder)
            folder.rmdir()
        except FileNotFoundError:
            pass
        except OSError:
            return
        folder = folder.parent


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`, across processes; the kernel frees it when the holder dies."""
    for _ in range(1000):  # each round lost means that another holder came, went and removed the file
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:  # its folder was removed as empty in between
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if not _same_file(handle, path):  # the holder before us removed it
                continue
            yield
            return
        finally:
            os.close(handle)
    raise MooringError(f"{path}: the lock file changes all the time; is something else writing there?")


def _same_file(handle: int, path: Path) -> bool:
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    here = os.fstat(handle)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


@contextlib.contextmanager
def translated(place: Path) -> Iterator[None]:
    """Turn a full disk or quota into `DiskFull`, and a place that cannot be written into `PermissionDenied`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = shutil.disk_usage(nearest_existing(place)).free
            raise DiskFull(
                f"no space left on the disk of {place} ({free // 2**20} MiB free); nothing was changed. "
                "Free some space, or set MOORING_HOME to a folder on a larger disk."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise PermissionDenied(
                f"{error.filename or place} cannot be written ({error.strerror}). "
                "Set MOORING_HOME and MOORING_CACHE to folders that this user may write."
            ) from error
        raise


def nearest_existing(path: Path) -> Path:
    """`path`, or the nearest of its parents that exists."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path
