"""S3: the bucket, and what is set on it by resources of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from providers.aws.standin.kind import Aws, Kind, Properties, as_list, as_mapping, tag_changes, without_none, words
from providers.aws.standin.naming import camel_keys, pascal_keys

HOSTED_ZONE = {"eu-central-1": "Z21DNDUVLTQW6Q", "us-east-1": "Z3AQBSTGFYJSTF", "eu-west-1": "Z1BKCTXD74EZPE"}


def _create(aws: Aws, given: Properties) -> str:
    place = {} if aws.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": aws.region}}
    aws.client("s3").create_bucket(Bucket=given["bucket"], **place)
    return str(given["bucket"])


def _find(aws: Aws, given: Properties) -> str | None:
    """A bucket of the name with the same tags. One without any was made a moment before they were to be set."""
    try:
        aws.client("s3").head_bucket(Bucket=given["bucket"])
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise
    found = _tags(aws, given["bucket"])
    if found == (given.get("tags") or {}) or not found:
        return str(given["bucket"])
    reason = "Your previous request to create the named bucket succeeded and you already own it."
    raise ClientError({"Error": {"Code": "BucketAlreadyOwnedByYou", "Message": reason}}, "CreateBucket")


def _tags(aws: Aws, bucket: str) -> dict[str, str]:
    try:
        return as_mapping(aws.client("s3").get_bucket_tagging(Bucket=bucket)["TagSet"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchTagSet":
            return {}
        raise


def _configure(aws: Aws, id: str, new: Properties, old: Properties) -> None:
    if not any(tag_changes(new, old)):
        return
    if tags := new.get("tags"):
        aws.client("s3").put_bucket_tagging(Bucket=id, Tagging={"TagSet": as_list(tags)})
    else:
        aws.client("s3").delete_bucket_tagging(Bucket=id)


def _read(aws: Aws, id: str) -> dict[str, Any]:
    aws.client("s3").head_bucket(Bucket=id)
    regional = f"{id}.s3.{aws.region}.amazonaws.com"
    return without_none(
        bucket=id, arn=f"arn:aws:s3:::{id}", bucketDomainName=f"{id}.s3.amazonaws.com", bucketRegion=aws.region,
        bucketRegionalDomainName=regional, hostedZoneId=HOSTED_ZONE.get(aws.region), tags=_tags(aws, id) or None,
    )  # fmt: skip


def _delete(aws: Aws, id: str, state: Properties) -> None:
    if state.get("forceDestroy"):
        _empty(aws, id)
    aws.client("s3").delete_bucket(Bucket=id)


def _empty(aws: Aws, bucket: str) -> None:
    s3 = aws.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
        if objects:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])


BUCKET = Kind(
    token="aws:s3/bucket:Bucket", inputs=words("bucket forceDestroy tags"), create=_create, configure=_configure,
    read=_read, delete=_delete, find=_find, name="bucket", replaces=words("bucket"), kept=words("forceDestroy"),
    defaults={"forceDestroy": False},
    computed=("arn", "bucketDomainName", "bucketRegion", "bucketRegionalDomainName", "hostedZoneId"),
)  # fmt: skip


def _part(
    token: str,
    inputs: str,
    put: Callable[[Any, str, Properties], None],
    get: Callable[[Any, str], dict[str, Any]],
    delete: Callable[[Any, str], object],
    required: str,
    **more: Any,
) -> Kind:
    """Something that a bucket has at most one of: its id is the bucket's name, and making it is to set it."""

    def create(aws: Aws, given: Properties) -> str:
        put(aws.client("s3"), given["bucket"], given)
        return str(given["bucket"])

    def configure(aws: Aws, id: str, new: Properties, old: Properties) -> None:
        if old:
            put(aws.client("s3"), id, new)

    def remove(aws: Aws, id: str, state: Properties) -> None:
        delete(aws.client("s3"), id)

    return Kind(
        token=f"aws:s3/{token[0].lower()}{token[1:]}:{token}",
        inputs=words(f"bucket {inputs}"),
        create=create,
        configure=configure,
        read=lambda aws, id: {"bucket": id, **get(aws.client("s3"), id)},
        delete=remove,
        required=("bucket", *required.split()),
        replaces=words("bucket"),
        **more,
    )


def _get_versioning(s3: Any, bucket: str) -> dict[str, Any]:
    return {"versioningConfiguration": {"status": s3.get_bucket_versioning(Bucket=bucket).get("Status", "Disabled")}}


VERSIONING = _part(
    "BucketVersioning", "versioningConfiguration",
    lambda s3, bucket, given: s3.put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration=pascal_keys(given["versioningConfiguration"])
    ),
    _get_versioning,
    lambda s3, bucket: s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}),
    "versioningConfiguration",
)  # fmt: skip


def _put_encryption(s3: Any, bucket: str, given: Properties) -> None:
    rules = []
    for rule in given["rules"]:
        default = rule["applyServerSideEncryptionByDefault"]
        by = without_none(SSEAlgorithm=default["sseAlgorithm"], KMSMasterKeyID=default.get("kmsMasterKeyId"))
        rules.append(
            {"ApplyServerSideEncryptionByDefault": by, "BucketKeyEnabled": rule.get("bucketKeyEnabled", False)}
        )
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})


def _get_encryption(s3: Any, bucket: str) -> dict[str, Any]:
    found = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    rules = []
    for rule in found:
        by = rule["ApplyServerSideEncryptionByDefault"]
        default = without_none(sseAlgorithm=by["SSEAlgorithm"], kmsMasterKeyId=by.get("KMSMasterKeyID"))
        enabled = bool(rule.get("BucketKeyEnabled", False))
        rules.append({"applyServerSideEncryptionByDefault": default, "bucketKeyEnabled": enabled})
    return {"rules": rules}


ENCRYPTION = _part(
    "BucketServerSideEncryptionConfiguration", "rules", _put_encryption, _get_encryption,
    lambda s3, bucket: s3.delete_bucket_encryption(Bucket=bucket), "rules",
)  # fmt: skip

_BLOCKS = "blockPublicAcls blockPublicPolicy ignorePublicAcls restrictPublicBuckets"
PUBLIC_ACCESS_BLOCK = _part(
    "BucketPublicAccessBlock", _BLOCKS,
    lambda s3, bucket, given: s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration=pascal_keys({key: given.get(key, False) for key in _BLOCKS.split()}),
    ),
    lambda s3, bucket: camel_keys(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]),
    lambda s3, bucket: s3.delete_public_access_block(Bucket=bucket), "",
    defaults=dict.fromkeys(_BLOCKS.split(), False),
)  # fmt: skip

OWNERSHIP = _part(
    "BucketOwnershipControls", "rule",
    lambda s3, bucket, given: s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [pascal_keys(given["rule"])]}
    ),
    lambda s3, bucket: {
        "rule": camel_keys(s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"][0])
    },
    lambda s3, bucket: s3.delete_bucket_ownership_controls(Bucket=bucket), "rule",
)  # fmt: skip

POLICY = _part(
    "BucketPolicy", "policy",
    lambda s3, bucket, given: s3.put_bucket_policy(Bucket=bucket, Policy=given["policy"]),
    lambda s3, bucket: {"policy": s3.get_bucket_policy(Bucket=bucket)["Policy"]},
    lambda s3, bucket: s3.delete_bucket_policy(Bucket=bucket), "policy", documents=words("policy"),
)  # fmt: skip

_LIFECYCLE_NAMES = {"id": "ID"}


def _put_lifecycle(s3: Any, bucket: str, given: Properties) -> None:
    rules = []
    for rule in given["rules"]:
        made = pascal_keys(rule, _LIFECYCLE_NAMES)
        made.setdefault("Filter", {"Prefix": ""})
        rules.append(made)
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})


def _get_lifecycle(s3: Any, bucket: str) -> dict[str, Any]:
    found = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    return {"rules": [camel_keys(json.loads(json.dumps(rule, default=str)), {"ID": "id"}) for rule in found]}


LIFECYCLE = _part(
    "BucketLifecycleConfiguration", "rules", _put_lifecycle, _get_lifecycle,
    lambda s3, bucket: s3.delete_bucket_lifecycle(Bucket=bucket), "rules", unordered=words("rules"),
)  # fmt: skip

KINDS = (BUCKET, VERSIONING, ENCRYPTION, PUBLIC_ACCESS_BLOCK, OWNERSHIP, POLICY, LIFECYCLE)
