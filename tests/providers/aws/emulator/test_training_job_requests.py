"""What SageMaker refuses before a training job begins, in its own words; and how jobs are found again."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_emulator import RunningEmulator
from training_requests import IMAGE, SCRIPT, TRUST, Bench


@pytest.fixture(scope="module")
def bench(emulator: RunningEmulator) -> Bench:
    return Bench(emulator, "training-requests")


def changed(request: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The request with the member at `path` (`A.B`) replaced."""
    name, _, rest = path.partition(".")
    return request | {name: changed(request[name], rest, value) if rest else value}


VENDOR, OWN = IMAGE.partition("/")[0], "123456789012.dkr.ecr.us-east-1.amazonaws.com"
TOO_LONG_A_WAIT = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 90}
OUTSIDE = {"S3Uri": "s3://bucket/x", "LocalPath": "/var/checkpoints"}
RULES = [{"RuleConfigurationName": "r", "RuleEvaluatorImage": "i"}]
WRONG: list[tuple[str, Any, str]] = [
    ("TrainingJobName", "bad_name", "at 'trainingJobName' failed to satisfy constraint: .*regular expression"),
    ("ResourceConfig.InstanceType", "ml.m5.larg", "at 'resourceConfig.instanceType' .* value set: .*ml.m5.large"),
    ("ResourceConfig.InstanceCount", 0, "names no instances"),
    ("AlgorithmSpecification.TrainingImage", f"{VENDOR}/sagemaker-scikit-learnn:1", "not emulated .*scikit-learn'"),
    ("AlgorithmSpecification.TrainingImage", f"{OWN}/absent:1", "repository of the image .* does not exist"),
    ("AlgorithmSpecification.MetricDefinitions", [{"Name": "a", "Regex": "a=(.*"}], "MetricDefinition a: .* invalid"),
    ("AlgorithmSpecification.MetricDefinitions", [{"Name": "a", "Regex": "a="}], "has no capture group"),
    ("StoppingCondition", TOO_LONG_A_WAIT, "only for jobs with EnableManagedSpot"),
    ("EnableManagedSpotTraining", True, "Invalid MaxWaitTimeInSeconds. It must be present"),
    ("CheckpointConfig", OUTSIDE, "is not below /opt/ml"),
    ("DebugRuleConfigurations", RULES, "is not emulated by Mooring"),
]


@pytest.mark.parametrize(("path", "value", "says"), WRONG)
def test_a_wrong_request_is_refused_by_the_member_that_is_wrong(bench: Bench, path: str, value: Any, says: str) -> None:
    request = changed(bench.request("refused", bench.code(SCRIPT)), path, value)
    with pytest.raises(ClientError) as raised:
        bench.sagemaker.create_training_job(**request)
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    assert re.search(says, raised.value.response["Error"]["Message"])
    with pytest.raises(ClientError, match="Requested resource not found"):
        bench.sagemaker.describe_training_job(TrainingJobName="refused")


def test_an_input_without_objects_is_refused_with_the_role_and_the_bucket(bench: Bench) -> None:
    request = bench.request("refused", bench.code(SCRIPT), InputDataConfig=[bench.channel("train", "nothing/")])
    with pytest.raises(ClientError, match=rf'No S3 objects found under S3 URL "s3://{bench.bucket}/nothing/"'):
        bench.sagemaker.create_training_job(**request)
    absent = {"S3DataType": "S3Prefix", "S3Uri": "s3://no-such-bucket/data/"}
    request["InputDataConfig"] = [{"ChannelName": "train", "DataSource": {"S3DataSource": absent}}]
    with pytest.raises(ClientError, match='No S3 objects found under S3 URL "s3://no-such-bucket/data/"'):
        bench.sagemaker.create_training_job(**request)


def test_a_name_is_taken_once_and_jobs_are_found_by_status_and_name(bench: Bench, unique: Callable[[str], str]) -> None:
    first, second = unique("found-a"), unique("found-b")
    bench.train(first, bench.code(SCRIPT), Tags=[{"Key": "team", "Value": "ml"}])
    bench.train(second, bench.code("raise SystemExit(3)", "code/other.tar.gz"))
    with pytest.raises(ClientError) as raised:
        bench.sagemaker.create_training_job(**bench.request(first, bench.code(SCRIPT)))
    assert raised.value.response["Error"]["Code"] == "ResourceInUse"
    arn = bench.sagemaker.describe_training_job(TrainingJobName=first)["TrainingJobArn"]
    assert bench.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "ml"}]

    def names(**filters: Any) -> list[str]:
        found = bench.sagemaker.list_training_jobs(**filters)["TrainingJobSummaries"]
        return [job["TrainingJobName"] for job in found]

    assert names(NameContains="FOUND-") == [first, second]
    assert names(NameContains="found-", StatusEquals="Failed") == [second]
    assert names(NameContains="found-", SortBy="Name", SortOrder="Ascending") == sorted([first, second])
    bench.sagemaker.delete_training_job(TrainingJobName=second)
    assert names(NameContains="found-") == [first]


def test_a_role_that_sagemaker_may_not_assume_is_refused_before_the_job(
    bench: Bench, unique: Callable[[str], str]
) -> None:
    absent = "arn:aws:iam::123456789012:role/nobody"
    other = json.loads(json.dumps(TRUST).replace("sagemaker.", "lambda."))
    distrusting = bench.make_role(unique("lambda"), "*", trust=other)
    for role in (absent, distrusting):
        with pytest.raises(ClientError, match=f"Could not assume role {role}. Please ensure that the role exists"):
            bench.sagemaker.create_training_job(**bench.request("refused", bench.code(SCRIPT), RoleArn=role))


def test_a_role_that_was_made_just_now_is_not_assumable_yet(
    start_emulator: Callable[[dict[str, str]], RunningEmulator],
) -> None:
    running = start_emulator({"MOORING_EMULATOR_TIME": "5"})  # two seconds of ours
    bench = Bench(running, "new-role")
    request = bench.request("early", bench.code(SCRIPT), RoleArn=bench.make_role("made-just-now", "*"))
    with pytest.raises(ClientError, match="Could not assume role"):
        bench.sagemaker.create_training_job(**request)
    time.sleep(2)
    bench.sagemaker.create_training_job(**request)
    assert bench.wait("early")["TrainingJobStatus"] == "Completed"


def test_what_the_role_may_not_do_is_told_where_it_is_needed(bench: Bench, unique: Callable[[str], str]) -> None:
    code = bench.code(SCRIPT)
    blind = bench.make_role(unique("blind"), "s3:GetObject", "s3:PutObject")
    with pytest.raises(ClientError, match=f'the role "{blind}" has "s3:ListBucket" permissions on bucket'):
        bench.sagemaker.create_training_job(**bench.request("refused", code, RoleArn=blind))
    deaf = bench.train(unique("deaf"), code, RoleArn=bench.make_role(unique("deaf"), "s3:ListBucket", "s3:PutObject"))
    assert deaf["FailureReason"].startswith("ClientError: Data download failed:AccessDenied (403): Access Denied.")
    assert [step["Status"] for step in deaf["SecondaryStatusTransitions"]] == ["Starting", "Downloading", "Failed"]
    dumb = bench.train(unique("dumb"), code, RoleArn=bench.make_role(unique("dumb"), "s3:ListBucket", "s3:GetObject"))
    assert dumb["FailureReason"].startswith("ClientError: Artifact upload failed:AccessDenied")
    assert dumb["SecondaryStatusTransitions"][-2]["Status"] == "Uploading"
