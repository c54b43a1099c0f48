"""The S3 data source of a job's input: a prefix, or a manifest, which is an object that lists objects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from providers.aws.emulator import s3_files
from providers.aws.emulator.s3_files import TransferError


def listed(s3: Any, uri: str) -> list[tuple[str, str]]:
    """URI of each object that a manifest lists, and its path below the manifest's prefix.

    A manifest is `[{"prefix": "s3://bucket/folder/"}, "a.csv", "b/c.csv"]`. Raises `TransferError` with AWS's reason.
    """
    content = s3_files.read(s3, uri)
    try:
        head, *names = json.loads(content)
        return [(head["prefix"] + name, str(name).lstrip("/")) for name in names]
    except (ValueError, KeyError, TypeError) as error:
        raise TransferError(f"ClientError: {uri} is no manifest: {error!r}") from error


def download(source: Mapping[str, Any], s3: Any, folder: Path, host: int, hosts: int) -> int:
    """The objects of an S3 data source into a folder of one of `hosts` machines; how many all of them have.

    Raises `TransferError` with AWS's reason.
    """
    is_shared = source.get("S3DataDistributionType") == "ShardedByS3Key"
    shard, shards = (host, hosts) if is_shared else (0, 1)
    if source["S3DataType"] == "S3Prefix":
        return s3_files.download_prefix(s3, source["S3Uri"], folder, shard, shards)
    found = listed(s3, source["S3Uri"])
    for uri, relative in found[shard::shards]:
        s3_files.download_file(s3, uri, s3_files.inside(folder, relative))
    return len(found)
