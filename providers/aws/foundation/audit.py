"""The audit trail: who read or wrote the stack's data and models, and who used its key.

It is made only where `mooring:audit` asks for it: most accounts have a trail of the organisation, and a second one
costs money for every event. This one records accesses to the stack's own bucket alone, which such trails leave out.
"""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_aws as aws

from providers.aws.foundation.stack import Stack
from providers.aws.foundation.storage import Storage, storage

DAYS_KEPT = 365


def trail(stack: Stack, bucket_arn: pulumi.Input[str], key_arn: pulumi.Input[str]) -> aws.cloudtrail.Trail:
    """The trail, with a bucket of its own for what it records."""
    name = stack.name("trail", most=128)
    kept = storage(stack, "trail", key_arn, _statements(stack, stack.name("trail"), name), expire_days=DAYS_KEPT)
    return _trail(stack, name, kept, bucket_arn, key_arn)


def _trail(
    stack: Stack, name: str, kept: Storage, bucket_arn: pulumi.Input[str], key_arn: pulumi.Input[str]
) -> aws.cloudtrail.Trail:
    objects = pulumi.Output.concat(bucket_arn, "/")
    return aws.cloudtrail.Trail(
        "trail",
        name=name,
        s3_bucket_name=kept.bucket.bucket,
        kms_key_id=key_arn,
        enable_log_file_validation=True,
        include_global_service_events=False,
        is_multi_region_trail=False,
        advanced_event_selectors=[
            {
                "name": "Data and models",
                "field_selectors": [
                    {"field": "eventCategory", "equals": ["Data"]},
                    {"field": "resources.type", "equals": ["AWS::S3::Object"]},
                    {"field": "resources.ARN", "starts_withs": [objects]},
                ],
            }
        ],
        tags=stack.tags(),
        opts=stack.options(depends_on=kept.resources),
    )


def _statements(stack: Stack, bucket: str, trail: str) -> list[dict[str, Any]]:
    """CloudTrail may write this trail's files, and look whose bucket it is."""
    arn = f"arn:{stack.partition}:s3:::{bucket}"
    service = {"Service": "cloudtrail.amazonaws.com"}
    only = {"aws:SourceArn": stack.arn("cloudtrail", f"trail/{trail}")}
    return [
        {"Sid": "TrailLooks", "Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl", "Resource": arn,
         "Condition": {"StringEquals": only}},
        {"Sid": "TrailWrites", "Effect": "Allow", "Principal": service, "Action": "s3:PutObject",
         "Resource": f"{arn}/AWSLogs/{stack.account}/*",
         "Condition": {"StringEquals": {**only, "s3:x-amz-acl": "bucket-owner-full-control"}}},
    ]  # fmt: skip
