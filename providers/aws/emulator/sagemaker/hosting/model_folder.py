"""The folder that a container sees as `/opt/ml`: made once for a model as it is in S3, its image and its variables.

::

    <home>/hosting/<hash>/ml/model/     the model
                         /ml/code/      the code, put there by the server
                         /packages/     what the code requires
                         /work/  /temporary/
                         /complete      there once the model is
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from providers.aws.emulator import s3_files
from providers.aws.emulator.s3_files import TransferError
from providers.aws.emulator.sagemaker.hosting.containers import Container, ModelData
from providers.local import records
from providers.local.home import staging

UNUSED_SECONDS = 3600.0
"""How long a folder that no endpoint names is kept, so that the next deployment of the same model finds it."""
_locks: dict[Path, threading.Lock] = {}
_guard = threading.Lock()


class Unloadable(Exception):
    """Model data that cannot be had; the text is AWS's `FailureReason`."""


def make(home: Path, s3: Any, container: Container) -> Path:
    """The folder, with the model in it. Raises Unloadable."""
    key = [_identity(s3, container.data), container.image.uri, sorted(container.environment.items())]
    root = home / "hosting" / hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
    with _lock(root):
        if (root / "complete").exists():
            os.utime(root)
            return root
        fresh = staging(home)
        try:
            for name in ("ml/model", "work", "temporary"):
                (fresh / name).mkdir(parents=True)
            if container.data is not None:
                _fill(s3, container.data, fresh / "ml" / "model")
            (fresh / "complete").touch()
            root.parent.mkdir(parents=True, exist_ok=True)
            records.remove_tree(root)
            fresh.rename(root)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return root


def _lock(root: Path) -> threading.Lock:
    with _guard:
        return _locks.setdefault(root, threading.Lock())


def prune(home: Path, used: Iterable[str]) -> None:
    """Remove the folders that no endpoint names (`used`), no server was started with, and nobody asked for lately."""
    kept, oldest = set(used), time.time() - UNUSED_SECONDS
    old = [root for root in records.entries(home / "hosting") if root.stat().st_mtime < oldest]
    if not old:
        return
    named = records.contents(home / name for name in ("endpoints", "services", "jobs"))
    for root in old:
        with _lock(root):
            is_named = str(root) in kept or any(str(root).encode() in record for record in named)
            if not is_named and root.stat().st_mtime < oldest:
                records.remove_tree(root)


def _identity(s3: Any, data: ModelData | None) -> list[str]:
    """What changes with the model: its address, and the tags of its objects."""
    from botocore.exceptions import ClientError

    if data is None:
        return []
    bucket, key = s3_files.split_uri(data.uri)
    try:
        if not data.is_prefix:
            return [data.uri, str(data.is_packed), str(s3.head_object(Bucket=bucket, Key=key)["ETag"])]
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
        found = [f"{one['Key']} {one['ETag']}" for page in pages for one in page.get("Contents", ())]
    except ClientError as error:
        raise Unloadable(_not_downloaded(data)) from error
    if not found:
        raise Unloadable(_not_downloaded(data))
    return [data.uri, str(data.is_packed), *found]


def _fill(s3: Any, data: ModelData, folder: Path) -> None:
    try:
        if data.is_packed:
            _unpack(s3, data, folder)
        elif data.is_prefix:
            s3_files.download_prefix(s3, data.uri, folder)
        else:
            name = s3_files.split_uri(data.uri)[1].rpartition("/")[2]
            s3_files.download_file(s3, data.uri, folder / name)
    except TransferError as error:
        raise Unloadable(f"{_not_downloaded(data)} ({error})") from error


def _unpack(s3: Any, data: ModelData, folder: Path) -> None:
    uri = data.uri
    if data.is_prefix:
        keys = [key for key, _ in s3_files.keys_below(s3, data.uri)]
        if len(keys) != 1:
            raise TransferError(f"{len(keys)} objects below a prefix that is to hold one archive")
        uri = f"s3://{s3_files.split_uri(data.uri)[0]}/{keys[0]}"
    archive = folder.with_name("model.tar.gz")
    s3_files.download_file(s3, uri, archive)
    try:
        s3_files.unpack(archive, folder)
    except TransferError as error:
        raise Unloadable(
            f'Failed to extract model data archive from URL "{uri}". Please ensure that the object located at the URL '
            f"is a valid tar.gz archive. ({error})"
        ) from error
    archive.unlink()


def _not_downloaded(data: ModelData) -> str:
    return (
        f'Failed to download model data for container "container_1" from URL: "{data.uri}". Please ensure that there '
        "is an object located at the URL and that the role passed to CreateModel has permissions to download the "
        "object."
    )
