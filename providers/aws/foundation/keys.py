"""The stack's key: everything that it stores is encrypted with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi_aws as aws

from providers.aws.foundation.stack import Stack

DAYS_BEFORE_DELETION = 7
"""The least that AWS allows; until then a deleted key, and what it encrypted, can be saved."""


def key(stack: Stack) -> tuple[aws.kms.Key, aws.kms.Alias]:
    """The key, rotated every year, and its name. Where what it encrypted stays, it stays too, under no name."""
    made = aws.kms.Key(
        "key",
        description=f"Data, models and logs of the Mooring stack {stack.wanted.project}/{stack.wanted.stack}",
        enable_key_rotation=True,
        deletion_window_in_days=DAYS_BEFORE_DELETION,
        policy=json.dumps(key_policy(stack)),
        tags=stack.tags(stack.name("key")),
        opts=stack.options(retain_on_delete=stack.wanted.keeps),
    )
    alias = aws.kms.Alias(
        "key", name=f"alias/{stack.name(most=200)}", target_key_id=made.key_id, opts=stack.options()
    )  # fmt: skip
    return made, alias


def key_policy(stack: Stack) -> Mapping[str, Any]:
    """Who may use the key. The roles get it by their own policies, which the first statement lets count."""
    root = stack.arn("iam", "root", region="")
    services = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
    statements = [
        # Without it nobody could ever change the key again; IAM's policies decide who in the account may.
        {"Sid": "Account", "Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"},
        # CloudWatch Logs encrypts the log groups of this stack's endpoints, and no others.
        {
            "Sid": "Logs",
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{stack.region}.amazonaws.com"},
            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
            "Resource": "*",
            "Condition": {
                "ArnLike": {"kms:EncryptionContext:aws:logs:arn": stack.arn("logs", "log-group:/aws/sagemaker/*")}
            },
        },
        # Alarms and the budget publish to the encrypted topic.
        {
            "Sid": "Notifications",
            "Effect": "Allow",
            "Principal": {"Service": services},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:SourceAccount": stack.account}},
        },
    ]
    if stack.wanted.audit:
        statements.append(_for_the_trail(stack))
    return {"Version": "2012-10-17", "Statement": statements}


def _for_the_trail(stack: Stack) -> dict[str, Any]:
    """CloudTrail encrypts the files of this stack's trail."""
    trail = stack.arn("cloudtrail", f"trail/{stack.name('trail', most=128)}")
    return {
        "Sid": "Trail",
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": ["kms:GenerateDataKey*", "kms:DescribeKey"],
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:SourceArn": trail}},
    }
