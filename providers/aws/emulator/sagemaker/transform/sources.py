"""The objects of a transform job, and where the result of each goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from providers.aws.emulator import s3_files, s3_manifest
from providers.aws.emulator.errors import validation
from providers.aws.emulator.s3_files import TransferError

SUFFIX = ".out"


def check(job: Mapping[str, Any]) -> None:
    """Raise ApiError for input that is not emulated."""
    kind = job["TransformInput"]["DataSource"]["S3DataSource"]["S3DataType"]
    if kind not in ("S3Prefix", "ManifestFile"):
        raise validation(f"S3DataType {kind} is not emulated for transform jobs; use S3Prefix or ManifestFile")
    split = job["TransformInput"].get("SplitType") or "None"
    if split not in ("None", "Line"):
        raise validation(f"SplitType {split} is not emulated; use Line or None")
    s3_files.split_uri(job["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"])
    s3_files.split_uri(job["TransformOutput"]["S3OutputPath"])


def objects(job: Mapping[str, Any], s3: Any) -> list[tuple[str, str]]:
    """URI of each object and of its result. Raises `TransferError` in AWS's words where there is none."""
    source = job["TransformInput"]["DataSource"]["S3DataSource"]
    uri = source["S3Uri"]
    found = s3_manifest.listed(s3, uri) if source["S3DataType"] == "ManifestFile" else list(_below(uri, s3))
    if not found:
        raise TransferError(f'ClientError: No S3 objects found under S3 URL "{uri}" given in input data source.')
    target = job["TransformOutput"]["S3OutputPath"].rstrip("/")
    return [(one, f"{target}/{relative}{SUFFIX}") for one, relative in found]


def _below(uri: str, s3: Any) -> Iterator[tuple[str, str]]:
    bucket, prefix = s3_files.split_uri(uri)
    for key, _ in s3_files.keys_below(s3, uri):
        if not key.endswith("/"):
            yield f"s3://{bucket}/{key}", s3_files.relative_key(key, prefix)
