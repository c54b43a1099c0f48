"""What SageMaker's operations ask in process: whether a role may be assumed, and what it may do then."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.moto import conditions, roles
from providers.aws.emulator.moto.policies import Policy, Principal, Wanted, decide

Names = Callable[[str], str]
REGION, ACCOUNT = "us-east-1", "123456789012"
ASSUME = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}


def document(*statements: dict[str, Any]) -> str:
    """A policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]})


def make_role(name: str, trust: dict[str, Any], policy: str = "", age: float = 60.0, boundary: str = "") -> str:
    """A role in moto's IAM, made `age` seconds ago; its ARN."""
    from moto.iam.models import iam_backends

    backend = iam_backends[ACCOUNT]["aws"]
    role = backend.create_role(name, document(trust), "/service/", boundary or None, "", [], "3600")
    role.create_date = (datetime.now(UTC) - timedelta(seconds=age)).replace(tzinfo=None)
    if policy:
        role.put_policy("inline", policy)
    return str(role.arn)


def test_a_role_that_trusts_sagemaker_and_is_old_enough_has_no_problem(unique: Names) -> None:
    assert roles.role_problem(REGION, make_role(unique("r"), ASSUME)) == ""


def test_a_role_that_is_absent_too_new_or_trusts_somebody_else_is_told_in_awss_words(unique: Names) -> None:
    other = {**ASSUME, "Principal": {"Service": ["ec2.amazonaws.com"], "AWS": ACCOUNT}}
    elsewhere = {**ASSUME, "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:*"}}}
    arns = [
        f"arn:aws:iam::{ACCOUNT}:role/absent", make_role(unique("new"), ASSUME, age=0.0),
        make_role(unique("other"), other), make_role(unique("elsewhere"), elsewhere),
    ]  # fmt: skip
    for arn in arns:
        assert roles.role_problem(REGION, arn) == (
            f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
            "'sagemaker.amazonaws.com' to assume the role."
        )


def test_a_guard_against_confused_deputies_is_met(unique: Names) -> None:
    guarded = {**ASSUME, "Condition": {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:*"}}}  # fmt: skip
    assert roles.role_problem(REGION, make_role(unique("r"), guarded)) == ""


def test_what_a_role_may_not_do_is_listed(unique: Names) -> None:
    arn = make_role(unique("r"), ASSUME, document(
        {"Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::data/*"},
        {"Action": "cloudwatch:PutMetricData", "Resource": "*",
         "Condition": {"StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/TrainingJobs"}}},
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    ))  # fmt: skip
    wants = [("s3:GetObject", "arn:aws:s3:::data/x"), ("s3:ListBucket", "arn:aws:s3:::data"),
             ("s3:PutObject", "arn:aws:s3:::model/x"), ("cloudwatch:PutMetricData", "*")]  # fmt: skip
    assert roles.denied(arn, wants) == [wants[1], wants[2], wants[3]]
    assert roles.denied(arn, wants, {"cloudwatch:namespace": "/aws/sagemaker/TrainingJobs"}) == [wants[1], wants[2]]
    with pytest.raises(ApiError) as caught:
        roles.denied(f"{arn}-not", wants)
    assert caught.value.code == "NoSuchEntity"


def test_a_buckets_policy_may_deny_and_allow(unique: Names) -> None:
    from moto.s3.models import s3_backends

    arn, bucket = make_role(unique("r"), ASSUME, document({"Action": "s3:*", "Resource": "*"})), unique("b")
    bare = make_role(unique("bare"), ASSUME)
    s3 = s3_backends[ACCOUNT]["aws"]
    s3.create_bucket(bucket, REGION)
    objects = f"arn:aws:s3:::{bucket}/*"
    s3.buckets[bucket].policy = document(
        {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": objects,
         "Condition": {"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/somebody"}}},
        {"Principal": {"AWS": bare}, "Action": "s3:GetObject", "Resource": objects},
    ).encode()  # fmt: skip
    get, put = ("s3:GetObject", f"arn:aws:s3:::{bucket}/k"), ("s3:PutObject", f"arn:aws:s3:::{bucket}/k")
    assert roles.denied(arn, [get, put]) == [put]
    assert roles.denied(bare, [get, put]) == [put]


def test_a_key_is_used_only_by_whom_its_policy_lets(unique: Names) -> None:
    from moto.kms.models import kms_backends

    arn = make_role(unique("r"), ASSUME, document({"Action": "kms:*", "Resource": "*"}))
    kms = kms_backends[ACCOUNT][REGION]
    left_to_iam = kms.create_key(None, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "", [])
    only = document({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"}, "Action": "kms:*", "Resource": "*"})
    closed = kms.create_key(only, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "", [])
    wants = [("kms:Decrypt", left_to_iam.arn), ("kms:Decrypt", closed.arn)]
    assert roles.denied(arn, wants) == [wants[1]]


def test_a_boundary_takes_away(unique: Names) -> None:
    from moto.iam.models import iam_backends

    boundary = iam_backends[ACCOUNT]["aws"].create_policy(
        "", "/", document({"Action": "s3:Get*", "Resource": "*"}), unique("boundary"), [])  # fmt: skip
    arn = make_role(unique("r"), ASSUME, document({"Action": "s3:*", "Resource": "*"}), boundary=boundary.arn)
    wants = [("s3:GetObject", "arn:aws:s3:::no-such/k"), ("s3:PutObject", "arn:aws:s3:::no-such/k")]
    assert roles.denied(arn, wants) == [wants[1]]


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {"k": ["a", "b"]}}, {"k": ["b"]}, True),
        ({"StringEquals": {"k": "a"}}, {}, False),
        ({"StringEqualsIfExists": {"k": "a"}}, {}, True),
        ({"StringNotEquals": {"k": ["a", "b"]}}, {"k": ["b"]}, False),
        ({"StringNotEquals": {"k": "a"}}, {}, True),
        ({"StringLike": {"k": "a*c?"}}, {"k": ["abbcd"]}, True),
        ({"StringNotLike": {"k": "a*"}}, {"k": ["b"]}, True),
        ({"StringEqualsIgnoreCase": {"k": "A"}}, {"k": ["a"]}, True),
        ({"Bool": {"k": True}}, {"k": ["true"]}, True),
        ({"NumericLessThanEquals": {"k": "5"}}, {"k": ["5.0"]}, True),
        ({"NumericGreaterThan": {"k": 5}}, {"k": ["x"]}, False),
        ({"DateLessThan": {"k": "2026-01-01T00:00:00Z"}}, {"k": ["2025-06-01T00:00:00Z"]}, True),
        ({"IpAddress": {"k": ["10.0.0.0/8", "127.0.0.1"]}}, {"k": ["127.0.0.1"]}, True),
        ({"NotIpAddress": {"k": "10.0.0.0/8"}}, {"k": ["10.1.1.1"]}, False),
        ({"ArnLike": {"k": "arn:aws:s3:::b*"}}, {"k": ["arn:aws:s3:::bucket"]}, True),
        ({"ArnNotLike": {"k": "arn:aws:s3:::b*"}}, {"k": ["arn:aws:s3:::other"]}, True),
        ({"Null": {"k": "true"}}, {}, True),
        ({"Null": {"k": "false"}}, {}, False),
        ({"ForAllValues:StringEquals": {"k": ["a", "b"]}}, {"k": ["a", "b"]}, True),
        ({"ForAllValues:StringEquals": {"k": ["a"]}}, {"k": ["a", "c"]}, False),
        ({"ForAllValues:StringEquals": {"k": ["a"]}}, {}, True),
        ({"ForAnyValue:StringEquals": {"k": ["a"]}}, {"k": ["a", "c"]}, True),
        ({"ForAnyValue:StringEquals": {"k": ["a"]}}, {}, False),
        ({"StringEquals": {"K": "a"}, "Bool": {"b": "false"}}, {"k": ["a"], "b": ["true"]}, False),
    ],
)
def test_conditions_hold_as_iam_says(condition: dict[str, Any], context: dict[str, list[str]], holds: bool) -> None:
    assert conditions.hold(condition, context) is holds


def test_variables_and_exceptions_in_policies_are_understood() -> None:
    policy = Policy("p", "role", document(
        {"Action": "S3:get*", "Resource": "arn:aws:s3:::b/${aws:username}/*"},
        {"Action": "sagemaker:*", "NotResource": "arn:aws:sagemaker:*:*:endpoint/production"},
    ))  # fmt: skip
    context = {"aws:username": ["ann"]}

    def decision(action: str, resource: str) -> str:
        return decide([policy], Wanted(action, resource, context)).decision

    assert decision("s3:GetObject", "arn:aws:s3:::b/ann/x") == "allowed"
    assert decision("s3:GetObject", "arn:aws:s3:::b/bob/x") == "implicitDeny"
    assert decision("sagemaker:DeleteEndpoint", "arn:aws:sagemaker:us-east-1:1:endpoint/test") == "allowed"
    assert decision("sagemaker:DeleteEndpoint", "arn:aws:sagemaker:us-east-1:1:endpoint/production") == "implicitDeny"
    everybody = Policy("p", "resource", document({"NotPrincipal": {"AWS": "arn:aws:iam::1:role/x"}, "Action": "*"}))
    assert decide([everybody], Wanted("a:b"), Principal("arn:aws:iam::1:role/y", "1")).decision == "allowed"
    assert decide([everybody], Wanted("a:b"), Principal("arn:aws:iam::1:role/x", "1")).decision == "implicitDeny"
