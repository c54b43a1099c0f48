"""What the stack's roles may do, statement by statement, each with its reason. No managed policy, no `FullAccess`.

The table in docs/aws.md is `table()`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from providers.aws.foundation.stack import Stack

Role = Literal["training", "serving"]
VENDOR_REPOSITORIES = ("sagemaker-scikit-learn", "sagemaker-xgboost")
"""Repositories of SageMaker's own images that the adapter uses; each region has them in an account of AWS's."""
_IMAGE = re.compile(r"^(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(?P<name>[^:@]+)")


@dataclass(frozen=True)
class Grant:
    """One statement of a role's policy. `reason` is told in the docs."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    reason: str
    condition: dict[str, Any] = field(default_factory=dict)
    effect: Literal["Allow", "Deny"] = "Allow"

    @property
    def statement(self) -> dict[str, Any]:
        """As IAM takes it."""
        said = {"Sid": self.sid, "Effect": self.effect, "Action": list(self.actions), "Resource": list(self.resources)}
        return {**said, "Condition": self.condition} if self.condition else said


@dataclass(frozen=True)
class Targets:
    """ARNs that the grants are about."""

    bucket: str
    key: str
    repository: str
    topic: str = ""
    subnets: Sequence[str] = ()
    security_groups: Sequence[str] = ()


def grants(stack: Stack, role: Role, targets: Targets) -> Iterator[Grant]:
    """All grants of a role."""
    yield from _data(role, targets)
    yield from _images(stack, targets)
    yield from _telling(stack)
    if role == "serving" and any(one.mode == "async" for one in stack.wanted.endpoints):
        yield Grant(
            "Answers", ("sns:Publish",), (targets.topic,), "an asynchronous endpoint tells when a prediction is there"
        )
    if targets.subnets:
        yield from _interfaces(stack, targets)
    yield Grant(
        "OnlyThisRegion", ("*",), ("*",),
        "whatever else is granted, nothing outside of the stack's region (nothing is denied where a request has none)",
        {"StringNotEquals": {"aws:RequestedRegion": [stack.region]}, "Null": {"aws:RequestedRegion": "false"}},
        "Deny",
    )  # fmt: skip


def document(stack: Stack, role: Role, targets: Targets) -> dict[str, Any]:
    """The role's policy."""
    return {"Version": "2012-10-17", "Statement": [one.statement for one in grants(stack, role, targets)]}


def _data(role: Role, targets: Targets) -> Iterator[Grant]:
    bucket = targets.bucket
    yield Grant(
        "List", ("s3:ListBucket", "s3:GetBucketLocation"), (bucket,), "SageMaker lists a prefix before it downloads it"
    )
    reads, writes = {
        "training": ("the dataset and the code", "the model, the output, and checkpoints of spot jobs"),
        "serving": (
            "the model, and the rows of a batch",
            "predictions of a batch, asynchronous replies, captures",
        ),
    }[role]
    yield Grant("Read", ("s3:GetObject",), (f"{bucket}/*",), f"{reads} are read")
    yield Grant("Write", ("s3:PutObject", "s3:AbortMultipartUpload"), (f"{bucket}/*",), f"{writes} are written")
    yield Grant(
        "Key", ("kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"), (targets.key,),
        "all of it is encrypted with the stack's key",
    )  # fmt: skip
    yield Grant(
        "Volumes", ("kms:CreateGrant",), (targets.key,),
        "disks of a job are encrypted with the key, which SageMaker passes on to the disk and to nothing else",
        {"Bool": {"kms:GrantIsForAWSResource": "true"}},
    )  # fmt: skip


def _images(stack: Stack, targets: Targets) -> Iterator[Grant]:
    yield Grant("Registry", ("ecr:GetAuthorizationToken",), ("*",), "logging in to ECR; AWS takes no resource for it")
    vendors = [stack.arn("ecr", f"repository/{name}", account="*") for name in VENDOR_REPOSITORIES]
    named = [arn for address in stack.wanted.images if (arn := image_arn(stack, address))]
    yield Grant(
        "Images", ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
        tuple(dict.fromkeys((targets.repository, *vendors, *named))),
        "the images: the stack's own, SageMaker's, and those that the stack's settings name",
    )  # fmt: skip


def image_arn(stack: Stack, address: str) -> str:
    """The ARN of the repository of an image in ECR; empty for one that is elsewhere."""
    found = _IMAGE.match(address)
    if found is None:
        return ""
    return stack.arn("ecr", f"repository/{found['name']}", region=found["region"], account=found["account"])


def _telling(stack: Stack) -> Iterator[Grant]:
    group = stack.arn("logs", "log-group:/aws/sagemaker/*")
    yield Grant(
        "Logs",
        ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"), (group,),
        "what a job or a server prints goes to CloudWatch Logs",
    )  # fmt: skip
    yield Grant(
        "Metrics", ("cloudwatch:PutMetricData",), ("*",),
        "metrics of jobs and servers; AWS takes no resource for it, so the namespace is limited",
        {"StringLike": {"cloudwatch:namespace": ["AWS/SageMaker", "/aws/sagemaker/*", "aws/sagemaker/*", "Mooring*"]}},
    )  # fmt: skip


def _interfaces(stack: Stack, targets: Targets) -> Iterator[Grant]:
    interfaces = stack.arn("ec2", "network-interface/*")
    subnets = [stack.arn("ec2", f"subnet/{id}") for id in targets.subnets]
    groups = [stack.arn("ec2", f"security-group/{id}") for id in targets.security_groups]
    yield Grant(
        "Interfaces",
        ("ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface",
         "ec2:DeleteNetworkInterfacePermission"),
        (interfaces, *subnets, *groups),
        "`network: private`: SageMaker connects the job to the stack's subnets, and disconnects it",
    )  # fmt: skip
    yield Grant(
        "Networks",
        ("ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
         "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
        ("*",), "`network: private`: looking at the network; AWS takes no resource for these",
    )  # fmt: skip


def trust(stack: Stack) -> dict[str, Any]:
    """Who may take on the roles: SageMaker, for this account and region, so that nobody else's job can."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": stack.arn("sagemaker", "*")},
                },
            }
        ],
    }


def table(stack: Stack, role: Role, targets: Targets) -> str:
    """The grants as a table in Markdown."""
    rows = [
        f"| {'not ' if one.effect == 'Deny' else ''}{', '.join(f'`{action}`' for action in one.actions)} "
        f"| {', '.join(f'`{resource}`' for resource in one.resources)} | {one.reason} |"
        for one in grants(stack, role, targets)
    ]
    return "\n".join(["| may | on | why |", "|---|---|---|", *rows])
