"""What AWS refuses and moto would not: looked at before moto is asked, while nobody else changes the service."""

from __future__ import annotations

from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.moto import documents, kms_keys, refusals, roles, s3_rules, scalable_targets, sns_delivery
from providers.aws.emulator.moto.asked import Asked

_MADE_UP = {
    ("ecr", "StartImageScan"),
    ("ecr", "DescribeImageScanFindings"),
    ("codebuild", "StartBuild"),
    ("codebuild", "StartBuildBatch"),
    ("codebuild", "RetryBuild"),
}
"""What moto answers with the same invention for everybody: findings of a scan, a build that built nothing."""


def check(asked: Asked) -> None:
    """Raise ApiError for a request that AWS would refuse."""
    if (asked.service, asked.operation) in _MADE_UP:
        raise refusals.not_emulated(asked)
    if asked.service == "kms":
        kms_keys.check(asked)
    elif asked.service == "iam":
        documents.check_iam(asked)
    elif asked.service == "s3":
        s3_rules.check(asked)
    elif asked.service == "s3control":
        s3_rules.check_control(asked)
    elif asked.service == "application-autoscaling":
        scalable_targets.check(asked)
    elif asked.service == "sns":
        sns_delivery.check(asked)
    elif asked.service == "sts" and asked.operation == "AssumeRole":
        _check_role(asked)
    elif asked.operation == "CreateVpcEndpoint" and "VpcEndpointType" not in asked.parameters:
        asked.replace(asked.body + b"&VpcEndpointType=Gateway")  # AWS's default; moto cannot delete one without it


def _check_role(asked: Asked) -> None:
    """A user may not assume a role that is absent or too new, or that does not trust the account."""
    arn = asked.parameters.get("RoleArn", "")
    if f"::{ACCOUNT}:role/" in arn and not roles.user_may_assume(arn, asked.caller):
        reason = f"User: {asked.caller} is not authorized to perform: sts:AssumeRole on resource: {arn}"
        raise ApiError("AccessDenied", reason, 403)
