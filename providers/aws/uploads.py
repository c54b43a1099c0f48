"""Files on their way to S3: several at a time, hashed as they are read."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from providers.aws.faults import translated
from providers.aws.objects import Objects, split_uri
from providers.contract import Context
from training.artifact.digest import relative_files

_AT_ONCE = 8
"""Files that are on their way at the same time."""
_PART, _MOST_PARTS = 8 << 20, 9000
"""Bytes of a part of a large file, and how many there may be (AWS: 10,000)."""
Progress = Callable[[int], None]
"""Called with the bytes moved since the last call; raises to give up."""


def upload(objects: Objects, source: Path, uri: str, progress: Progress) -> tuple[Mapping[str, int], Mapping[str, str]]:
    """Put a file, or a folder's files, below `uri`; their sizes and SHA-256, as they were read on their way, by name.

    Raises OSError for what cannot be read.
    """
    names = [source.name] if source.is_file() else sorted(relative_files(source))
    parent = source.parent if source.is_file() else source
    lock = threading.Lock()

    def told(count: int) -> None:
        with lock:
            progress(count)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        readers = list(pool.map(lambda name: _send(objects, parent / name, uri + name, told), names))
    sizes = {name: reader.size for name, reader in zip(names, readers, strict=True)}
    return sizes, {name: reader.digest.hexdigest() for name, reader in zip(names, readers, strict=True)}


def moving(context: Context, id: str, size: int) -> Progress:
    """Report how far an upload of `size` bytes is, and give up when the user asks."""
    done = 0

    def progress(count: int) -> None:
        nonlocal done
        context.check_cancelled(id)
        done += count
        share = min(1.0, done / size) if size else None
        context.progress(f"{done / 2**20:.1f} of {size / 2**20:.1f} MiB uploaded", share)

    return progress


def _send(objects: Objects, path: Path, uri: str, progress: Progress) -> _Hashed:
    from boto3.s3.transfer import TransferConfig

    bucket, key = split_uri(uri)
    part = max(_PART, path.stat().st_size // _MOST_PARTS + 1)
    config = TransferConfig(multipart_threshold=part, multipart_chunksize=part, max_concurrency=2)
    with path.open("rb") as stream, translated(f"writing {uri}"):
        reader = _Hashed(stream, progress)
        objects.s3.upload_fileobj(reader, bucket, key, Config=config)
        return reader


class _Hashed:
    """A file that is hashed as it is read. It cannot be sought, so that it is read just once: boto3 repeats a part
    that was lost from memory."""

    def __init__(self, stream: IO[bytes], progress: Progress) -> None:
        self._stream, self._progress = stream, progress
        self.digest, self.size = hashlib.sha256(), 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        block = self._stream.read(size)
        self.digest.update(block)
        self.size += len(block)
        if block:
            self._progress(len(block))
        return block
