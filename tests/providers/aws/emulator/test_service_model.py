"""What a request must hold is said in AWS's words, from botocore's description of the service."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_emulator import RunningEmulator

from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.service_model import ServiceModel, matches


@pytest.fixture(scope="module")
def model() -> ServiceModel:
    """SageMaker's."""
    return ServiceModel("sagemaker")


def refusal(model: ServiceModel, operation: str, given: dict[str, Any]) -> str:
    """The message that a request is refused with."""
    with pytest.raises(ApiError) as caught:
        model.check(operation, given)
    assert caught.value.code == "ValidationException"
    return caught.value.message


def training_job(**changes: Any) -> dict[str, Any]:
    """A request that is in order, but for `changes`."""
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1"
    return {
        "TrainingJobName": "job",
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
        "RoleArn": "arn:aws:iam::123456789012:role/training",
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    } | changes


def test_a_request_in_order_passes(model: ServiceModel) -> None:
    model.check("CreateTrainingJob", training_job(HyperParameters={"eta": "0.1"}))


def test_missing_members_are_named_all_at_once(model: ServiceModel) -> None:
    assert refusal(model, "CreateModelPackageGroup", {}) == (
        "1 validation error detected: Value null at 'modelPackageGroupName' failed to satisfy constraint: "
        "Member must not be null"
    )
    assert refusal(model, "CreateTrainingJob", {"TrainingJobName": "job"}) == (
        "2 validation errors detected: Value null at 'roleArn' failed to satisfy constraint: Member must not be null; "
        "Value null at 'outputDataConfig' failed to satisfy constraint: Member must not be null"
    )


def test_a_nested_member_has_its_path(model: ServiceModel) -> None:
    bad = training_job(StoppingCondition={"MaxRuntimeInSeconds": 0})
    assert refusal(model, "CreateTrainingJob", bad) == (
        "1 validation error detected: Value '0' at 'stoppingCondition.maxRuntimeInSeconds' failed to satisfy "
        "constraint: Member must have value greater than or equal to 1"
    )
    channels = [{"ChannelName": "ok", "DataSource": {}}, {"ChannelName": "not ok", "DataSource": {}}]
    message = refusal(model, "CreateTrainingJob", training_job(InputDataConfig=channels))
    assert "Value 'not ok' at 'inputDataConfig.2.member.channelName' failed to satisfy constraint" in message


def test_an_enumeration_is_listed(model: ServiceModel) -> None:
    assert refusal(model, "ListModelPackageGroups", {"SortOrder": "Up"}) == (
        "1 validation error detected: Value 'Up' at 'sortOrder' failed to satisfy constraint: "
        "Member must satisfy enum value set: [Ascending, Descending]"
    )


def test_lengths_and_patterns_are_told(model: ServiceModel) -> None:
    message = refusal(model, "CreateModelPackageGroup", {"ModelPackageGroupName": "-" + "x" * 63})
    assert "2 validation errors detected" in message
    assert "Member must have length less than or equal to 63" in message
    assert "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}" in message


def test_plain_values_of_a_list_or_map_are_told_together(model: ServiceModel) -> None:
    bad = training_job(HyperParameters={"depth": "1", "note": "x" * 2501})
    message = refusal(model, "CreateTrainingJob", bad)
    assert message.startswith("1 validation error detected: Value '{depth=1, note=xxx")
    assert message.endswith(
        "at 'hyperParameters' failed to satisfy constraint: Map value must satisfy constraint: "
        "[Member must have length less than or equal to 2500, Member must have length greater than or equal to 0, "
        "Member must satisfy regular expression pattern: .*]"
    )
    vpc = {"SecurityGroupIds": ["sg-1", "sg 2"], "Subnets": ["subnet-1"]}
    message = refusal(model, "CreateTrainingJob", training_job(VpcConfig=vpc))
    assert "Value '[sg-1, sg 2]' at 'vpcConfig.securityGroupIds' failed to satisfy constraint: Member must" in message


@pytest.mark.parametrize(
    ("value", "is_allowed"),
    [("plain", True), ("Größe 12", True), ("東京/一", True), ("a b:c", True), ("semi;colon", False), ("a\nb", False),
     ("", True), ("x̄", False), ("😀", False)],
)  # fmt: skip
def test_unicode_classes_are_those_of_java(value: str, is_allowed: bool) -> None:
    assert matches(r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", value) is is_allowed


def test_symbols_and_marks_are_classes_of_their_own() -> None:
    everything = r"[\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]*"
    assert matches(everything, "x̄ = ½ · «größer» 😀")
    assert not matches(everything, "tab\tstop")


def test_patterns_that_only_java_reads_are_held_to(model: ServiceModel) -> None:
    given = {"ModelPackageArn": "arn:aws:sagemaker:us-east-1:123456789012:model-package/m/1"}
    model.check("UpdateModelPackage", given | {"CustomerMetadataProperties": {"team": "größer"}})
    message = refusal(model, "UpdateModelPackage", given | {"CustomerMetadataProperties": {"team;": "x"}})
    assert "at 'customerMetadataProperties' failed to satisfy constraint: Map keys must satisfy constraint" in message


def test_no_pattern_of_the_service_is_waived() -> None:
    import botocore.session

    model = botocore.session.get_session().get_service_model("sagemaker")
    patterns = {model.shape_for(name).metadata.get("pattern", "") for name in model.shape_names}
    javas = [pattern for pattern in patterns if "\\p{" in pattern or "\\u" in pattern]
    assert len(javas) >= 9
    assert [pattern for pattern in javas if matches(pattern, "\x00")] == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ModelPackageGroupName": 7}, "NUMBER_VALUE can not be converted to a String"),
        ({"ModelPackageGroupName": True}, "TRUE_VALUE can not be converted to a String"),
        ({"ModelPackageGroupName": ["x"]}, "Start of list found where not expected."),
        ({"ModelPackageGroupName": "x", "Tags": "x"}, "Expected list or null"),
        ({"ModelPackageGroupName": "x", "Tags": ["x"]}, "Expected map or null"),
    ],
)
def test_json_of_another_type_is_a_serialization_error(
    emulator: RunningEmulator, given: dict[str, Any], message: str
) -> None:
    scope = "Credential=k/20260101/us-east-1/sagemaker/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",
        "X-Amz-Target": "SageMaker.CreateModelPackageGroup",
        "Content-Type": "application/x-amz-json-1.1",
    }
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=10)
    try:
        connection.request("POST", "/", json.dumps(given), headers)
        answer = connection.getresponse()
        body = json.loads(answer.read())
    finally:
        connection.close()
    assert (answer.status, body["__type"], body["message"]) == (400, "SerializationException", message)


def test_boto3_gets_the_refusal_as_a_client_error(emulator: RunningEmulator) -> None:
    with pytest.raises(ClientError) as caught:
        emulator.client("sagemaker").create_model_package_group(ModelPackageGroupName="no good")
    assert caught.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "1 validation error detected: Value 'no good' at 'modelPackageGroupName' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
    }
