"""The identities of jobs and servers: two roles that only SageMaker may take on, each with one policy of its own."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pulumi_aws as aws

from providers.aws.foundation import grants
from providers.aws.foundation.network import Network
from providers.aws.foundation.stack import Stack

_PURPOSE = {"training": "Training and tuning jobs", "serving": "Endpoints and batch predictions"}


def role(
    stack: Stack, kind: grants.Role, bucket: pulumi.Input[str], key: pulumi.Input[str], repository: pulumi.Input[str],
    topic: pulumi.Input[str], network: Network | None,
) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:  # fmt: skip
    """The role of training jobs or of servers. `bucket` and the others are ARNs."""
    made = aws.iam.Role(
        kind,
        name=stack.name(kind, most=64),
        description=f"{_PURPOSE[kind]} of the Mooring stack {stack.wanted.project}/{stack.wanted.stack}",
        assume_role_policy=json.dumps(grants.trust(stack)),
        tags=stack.tags(),
        opts=stack.options(),
    )
    arns: dict[str, Any] = {"bucket": bucket, "key": key, "repository": repository, "topic": topic}
    if network is not None:
        arns |= {"subnets": network.subnet_ids, "security_groups": [network.security_group_id]}
    policy = aws.iam.RolePolicy(
        kind,
        name="mooring",
        role=made.name,
        policy=pulumi.Output.all(**arns).apply(
            lambda known: json.dumps(grants.document(stack, kind, grants.Targets(**known)))
        ),
        opts=stack.options(),
    )
    return made, policy
