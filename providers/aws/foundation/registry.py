"""The registry of the stack's own images: scanned when they are pushed, never overwritten, old ones expire."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pulumi_aws as aws

from providers.aws.foundation.stack import Stack

IMAGES_KEPT = 10
DAYS_OF_UNTAGGED = 7


def registry(stack: Stack, key_arn: pulumi.Input[str]) -> tuple[aws.ecr.Repository, aws.ecr.LifecyclePolicy]:
    """The repository and its rules."""
    made = aws.ecr.Repository(
        "images",
        name=stack.name(most=200),
        image_tag_mutability="IMMUTABLE",
        image_scanning_configuration={"scan_on_push": True},
        encryption_configurations=[{"encryption_type": "KMS", "kms_key": key_arn}],
        force_delete=True,
        tags=stack.tags(),
        opts=stack.options(),
    )
    lifecycle = aws.ecr.LifecyclePolicy(
        "images", repository=made.name, policy=json.dumps(lifecycle_policy()), opts=stack.options()
    )
    return made, lifecycle


def lifecycle_policy() -> dict[str, Any]:
    """The latest images stay; those without a tag are leftovers of builds."""
    untagged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days",
                "countNumber": DAYS_OF_UNTAGGED}  # fmt: skip
    many = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": IMAGES_KEPT}
    return {
        "rules": [
            {"rulePriority": 1, "description": "leftovers", "selection": untagged, "action": {"type": "expire"}},
            {"rulePriority": 2, "description": "old images", "selection": many, "action": {"type": "expire"}},
        ]
    }
