"""Files and folders to and from the emulated S3, as SageMaker moves them for its jobs."""

from __future__ import annotations

import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from providers.aws.emulator.errors import ApiError

CHUNK = 1 << 20


class TransferError(Exception):
    """A transfer that cannot be done; the message is AWS's `FailureReason`."""


_ADDRESSES = (
    re.compile(r"https://(?P<bucket>[a-z0-9][a-z0-9.-]+)\.s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com/(?P<key>.*)"),
    re.compile(r"https://s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com/(?P<bucket>[^/]+)/(?P<key>.*)"),
)
"""S3's own addresses, which SageMaker takes as well: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-bucket-intro.html"""


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`, or of one of S3's own addresses. Raises ApiError for anything else."""
    for address in _ADDRESSES:
        if found := address.fullmatch(uri):
            return found["bucket"], found["key"]
    scheme, slashes, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not slashes or not bucket:
        raise ApiError("ValidationException", f"'{uri}' is not an S3 URI: s3://bucket/key")
    return bucket, key


def exists(s3: Any, uri: str) -> bool:
    """Whether there is an object of exactly this key."""
    from botocore.exceptions import ClientError

    bucket, key = split_uri(uri)
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError:
        return False
    return True


def keys_below(s3: Any, uri: str) -> Iterator[tuple[str, int]]:
    """Key and size of each object whose key begins with the URI's. Raises `TransferError` for a bucket that is not."""
    from botocore.exceptions import ClientError

    bucket, prefix = split_uri(uri)
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for found in page.get("Contents", ()):
                yield str(found["Key"]), int(found["Size"])
    except ClientError as error:
        raise TransferError(f"ClientError: Data download failed: {error} ({uri})") from error


def download_file(s3: Any, uri: str, target: Path) -> None:
    """One object to one file. Raises `TransferError` when it is not there."""
    from botocore.exceptions import ClientError

    bucket, key = split_uri(uri)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    except ClientError as error:
        raise TransferError(f"ClientError: Data download failed: {error} ({uri})") from error
    with target.open("wb") as stream:
        shutil.copyfileobj(body, stream, CHUNK)


def download_prefix(s3: Any, uri: str, folder: Path, shard: int = 0, shards: int = 1) -> int:
    """All objects below a prefix into a folder; how many there were.

    A key's path below the last `/` of the prefix is kept, so `s3://b/data/train/` and `s3://b/data/train` put
    `data/train/a.csv` at `a.csv`, and `s3://b/data/tr` puts it at `train/a.csv`. With several `shards` every n-th.
    """
    bucket, prefix = split_uri(uri)
    count = 0
    for key, _ in keys_below(s3, uri):
        relative = relative_key(key, prefix)
        if not relative or relative.endswith("/"):
            continue
        count += 1
        if (count - 1) % shards == shard:
            download_file(s3, f"s3://{bucket}/{key}", inside(folder, relative))
    return count


def relative_key(key: str, prefix: str) -> str:
    """A key's path below the last `/` of a prefix that it begins with; the last part of a key that is the prefix."""
    if key == prefix:
        return PurePosixPath(key).name
    if prefix.endswith("/") or not prefix:
        return key[len(prefix) :]
    if key[len(prefix)] == "/":
        return key[len(prefix) + 1 :]
    return key[prefix.rfind("/") + 1 :]


def inside(folder: Path, relative: str) -> Path:
    """`relative` below `folder`. Raises `TransferError` for a key that would lead out of it."""
    path = folder / relative
    if not path.resolve().is_relative_to(folder.resolve()):
        raise TransferError(f"ClientError: the key '{relative}' leads out of its folder")
    return path


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a gzipped tar. Raises `TransferError` for one that is none, or that would write outside (PEP 706)."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(folder, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise TransferError(f"ClientError: {archive.name} cannot be unpacked as tar.gz: {error}") from error


def upload_file(s3: Any, file: Path, uri: str, key: str | None = None) -> None:
    """One file to one object, encrypted with a KMS key where one is named. Raises `TransferError`."""
    from botocore.exceptions import ClientError

    bucket, name = split_uri(uri)
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
    try:
        with file.open("rb") as stream:
            s3.put_object(Bucket=bucket, Key=name, Body=stream, **encryption)
    except ClientError as error:
        raise TransferError(f"ClientError: Artifact upload failed: {error} ({uri})") from error


def read(s3: Any, uri: str) -> bytes:
    """An object's content. Raises `TransferError` when it is not there."""
    from botocore.exceptions import ClientError

    bucket, key = split_uri(uri)
    try:
        return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        raise TransferError(f"ClientError: Data download failed: {error} ({uri})") from error


def write(s3: Any, content: bytes, uri: str, key: str | None = None) -> None:
    """Content to one object, encrypted with a KMS key where one is named. Raises `TransferError`."""
    from botocore.exceptions import ClientError

    bucket, name = split_uri(uri)
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
    try:
        s3.put_object(Bucket=bucket, Key=name, Body=content, **encryption)
    except ClientError as error:
        raise TransferError(f"ClientError: Artifact upload failed: {error} ({uri})") from error


def upload_folder(s3: Any, folder: Path, uri: str, key: str | None = None) -> int:
    """Each file below a folder to an object below a prefix; how many there were."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        upload_file(s3, path, f"{uri.rstrip('/')}/{path.relative_to(folder).as_posix()}", key)
    return len(files)


def upload_folder_as_tar(s3: Any, folder: Path, uri: str, key: str | None = None) -> None:
    """A folder's content as one gzipped tar, files at its top."""
    handle, name = tempfile.mkstemp(suffix=".tar.gz", dir=folder.parent)
    os.close(handle)
    try:
        with tarfile.open(name, "w:gz", compresslevel=6) as tar:
            for path in sorted(folder.iterdir()):
                tar.add(path, path.name)
        upload_file(s3, Path(name), uri, key)
    finally:
        Path(name).unlink()
