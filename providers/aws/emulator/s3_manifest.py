"""Manifests: objects that list objects, as SageMaker's jobs take them for their input."""

from __future__ import annotations

import json
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
