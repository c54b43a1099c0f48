"""What SageMaker refuses before a training job begins, in its own words; and how jobs are found again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_emulator import RunningEmulator
from training_requests import IMAGE, SCRIPT, Bench


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
