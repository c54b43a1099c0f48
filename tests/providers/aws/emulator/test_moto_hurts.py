"""What hurts on a real account hurts here, in compressed time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_emulator import RunningEmulator, StartEmulator

Names = Callable[[str], str]
ACCOUNT = "123456789012"


def code_of(call: Callable[[], object]) -> str:
    """The error code that boto3 raises with."""
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


def trust(**principal: str) -> str:
    """A role's trust policy."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_new_role_is_not_assumable_at_once(start_emulator: StartEmulator) -> None:
    emulator = start_emulator({"MOORING_EMULATOR_TIME": "5"})  # ten seconds are two
    iam, sts = emulator.client("iam"), emulator.client("sts")
    arn = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust(AWS=ACCOUNT))["Role"]["Arn"]
    made = time.monotonic()
    assert code_of(lambda: sts.assume_role(RoleArn=arn, RoleSessionName="session")) == "AccessDenied"
    while True:
        try:
            answer = sts.assume_role(RoleArn=arn, RoleSessionName="session")
            break
        except ClientError:
            assert time.monotonic() < made + 5
            time.sleep(0.05)
    assert time.monotonic() - made >= 1.8
    assert answer["AssumedRoleUser"]["Arn"].endswith(":assumed-role/r/session")


def test_a_role_that_trusts_a_service_or_is_absent_is_not_assumed_by_a_user(
    emulator: RunningEmulator, unique: Names
) -> None:
    iam, sts, name = emulator.client("iam"), emulator.client("sts"), unique("role")
    document = trust(Service="sagemaker.amazonaws.com")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    time.sleep(0.3)
    assert code_of(lambda: sts.assume_role(RoleArn=arn, RoleSessionName="session")) == "AccessDenied"
    assert code_of(lambda: sts.assume_role(RoleArn=f"{arn}-not", RoleSessionName="session")) == "AccessDenied"


def test_a_key_that_waits_for_deletion_cannot_be_used_but_be_kept(emulator: RunningEmulator) -> None:
    kms = emulator.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert code_of(lambda: kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=3)) == "ValidationException"
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    shown = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert shown["KeyState"] == "PendingDeletion"
    uses: list[Callable[[], Any]] = [
        lambda: kms.encrypt(KeyId=key, Plaintext=b"x"),
        lambda: kms.decrypt(CiphertextBlob=blob),
        lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256"),
        lambda: kms.create_alias(AliasName="alias/late", TargetKeyId=key),
        lambda: kms.enable_key(KeyId=key),
        lambda: kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7),
    ]
    assert [code_of(use) for use in uses] == ["KMSInvalidStateException"] * len(uses)
    kms.cancel_key_deletion(KeyId=key)
    assert code_of(lambda: kms.encrypt(KeyId=key, Plaintext=b"x")) == "DisabledException"
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_a_key_is_gone_when_its_days_are_over(start_emulator: StartEmulator) -> None:
    emulator = start_emulator({"MOORING_EMULATOR_TIME": "600000"})  # seven days in a second
    kms = emulator.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    emulator.restart()
    deadline = time.monotonic() + 5
    while key in [one["KeyId"] for one in kms.list_keys()["Keys"]]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert code_of(lambda: kms.describe_key(KeyId=key)) == "NotFoundException"


def test_objects_under_a_key_that_waits_for_deletion_cannot_be_read_or_written(
    emulator: RunningEmulator, unique: Names
) -> None:
    s3, kms, name = emulator.client("s3"), emulator.client("kms"), unique("sealed")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket=name)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    s3.put_object(Bucket=name, Key="plain", Body=b"x", ServerSideEncryption="AES256")
    assert s3.get_object(Bucket=name, Key="k")["SSEKMSKeyId"] == key
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert code_of(lambda: s3.get_object(Bucket=name, Key="k")) == "KMS.KMSInvalidStateException"
    assert code_of(lambda: s3.put_object(Bucket=name, Key="k2", Body=b"x")) == "KMS.KMSInvalidStateException"
    absent = key.rpartition("/")[0] + "/11111111-2222-3333-4444-555555555555"
    refused = code_of(lambda: s3.put_object(Bucket=name, Key="k3", ServerSideEncryption="aws:kms", SSEKMSKeyId=absent))
    assert refused == "KMS.NotFoundException"
    s3.delete_object(Bucket=name, Key="k")


def test_a_versioned_bucket_is_deleted_only_without_versions_and_markers(
    emulator: RunningEmulator, unique: Names
) -> None:
    s3, name = emulator.client("s3"), unique("versions")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=name, Key="k", Body=b"x")["VersionId"]
    assert code_of(lambda: s3.delete_bucket(Bucket=name)) == "BucketNotEmpty"
    marker = s3.delete_object(Bucket=name, Key="k")["VersionId"]
    assert "Contents" not in s3.list_objects_v2(Bucket=name)
    assert code_of(lambda: s3.delete_bucket(Bucket=name)) == "BucketNotEmpty"
    s3.delete_object(Bucket=name, Key="k", VersionId=version)
    assert code_of(lambda: s3.delete_bucket(Bucket=name)) == "BucketNotEmpty"
    s3.delete_object(Bucket=name, Key="k", VersionId=marker)
    s3.delete_bucket(Bucket=name)
    assert code_of(lambda: s3.head_bucket(Bucket=name)) == "404"


def test_a_bucket_policy_that_demands_tls_lets_the_emulators_requests_through_and_denies_what_it_names(
    emulator: RunningEmulator, unique: Names
) -> None:
    s3, name = emulator.client("s3"), unique("policy")
    s3.create_bucket(Bucket=name)
    policy = {"Version": "2012-10-17", "Statement": [
        {"Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
         "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
         "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Sid": "Sealed", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
         "Resource": f"arn:aws:s3:::{name}/sealed/*",
         "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}},
    ]}  # fmt: skip
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"x"
    s3.put_object(Bucket=name, Key="sealed/k", Body=b"x", ServerSideEncryption="aws:kms")
    s3.head_object(Bucket=name, Key="sealed/k")
    assert code_of(lambda: s3.put_object(Bucket=name, Key="sealed/other", Body=b"x")) == "AccessDenied"


def test_a_bucket_whose_versioning_was_suspended_can_be_emptied_and_deleted(
    emulator: RunningEmulator, unique: Callable[[str], str]
) -> None:
    s3, name = emulator.client("s3"), unique("suspended")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for key in ("kept", "gone"):
        for body in (b"1", b"2"):
            s3.put_object(Bucket=name, Key=key, Body=body)
    s3.delete_object(Bucket=name, Key="gone")
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
    for _ in range(5):
        page = s3.list_object_versions(Bucket=name)
        left = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if not left:
            break
        objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in left]
        s3.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})
    assert not left
    s3.delete_bucket(Bucket=name)
