"""Policies and names that moto would take and AWS refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_emulator import RunningEmulator

Names = Callable[[str], str]
READ = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
TRUST = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}


def document(**statement: Any) -> str:
    """A policy of one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def refused(call: Callable[[], object]) -> tuple[str, str]:
    """Code and message of an error."""
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("{", "Policies must be valid JSON"),
        (document(**READ, Condition={"StringAlike": {"aws:userid": "x"}}), "Invalid Condition type : StringAlike"),
        (document(Effect="Allow", Action="s3:*", Resource="*"), "Missing required field Principal"),
    ],
)
def test_a_buckets_policy_must_be_one(emulator: RunningEmulator, unique: Names, policy: str, words: str) -> None:
    s3, bucket = emulator.client("s3"), unique("bucket")
    s3.create_bucket(Bucket=bucket)
    code, message = refused(lambda: s3.put_bucket_policy(Bucket=bucket, Policy=policy))
    assert code == "MalformedPolicy"
    assert words in message
    s3.put_object(Bucket=bucket, Key="k", Body=b"still")  # which asks the bucket's policy
    s3.put_bucket_policy(
        Bucket=bucket, Policy=document(**READ, Condition={"ForAnyValue:StringLikeIfExists": {"a:b": "c"}})
    )


@pytest.mark.parametrize(
    ("trust", "words"),
    [
        ("{", "This policy contains invalid Json"),
        (document(**TRUST, Resource="*"), "Has prohibited field Resource"),
        (document(**TRUST, Condition={"Like": {"a": "b"}}), "Invalid Condition type : Like"),
    ],
)
def test_a_roles_trust_must_be_one(emulator: RunningEmulator, unique: Names, trust: str, words: str) -> None:
    iam = emulator.client("iam")
    code, message = refused(lambda: iam.create_role(RoleName=unique("role"), AssumeRolePolicyDocument=trust))
    assert code == "MalformedPolicyDocument"
    assert words in message


def test_a_policy_in_use_or_of_several_versions_stays(emulator: RunningEmulator, unique: Names) -> None:
    iam, role, allow = emulator.client("iam"), unique("role"), document(Effect="Allow", Action="s3:*", Resource="*")
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=document(**TRUST))
    arn = iam.create_policy(PolicyName=unique("policy"), PolicyDocument=allow)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    attached = refused(lambda: iam.delete_policy(PolicyArn=arn))
    assert attached == ("DeleteConflict", "Cannot delete a policy attached to entities.")
    iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow, SetAsDefault=True)
    code, message = refused(lambda: iam.delete_policy(PolicyArn=arn))
    assert (code, "more than one version" in message) == ("DeleteConflict", True)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy(PolicyArn=arn)
    assert refused(lambda: iam.get_policy(PolicyArn=arn))[0] == "NoSuchEntity"


@pytest.mark.parametrize("name", ["Upper-case", "under_score", "a..b", "-dash", "192.168.0.1"])
def test_a_bucket_needs_a_name_that_is_allowed(emulator: RunningEmulator, name: str) -> None:
    assert refused(lambda: emulator.client("s3").create_bucket(Bucket=name))[0] == "InvalidBucketName"
