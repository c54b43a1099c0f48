"""What was answered is there after a restart, and after a kill half a second later."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_emulator import RunningEmulator, StartEmulator

GUARANTEED = 0.5
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]})  # fmt: skip
Names = Callable[[str], str]


def _make_everything(emulator: RunningEmulator, name: str) -> dict[str, str]:
    """Something of each service; what is needed to ask for it again."""
    s3, iam, kms = emulator.client("s3"), emulator.client("iam"), emulator.client("kms")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.put_object(Bucket=name, Key="x/y", Body=b"one", Metadata={"who": "me"})
    s3.put_object(Bucket=name, Key="x/y", Body=b"two")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    inline = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(inline))
    key = kms.create_key(Description=name)["KeyMetadata"]["KeyId"]
    signing = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=key)
    secret = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"].hex()
    signature = kms.sign(KeyId=signing, Message=b"m", SigningAlgorithm="ECDSA_SHA_256")["Signature"].hex()
    emulator.client("ecr").create_repository(repositoryName=name, tags=[{"Key": "a", "Value": "b"}])
    vpc = emulator.client("ec2").create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = emulator.client("ec2").create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
    logs = emulator.client("logs")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    now = int(time.time() * 1000)
    logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=[{"timestamp": now, "message": "hello"}])
    topic = emulator.client("sns").create_topic(Name=name)["TopicArn"]
    emulator.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="a@b.example")
    cloudwatch = emulator.client("cloudwatch")
    cloudwatch.put_metric_data(Namespace=name, MetricData=[{"MetricName": "m", "Value": 3.0}])
    cloudwatch.put_metric_alarm(
        AlarmName=name, Namespace=name, MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=5.0,
        ComparisonOperator="GreaterThanThreshold", AlarmActions=[topic])  # fmt: skip
    emulator.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="sagemaker", ResourceId=f"endpoint/{name}/variant/main",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount", MinCapacity=1, MaxCapacity=3)  # fmt: skip
    emulator.client("cloudtrail").create_trail(Name=name, S3BucketName=name)
    emulator.client("budgets").create_budget(AccountId="123456789012", Budget={"BudgetName": name,
        "BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": {"Amount": "10", "Unit": "USD"}})  # fmt: skip
    emulator.client("codebuild").create_project(name=name, serviceRole=f"arn:aws:iam::123456789012:role/{name}",
        source={"type": "S3", "location": f"{name}/code.zip"}, artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_SMALL"})  # fmt: skip
    return {"key": key, "signing": signing, "signature": signature, "secret": secret, "subnet": subnet, "topic": topic}


def _everything(emulator: RunningEmulator, name: str, made: dict[str, str]) -> dict[str, Any]:
    """What the services tell of it."""
    s3, iam, kms = emulator.client("s3"), emulator.client("iam"), emulator.client("kms")
    logs, cloudwatch = emulator.client("logs"), emulator.client("cloudwatch")
    versions = s3.list_object_versions(Bucket=name)["Versions"]
    told: dict[str, Any] = {
        "bucket": [bucket for bucket in s3.list_buckets()["Buckets"] if bucket["Name"] == name],
        "bucket tags": s3.get_bucket_tagging(Bucket=name)["TagSet"],
        "versions": [(one["VersionId"], one["ETag"], one["IsLatest"], one["LastModified"]) for one in versions],
        "metadata": s3.head_object(Bucket=name, Key="x/y", VersionId=versions[1]["VersionId"])["Metadata"],
        "bodies": [
            s3.get_object(Bucket=name, Key="x/y", VersionId=one["VersionId"])["Body"].read() for one in versions],
        "role": iam.get_role(RoleName=name)["Role"],
        "policies": iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"],
        "inline": iam.get_role_policy(RoleName=name, PolicyName="p")["PolicyDocument"],
        "key": kms.describe_key(KeyId=f"alias/{name}")["KeyMetadata"],
        "secret": kms.decrypt(CiphertextBlob=bytes.fromhex(made["secret"]))["Plaintext"],
        "verified": kms.verify(KeyId=made["signing"], Message=b"m", SigningAlgorithm="ECDSA_SHA_256",
                               Signature=bytes.fromhex(made["signature"]))["SignatureValid"],
        "s3's key": kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["KeyId"],
        "repository": emulator.client("ecr").describe_repositories(repositoryNames=[name])["repositories"],
        "subnet": emulator.client("ec2").describe_subnets(SubnetIds=[made["subnet"]])["Subnets"],
        "default vpc": emulator.client("ec2").describe_vpcs(
            Filters=[{"Name": "isDefault", "Values": ["true"]}])["Vpcs"],
        "log": [event["message"] for event in logs.get_log_events(logGroupName=name, logStreamName="s")["events"]],
        "topic": emulator.client("sns").list_subscriptions_by_topic(TopicArn=made["topic"])["Subscriptions"],
        "metrics": cloudwatch.list_metrics(Namespace=name)["Metrics"],
        "alarm": cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["AlarmArn"],
        "target": emulator.client("application-autoscaling").describe_scalable_targets(
            ServiceNamespace="sagemaker", ResourceIds=[f"endpoint/{name}/variant/main"])["ScalableTargets"],
        "trail": emulator.client("cloudtrail").describe_trails(trailNameList=[name])["trailList"],
        "budget": emulator.client("budgets").describe_budget(AccountId="123456789012", BudgetName=name)["Budget"],
        "project": emulator.client("codebuild").batch_get_projects(names=[name])["projects"],
    }  # fmt: skip
    assert all(told.values()), told
    return told


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_the_state_of_every_service_survives(emulator: RunningEmulator, unique: Names, how: str) -> None:
    name = unique("all")
    made = _make_everything(emulator, name)
    before = _everything(emulator, name, made)
    if how == "kill":
        time.sleep(GUARANTEED)
        emulator.kill()
    else:
        emulator.restart()
    assert _everything(emulator, name, made) == before


def test_nothing_that_was_answered_half_a_second_before_a_kill_is_lost(
    emulator: RunningEmulator, unique: Names
) -> None:
    s3, name = emulator.client("s3"), unique("killed")
    s3.create_bucket(Bucket=name)
    answered: dict[str, float] = {}
    for cycle in range(3):
        end = time.monotonic() + 0.8
        while (now := time.monotonic()) < end:
            key = f"{cycle}-{now}"
            s3.put_object(Bucket=name, Key=key, Body=key.encode() * 100)
            answered[key] = now
        emulator.kill()
        answered = {key: at for key, at in answered.items() if at < end - GUARANTEED}
        for key in answered:
            assert s3.get_object(Bucket=name, Key=key)["Body"].read() == key.encode() * 100


def test_many_threads_at_once_meet_no_failure(emulator: RunningEmulator, unique: Names) -> None:
    s3, name = emulator.client("s3"), unique("threads")
    s3.create_bucket(Bucket=name)

    def work(number: int) -> int:
        for turn in range(15):
            s3.put_object(Bucket=name, Key=f"{number}/{turn}", Body=b"x" * 1000)
            s3.list_objects_v2(Bucket=name)
            s3.list_buckets()
            s3.get_object(Bucket=name, Key=f"{number}/{turn}")["Body"].read()
        return number

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 28
    assert s3.list_objects_v2(Bucket=name)["KeyCount"] == 120


def test_what_was_deleted_stays_deleted_after_a_kill(emulator: RunningEmulator, unique: Names) -> None:
    s3, name = emulator.client("s3"), unique("gone")
    s3.create_bucket(Bucket=name)
    time.sleep(GUARANTEED)
    s3.delete_bucket(Bucket=name)
    time.sleep(GUARANTEED)
    emulator.kill()
    assert name not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}


def _object_files(emulator: RunningEmulator) -> dict[Path, int]:
    folder = emulator.home / "aws" / "moto" / "objects"
    return {file: file.stat().st_mtime_ns for file in folder.glob("??/*")}


def test_an_objects_bytes_are_written_once_and_removed_with_it(start_emulator: StartEmulator, unique: Names) -> None:
    emulator = start_emulator()
    s3, name = emulator.client("s3"), unique("bytes")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="big", Body=bytes(5_000_000))
    (first,) = _object_files(emulator).items()
    for number in range(5):
        s3.put_object(Bucket=name, Key=f"small-{number}", Body=b"x")
    time.sleep(GUARANTEED)
    emulator.restart()
    files = _object_files(emulator)
    assert len(files) == 6
    assert files[first[0]] == first[1]
    state = sum(file.stat().st_size for file in (emulator.home / "aws" / "moto" / "state" / "s3").glob("*/*"))
    assert state < 100_000
    s3.delete_object(Bucket=name, Key="big")
    _wait(lambda: len(_object_files(emulator)) == 5)
    assert first[0] not in _object_files(emulator)


def test_the_parts_of_an_upload_leave_no_bytes_behind(start_emulator: StartEmulator, unique: Names) -> None:
    emulator = start_emulator()
    s3, name = emulator.client("s3"), unique("parts")
    s3.create_bucket(Bucket=name)
    upload = s3.create_multipart_upload(Bucket=name, Key="k")["UploadId"]
    blocks = [b"a" * 5_242_880, b"b" * 1000]
    tags = [s3.upload_part(Bucket=name, Key="k", UploadId=upload, PartNumber=number, Body=block)["ETag"]
            for number, block in enumerate(blocks, 1)]  # fmt: skip
    time.sleep(GUARANTEED)
    emulator.kill()
    parts = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
    s3.complete_multipart_upload(Bucket=name, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    _wait(lambda: len(_object_files(emulator)) == 1)
    emulator.restart()
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"".join(blocks)
    assert s3.get_object(Bucket=name, Key="k", Range="bytes=5242878-5242881")["Body"].read() == b"aabb"


def test_a_damaged_file_is_told_and_set_aside_and_the_rest_loads(start_emulator: StartEmulator, unique: Names) -> None:
    emulator = start_emulator()
    name = unique("damaged")
    emulator.client("s3").create_bucket(Bucket=name)
    emulator.client("sns").create_topic(Name=name)
    time.sleep(GUARANTEED)
    state = emulator.home / "aws" / "moto" / "state"
    (file,) = (state / "sns").glob("*/us-east-1.pickle")
    emulator.kill_and(lambda: file.write_bytes(file.read_bytes()[:-20]))
    assert emulator.client("sns").list_topics()["Topics"] == []
    assert [bucket["Name"] for bucket in emulator.client("s3").list_buckets()["Buckets"]] == [name]
    assert len(list((state / "sns").glob("*/us-east-1.pickle.damaged-*"))) == 1
    assert "the state of sns in us-east-1 cannot be read and was set aside" in emulator.log.read_text()


def test_an_object_of_100_mb_is_neither_slow_nor_kept_in_memory(start_emulator: StartEmulator, unique: Names) -> None:
    import psutil

    emulator = start_emulator()
    s3, name, body = emulator.client("s3"), unique("large"), bytes(100_000_000)
    s3.create_bucket(Bucket=name)
    before = psutil.Process(emulator.pid).memory_info().rss
    began = time.monotonic()
    s3.put_object(Bucket=name, Key="k", Body=body)
    assert len(s3.get_object(Bucket=name, Key="k")["Body"].read()) == len(body)
    for start in range(0, 100_000_000, 5_000_000):
        part = s3.get_object(Bucket=name, Key="k", Range=f"bytes={start}-{start + 99}")["Body"].read()
        assert len(part) == 100
    took = time.monotonic() - began
    held = psutil.Process(emulator.pid).memory_info().rss - before
    assert took < 5
    assert held < 60_000_000


def test_a_bucket_that_is_gone_can_be_told_from_one_that_never_was_restored(emulator: RunningEmulator) -> None:
    with pytest.raises(ClientError) as caught:
        emulator.client("s3").get_object(Bucket="never-was-here", Key="k")
    assert caught.value.response["Error"]["Code"] == "NoSuchBucket"


def _wait(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)
