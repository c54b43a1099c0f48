"""Log groups of the stack's endpoints: encrypted, and kept for a while.

SageMaker makes a group when a server first prints, without an end to how long it is kept; made before, it has one. The
groups of jobs (`/aws/sagemaker/TrainingJobs`, …) are one for the whole account, so no stack may own them.
"""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from providers.aws.foundation.stack import Stack

DAYS_KEPT = 30
PREFIX = "/aws/sagemaker/Endpoints"


def log_groups(stack: Stack, key_arn: pulumi.Input[str]) -> list[aws.cloudwatch.LogGroup]:
    """One for each endpoint."""
    return [
        aws.cloudwatch.LogGroup(
            one.name,
            name=f"{PREFIX}/{stack.endpoint_name(one)}",
            retention_in_days=DAYS_KEPT,
            kms_key_id=key_arn,
            tags=stack.tags(),
            opts=stack.options(),
        )
        for one in stack.wanted.endpoints
    ]
