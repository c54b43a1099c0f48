"""The model registry: groups, their versions with approval, and packages by a name of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_emulator import RunningEmulator

Unique = Callable[[str], str]
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
ARN = "arn:aws:sagemaker:us-east-1:123456789012"


@pytest.fixture
def sagemaker(emulator: RunningEmulator) -> Any:
    """A client."""
    return emulator.client("sagemaker")


@pytest.fixture(scope="module")
def model_data(emulator: RunningEmulator) -> str:
    """The URI of an object that stands for a model."""
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="registry-models")
    s3.put_object(Bucket="registry-models", Key="a/model.tar.gz", Body=b"model")
    return "s3://registry-models/a/model.tar.gz"


@pytest.fixture
def group(sagemaker: Any, unique: Unique) -> str:
    """The name of a group without versions."""
    name = unique("group")
    sagemaker.create_model_package_group(ModelPackageGroupName=name, ModelPackageGroupDescription="flowers")
    return name


@pytest.fixture
def specification(model_data: str) -> dict[str, Any]:
    """How to serve the model."""
    return {
        "Containers": [{"Image": IMAGE, "ModelDataUrl": model_data, "Environment": {"A": "1"}}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
        "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
    }


def refused(code: str, words: str, call: Callable[[], object]) -> None:
    """Assert that a call is refused so."""
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["Error"]["Code"] == code
    assert words in caught.value.response["Error"]["Message"]


def test_a_group_is_described_listed_and_deleted(sagemaker: Any, group: str) -> None:
    described = sagemaker.describe_model_package_group(ModelPackageGroupName=group)
    arn = f"{ARN}:model-package-group/{group}"
    assert described["ModelPackageGroupArn"] == arn
    assert described["ModelPackageGroupDescription"] == "flowers"
    assert described["ModelPackageGroupStatus"] == "Completed"
    assert sagemaker.describe_model_package_group(ModelPackageGroupName=arn)["ModelPackageGroupName"] == group
    (summary,) = sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]
    assert summary["ModelPackageGroupArn"] == arn
    sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    refused("ValidationException", f"ModelPackageGroup {arn} does not exist.",
            lambda: sagemaker.describe_model_package_group(ModelPackageGroupName=group))  # fmt: skip


def test_the_name_of_a_group_is_taken_once(sagemaker: Any, group: str) -> None:
    refused("ValidationException", f"Model Package Group already exists: {ARN}:model-package-group/{group}",
            lambda: sagemaker.create_model_package_group(ModelPackageGroupName=group))  # fmt: skip


def test_a_group_has_a_policy(sagemaker: Any, group: str) -> None:
    refused("ValidationException", "Cannot find resource policy",
            lambda: sagemaker.get_model_package_group_policy(ModelPackageGroupName=group))  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]})
    sagemaker.put_model_package_group_policy(ModelPackageGroupName=group, ResourcePolicy=policy)
    assert sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)["ResourcePolicy"] == policy
    sagemaker.delete_model_package_group_policy(ModelPackageGroupName=group)
    refused("ValidationException", "Cannot find resource policy",
            lambda: sagemaker.delete_model_package_group_policy(ModelPackageGroupName=group))  # fmt: skip
    refused("ValidationException", "not valid JSON",
            lambda: sagemaker.put_model_package_group_policy(
                ModelPackageGroupName=group, ResourcePolicy="{"))  # fmt: skip


def test_versions_are_numbered_and_no_number_comes_again(
    sagemaker: Any, group: str, specification: dict[str, Any]
) -> None:
    def register() -> str:
        made = sagemaker.create_model_package(ModelPackageGroupName=group, InferenceSpecification=specification)
        return str(made["ModelPackageArn"])

    arns = [register(), register()]
    assert arns == [f"{ARN}:model-package/{group}/1", f"{ARN}:model-package/{group}/2"]
    sagemaker.delete_model_package(ModelPackageName=arns[1])
    assert register() == f"{ARN}:model-package/{group}/3"
    listed = sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    assert [package["ModelPackageVersion"] for package in listed] == [1, 3]
    refused("ValidationException", f"ModelPackage {arns[1]} does not exist.",
            lambda: sagemaker.describe_model_package(ModelPackageName=arns[1]))  # fmt: skip


def test_a_version_is_described_whole(sagemaker: Any, group: str, specification: dict[str, Any]) -> None:
    metrics = {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://b/statistics.json"}}}
    arn = sagemaker.create_model_package(
        ModelPackageGroupName=f"{ARN}:model-package-group/{group}", InferenceSpecification=specification,
        ModelPackageDescription="first", ModelMetrics=metrics, CustomerMetadataProperties={"run": "17"},
        MetadataProperties={"CommitId": "abc"}, Tags=[{"Key": "a", "Value": "b"}],
    )["ModelPackageArn"]  # fmt: skip
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["InferenceSpecification"] == specification
    assert described["ModelPackageStatus"] == "Completed"
    assert described["ModelPackageStatusDetails"] == {"ValidationStatuses": [], "ImageScanStatuses": []}
    assert described["ModelApprovalStatus"] == "PendingManualApproval"
    assert (described["ModelPackageGroupName"], described["ModelPackageVersion"]) == (group, 1)
    assert described["ModelMetrics"] == metrics
    assert described["MetadataProperties"] == {"CommitId": "abc"}
    assert described["CustomerMetadataProperties"] == {"run": "17"}
    assert not {"LastModifiedTime", "ModelPackageName"} & set(described)
    assert sagemaker.describe_model_package(ModelPackageName=f"{group}/1")["ModelPackageArn"] == arn
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]


def test_approval_and_metadata_are_updated(sagemaker: Any, group: str, specification: dict[str, Any]) -> None:
    arn = sagemaker.create_model_package(
        ModelPackageGroupName=group, InferenceSpecification=specification,
        CustomerMetadataProperties={"run": "17", "by": "me"},
    )["ModelPackageArn"]  # fmt: skip
    sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="good",
        CustomerMetadataProperties={"run": "18", "seen": "yes"}, CustomerMetadataPropertiesToRemove=["by"],
    )  # fmt: skip
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    assert (described["ModelApprovalStatus"], described["ApprovalDescription"]) == ("Approved", "good")
    assert described["CustomerMetadataProperties"] == {"run": "18", "seen": "yes"}
    assert described["LastModifiedTime"] >= described["CreationTime"]
    refused("ValidationException", "Member must satisfy enum value set: [Approved, Rejected, PendingManualApproval]",
            lambda: sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Yes"))  # fmt: skip


def test_specifications_are_replaced_and_added(sagemaker: Any, group: str, specification: dict[str, Any]) -> None:
    arn = sagemaker.create_model_package(ModelPackageGroupName=group)["ModelPackageArn"]
    further = {"Name": "other", "Containers": specification["Containers"]}
    sagemaker.update_model_package(
        ModelPackageArn=arn, InferenceSpecification=specification, AdditionalInferenceSpecificationsToAdd=[further]
    )
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["InferenceSpecification"] == specification
    assert described["AdditionalInferenceSpecifications"] == [further]
    refused("ValidationException", "names must be unique: other",
            lambda: sagemaker.update_model_package(
                ModelPackageArn=arn, AdditionalInferenceSpecificationsToAdd=[further]))  # fmt: skip
    gone = {"Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://registry-models/gone.tar.gz"}]}
    refused("ValidationException", "Could not find model data at s3://registry-models/gone.tar.gz.",
            lambda: sagemaker.update_model_package(ModelPackageArn=arn, InferenceSpecification=gone))  # fmt: skip
    assert sagemaker.describe_model_package(ModelPackageName=arn)["InferenceSpecification"] == specification


def test_a_group_that_has_versions_is_kept(sagemaker: Any, group: str, specification: dict[str, Any]) -> None:
    arn = sagemaker.create_model_package(ModelPackageGroupName=group, InferenceSpecification=specification)[
        "ModelPackageArn"
    ]
    refused("ConflictException", "cannot be deleted because it still contains Model Packages",
            lambda: sagemaker.delete_model_package_group(ModelPackageGroupName=group))  # fmt: skip
    sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName=group)


def test_a_package_may_have_a_name_of_its_own(
    sagemaker: Any, unique: Unique, specification: dict[str, Any], group: str
) -> None:
    name = unique("single")
    arn = sagemaker.create_model_package(ModelPackageName=name, InferenceSpecification=specification)["ModelPackageArn"]
    assert arn == f"{ARN}:model-package/{name}"
    described = sagemaker.describe_model_package(ModelPackageName=name)
    assert described["ModelPackageName"] == name
    assert "ModelPackageVersion" not in described
    assert "ModelApprovalStatus" not in described
    refused("ValidationException", f"Model Package already exists: {arn}",
            lambda: sagemaker.create_model_package(
                ModelPackageName=name, InferenceSpecification=specification))  # fmt: skip


def test_packages_are_listed_by_type_and_approval(
    sagemaker: Any, unique: Unique, specification: dict[str, Any]
) -> None:
    mark = unique("kind")
    sagemaker.create_model_package_group(ModelPackageGroupName=f"{mark}-group")
    single = sagemaker.create_model_package(ModelPackageName=f"{mark}-one", InferenceSpecification=specification)
    pending, approved = (
        sagemaker.create_model_package(
            ModelPackageGroupName=f"{mark}-group", InferenceSpecification=specification, ModelApprovalStatus=status
        )["ModelPackageArn"]
        for status in ("PendingManualApproval", "Approved")
    )

    def listed(**how: str) -> list[str]:
        reply = sagemaker.list_model_packages(NameContains=mark, **how)
        return [package["ModelPackageArn"] for package in reply["ModelPackageSummaryList"]]

    assert listed() == [single["ModelPackageArn"]]
    assert listed(ModelPackageType="Versioned") == [pending, approved]
    assert listed(ModelPackageType="Both", SortOrder="Descending") == [approved, pending, single["ModelPackageArn"]]
    assert listed(ModelPackageGroupName=f"{mark}-group", ModelApprovalStatus="Approved") == [approved]
    assert listed(ModelPackageGroupName=f"{mark}-group", ModelPackageType="Unversioned") == []
    refused("ValidationException", "does not exist",
            lambda: sagemaker.list_model_packages(ModelPackageGroupName=unique("absent")))  # fmt: skip


def test_several_versions_are_described_at_once(sagemaker: Any, group: str, specification: dict[str, Any]) -> None:
    arn = sagemaker.create_model_package(ModelPackageGroupName=group, InferenceSpecification=specification)[
        "ModelPackageArn"
    ]
    absent = f"{ARN}:model-package/{group}/9"
    reply = sagemaker.batch_describe_model_package(ModelPackageArnList=[arn, absent])
    assert reply["ModelPackageSummaries"][arn]["ModelPackageVersion"] == 1
    assert reply["ModelPackageSummaries"][arn]["InferenceSpecification"] == specification
    assert reply["BatchDescribeModelPackageErrorMap"] == {
        absent: {"ErrorCode": "ValidationException", "ErrorResponse": f"ModelPackage {absent} does not exist."}
    }


def test_the_same_token_registers_once(
    sagemaker: Any, group: str, specification: dict[str, Any], unique: Unique
) -> None:
    token = unique("token")
    made = [
        sagemaker.create_model_package(
            ModelPackageGroupName=group, InferenceSpecification=specification, ClientToken=token
        )["ModelPackageArn"]
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert len(sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Image": "docker.io/library/python:3.11"}, "is not a URI of Amazon ECR"),
        ({"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/absent:1"}, "does not exist"),
        ({"ModelDataUrl": "s3://registry-models/absent.tar.gz"}, "Could not find model data at"),
        ({"ModelDataUrl": "s3://no-such-bucket-here/absent.tar.gz"}, "Could not find model data at"),
        ({"ProductId": "x"}, "ProductId of a container is not emulated"),
        ({"Image": None}, "Image must be provided"),
    ],
)
def test_containers_are_checked(
    sagemaker: Any, group: str, specification: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    container = {**specification["Containers"][0], **changes}
    container = {name: value for name, value in container.items() if value is not None}
    refused("ValidationException", words,
            lambda: sagemaker.create_model_package(
                ModelPackageGroupName=group, InferenceSpecification={"Containers": [container]}))  # fmt: skip
    assert sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"] == []


def test_model_data_may_be_a_prefix_of_files(sagemaker: Any, group: str, model_data: str) -> None:
    def register(prefix: str) -> str:
        source = {"S3Uri": prefix, "S3DataType": "S3Prefix", "CompressionType": "None"}
        container = {"Image": IMAGE, "ModelDataSource": {"S3DataSource": source}}
        return str(sagemaker.create_model_package(
            ModelPackageGroupName=group, InferenceSpecification={"Containers": [container]}
        )["ModelPackageArn"])  # fmt: skip

    assert register(model_data.rpartition("/")[0] + "/").endswith(f"{group}/1")
    refused("ValidationException", "Could not find model data", lambda: register("s3://registry-models/nothing/"))


def test_a_package_needs_one_name_and_says_what_is_not_emulated(
    sagemaker: Any, group: str, unique: Unique, specification: dict[str, Any]
) -> None:
    refused("ValidationException", "Missing ARN.",
            lambda: sagemaker.create_model_package(InferenceSpecification=specification))  # fmt: skip
    refused(
        "ValidationException",
        "Both ModelPackageName and ModelPackageGroupName are provided in the input.",
        lambda: sagemaker.create_model_package(ModelPackageName=unique("x"), ModelPackageGroupName=group),
    )
    algorithms = {"SourceAlgorithms": [{"AlgorithmName": "mine"}]}
    refused("ValidationException", "SourceAlgorithmSpecification is not emulated",
            lambda: sagemaker.create_model_package(
                ModelPackageName=unique("x"), SourceAlgorithmSpecification=algorithms))  # fmt: skip


def test_versions_survive_a_kill_of_the_emulator(
    emulator: RunningEmulator, sagemaker: Any, group: str, specification: dict[str, Any]
) -> None:
    for _ in range(2):
        sagemaker.create_model_package(ModelPackageGroupName=group, InferenceSpecification=specification)
    sagemaker.delete_model_package(ModelPackageName=f"{group}/2")
    emulator.kill()
    assert sagemaker.describe_model_package(ModelPackageName=f"{group}/1")["ModelPackageVersion"] == 1
    made = sagemaker.create_model_package(ModelPackageGroupName=group)
    assert made["ModelPackageArn"].endswith("/3")
