"""What S3 refuses and moto would not: sub-resources that moto takes for something else, and keys out of use."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, unquote

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.messages import Reply
from providers.aws.emulator.moto import documents, gates, kms_keys, refusals
from providers.aws.emulator.moto.asked import Asked

_METADATA = {"metadataConfiguration", "metadataTable", "metadataAnnotationTable", "metadataInventoryTable",
    "metadataJournalTable"}  # fmt: skip
_BUCKET_GAPS = {
    "GET": {"session", "abac", "analytics", "intelligent-tiering", "metrics", *_METADATA},
    "PUT": {"abac", "analytics", "intelligent-tiering", "metrics", *_METADATA},
    "DELETE": {"analytics", "intelligent-tiering", "inventory", "metrics", *_METADATA},
    "POST": _METADATA,
}
_KEY_GAPS = {
    "GET": {"annotation", "retention", "torrent"},
    "PUT": {"annotation", "encryption", "renameObject"},
    "DELETE": {"annotation"},
    "POST": set[str](),
}
_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_ENCRYPTION = "x-amz-server-side-encryption"


def check(asked: Asked) -> None:
    """Raise ApiError for a request that must not reach moto."""
    bucket, key = asked.bucket_and_key
    marks = parse_qs(asked.environ.get("QUERY_STRING", ""), keep_blank_values=True)
    gaps = (_KEY_GAPS if key else _BUCKET_GAPS).get(asked.method, set())
    if bucket and not gaps.isdisjoint(marks):
        raise refusals.not_emulated(asked)
    if asked.method == "PUT" and not key and not marks.keys() - {"x-id"}:
        _check_name(bucket)
        return
    if asked.method == "PUT" and not key and "policy" in marks:
        documents.check_bucket(asked.body.decode(errors="replace"))
    if asked.method == "DELETE" and bucket and not key and not marks.keys() - {"x-id"}:
        _check_empty(bucket)
    if key and asked.method in ("GET", "PUT") and not marks.keys() & {"acl", "tagging", "retention", "legal-hold"}:
        _check_key(asked, bucket, key, marks)
    if key and asked.method == "POST" and "uploads" in marks:
        _check_key(asked, bucket, key, marks)


def check_control(asked: Asked) -> None:
    """The same for S3's control plane: a bucket that is asked about must be there."""
    bucket = unquote(asked.path).partition("/tags/arn:aws:s3:::")[2]
    if bucket and _bucket(bucket) is None:
        raise ApiError("NoSuchBucket", "The specified bucket does not exist", 404)


def request_payment(asked: Asked) -> Reply | None:
    """GetBucketRequestPayment and PutBucketRequestPayment: it is always the owner who pays. None for what is else."""
    bucket, key = asked.bucket_and_key
    marks = parse_qs(asked.environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if not bucket or key or "requestPayment" not in marks or asked.method not in ("GET", "PUT"):
        return None
    if _bucket(bucket) is None:
        raise ApiError("NoSuchBucket", "The specified bucket does not exist", 404)
    if asked.method == "PUT":
        if b"<Payer>BucketOwner</Payer>" not in asked.body:
            raise refusals.not_emulated(asked)
        return Reply(200)
    payer = (
        f'<RequestPaymentConfiguration xmlns="{_NAMESPACE}"><Payer>BucketOwner</Payer></RequestPaymentConfiguration>'
    )
    return Reply(200, payer.encode(), {"Content-Type": "application/xml"})


def _check_name(bucket: str) -> None:
    if not _NAME.fullmatch(bucket) or ".." in bucket or _ADDRESS.fullmatch(bucket):
        raise ApiError("InvalidBucketName", "The specified bucket is not valid.")


def _check_empty(name: str) -> None:
    """moto counts versions and delete markers as AWS does; it only does not say so."""
    bucket = _bucket(name)
    if bucket is not None and bucket.keys:
        more = " You must delete all versions in the bucket." if bucket.is_versioned else ""
        raise ApiError("BucketNotEmpty", f"The bucket you tried to delete is not empty.{more}", 409)


def _check_key(asked: Asked, name: str, path: str, marks: dict[str, list[str]]) -> None:
    bucket = _bucket(name)
    if bucket is None:
        return
    if asked.method == "GET":
        versions = bucket.keys.getlist(path, [])
        wanted = marks.get("versionId", [""])[0]
        found = [one for one in versions if not wanted or one.version_id == wanted][-1:]
        key_id = getattr(found[0], "kms_key_id", None) if found else None
    else:
        key_id = asked.header(f"{_ENCRYPTION}-aws-kms-key-id") or _default_key(bucket, asked.header(_ENCRYPTION))
    if key_id:
        with gates.of("kms").changing():
            kms_keys.use(bucket.region_name, str(key_id))


def _default_key(bucket: Any, asked_for: str) -> str:
    rule = ((bucket.encryption or {}).get("Rule") or {}).get("ApplyServerSideEncryptionByDefault") or {}
    is_kms = (asked_for or str(rule.get("SSEAlgorithm", ""))).startswith("aws:kms")
    return str(rule.get("KMSMasterKeyID") or "") if is_kms else ""


def _bucket(name: str) -> Any:
    from moto.s3.models import s3_backends

    return s3_backends[ACCOUNT]["aws"].buckets.get(name)
