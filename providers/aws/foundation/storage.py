"""Buckets: versioned, encrypted with the stack's key, closed to the public, over TLS only, old versions expire."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from providers.aws.foundation.stack import Stack

DAYS_OF_OLD_VERSIONS = 30
DAYS_OF_UNFINISHED_UPLOADS = 7


@dataclass(frozen=True)
class Storage:
    """A bucket and all that is set on it."""

    bucket: aws.s3.Bucket
    settings: Sequence[pulumi.Resource]

    @property
    def resources(self) -> list[pulumi.Resource]:
        """The bucket with its settings."""
        return [self.bucket, *self.settings]


def storage(
    stack: Stack, name: str, key_arn: pulumi.Input[str], statements: Sequence[Mapping[str, Any]] = (),
    expire_days: int | None = None, stays: bool = False,
) -> Storage:  # fmt: skip
    """The bucket `name` of the stack. `statements` are further ones of its policy, `expire_days` the life of objects.

    It is emptied when it is destroyed: what is in it belongs to the stack's resources, which are gone by then. `stays`
    leaves it, with all that is set on it.
    """
    physical = stack.name("" if name == "bucket" else name)
    bucket = aws.s3.Bucket(
        name, bucket=physical, force_destroy=not stays, tags=stack.tags(physical),
        opts=stack.options(retain_on_delete=stays),
    )  # fmt: skip

    def after(*resources: pulumi.Resource) -> pulumi.ResourceOptions:
        return stack.options(depends_on=list(resources), retain_on_delete=stays)

    own = after(bucket)
    versioning = aws.s3.BucketVersioning(
        name, bucket=bucket.bucket, versioning_configuration={"status": "Enabled"}, opts=own
    )
    encryption = aws.s3.BucketServerSideEncryptionConfiguration(
        name, bucket=bucket.bucket, opts=own,
        rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": key_arn},
                "bucket_key_enabled": True}],
    )  # fmt: skip
    ownership = aws.s3.BucketOwnershipControls(
        name, bucket=bucket.bucket, rule={"object_ownership": "BucketOwnerEnforced"}, opts=own
    )
    closed = aws.s3.BucketPublicAccessBlock(
        name, bucket=bucket.bucket, block_public_acls=True, block_public_policy=True, ignore_public_acls=True,
        restrict_public_buckets=True, opts=own,
    )  # fmt: skip
    policy = aws.s3.BucketPolicy(
        name, bucket=bucket.bucket, policy=json.dumps(bucket_policy(stack, physical, statements)),
        # S3 refuses two changes of a bucket's access at the same time.
        opts=after(closed),
    )  # fmt: skip
    lifecycle = aws.s3.BucketLifecycleConfiguration(
        name, bucket=bucket.bucket, rules=lifecycle_rules(expire_days), opts=after(versioning)
    )
    return Storage(bucket, [versioning, encryption, ownership, closed, policy, lifecycle])


def bucket_policy(stack: Stack, bucket: str, statements: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What nobody may do, whatever their own policies say: speak without TLS."""
    arn = f"arn:{stack.partition}:s3:::{bucket}"
    only_tls = {
        "Sid": "OnlyTLS",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [only_tls, *statements]}


def lifecycle_rules(expire_days: int | None) -> list[dict[str, Any]]:
    """Old versions and unfinished uploads cost money and serve nobody."""
    old: dict[str, Any] = {
        "id": "old-versions",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "noncurrent_version_expiration": {"noncurrent_days": DAYS_OF_OLD_VERSIONS},
        "abort_incomplete_multipart_upload": {"days_after_initiation": DAYS_OF_UNFINISHED_UPLOADS},
    }
    if expire_days is None:
        return [old]
    return [old, {"id": "expire", "status": "Enabled", "filter": {"prefix": ""}, "expiration": {"days": expire_days}}]
