"""Endpoint configurations: checked when they are made, and free to be deleted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hosting_bench import HostingBench, hosting
from running_emulator import RunningEmulator

Unique = Callable[[str], str]
SERVERLESS = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}


@pytest.fixture(scope="module")
def bench(emulator: RunningEmulator) -> Iterator[HostingBench]:
    with hosting(emulator, f"configs-{time.time_ns()}") as made:
        yield made


@pytest.fixture(scope="module")
def model(bench: HostingBench) -> str:
    return bench.model("a")


def variant(model: str, **changes: Any) -> dict[str, Any]:
    whole = {"VariantName": "one", "ModelName": model, "InstanceType": "ml.m6i.large", "InitialInstanceCount": 1}
    return {name: value for name, value in (whole | changes).items() if value is not None}


def serverless(model: str, **changes: Any) -> dict[str, Any]:
    return {"VariantName": "one", "ModelName": model, "ServerlessConfig": SERVERLESS | changes}


def test_a_configuration_is_described_as_it_was_made(bench: HostingBench, model: str, unique: Unique) -> None:
    name = unique("config")
    output = {"S3OutputPath": f"s3://{bench.bucket}/out"}
    arn = bench.sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[variant(model)], KmsKeyId="alias/a",
        AsyncInferenceConfig={"OutputConfig": output}, Tags=[{"Key": "k", "Value": "v"}],
    )["EndpointConfigArn"]  # fmt: skip
    assert arn == f"arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/{name}"
    found = bench.sagemaker.describe_endpoint_config(EndpointConfigName=name)
    assert found["ProductionVariants"] == [variant(model, InitialVariantWeight=1.0)]
    assert (found["KmsKeyId"], found["AsyncInferenceConfig"]) == ("alias/a", {"OutputConfig": output})
    assert bench.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    listed = bench.sagemaker.list_endpoint_configs(NameContains=name)["EndpointConfigs"]
    assert [one["EndpointConfigName"] for one in listed] == [name]
    with pytest.raises(ClientError, match=f'Cannot create already existing endpoint configuration "{arn}"'):
        bench.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant(model)])
    bench.sagemaker.delete_endpoint_config(EndpointConfigName=name)
    with pytest.raises(ClientError, match=f'Could not find endpoint configuration "{arn}"'):
        bench.sagemaker.describe_endpoint_config(EndpointConfigName=name)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"InstanceType": "ml.m5.enormous"}, "failed to satisfy constraint: Member must satisfy enum value set"),
        ({"InstanceType": None}, "InstanceType and InitialInstanceCount, or ServerlessConfig"),
        ({"InitialInstanceCount": None}, "InstanceType and InitialInstanceCount, or ServerlessConfig"),
        ({"ModelName": "absent"}, 'Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/absent"'),
        ({"ModelName": None}, "inference components"),
        ({"ServerlessConfig": SERVERLESS}, "cannot be specified with InstanceType"),
        ({"AcceleratorType": "ml.eia1.medium"}, "AcceleratorType of variant one is not emulated"),
        ({"ManagedInstanceScaling": {"Status": "ENABLED"}}, "ManagedInstanceScaling of variant one is not emulated"),
    ],
)
def test_a_variant_that_cannot_be_is_refused(
    bench: HostingBench, model: str, unique: Unique, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ClientError) as caught:
        bench.sagemaker.create_endpoint_config(
            EndpointConfigName=unique("c"), ProductionVariants=[variant(model, **changes)]
        )
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert words in caught.value.response["Error"]["Message"]


def test_a_whole_that_cannot_be_is_refused(bench: HostingBench, model: str, unique: Unique) -> None:
    output = {"OutputConfig": {"S3OutputPath": f"s3://{bench.bucket}/out"}}
    two = [variant(model), variant(model, VariantName="two")]
    capture = {"InitialSamplingPercentage": 100, "DestinationS3Uri": f"s3://{bench.bucket}/c",
               "CaptureOptions": [{"CaptureMode": "Input"}]}  # fmt: skip
    for members, words in (
        ({"ProductionVariants": [variant(model), variant(model)]}, "Duplicate variant names"),
        ({"ProductionVariants": two, "AsyncInferenceConfig": output}, "single production variant"),
        ({"ProductionVariants": [serverless(model), variant(model, VariantName="two")]}, "single production variant"),
        ({"ProductionVariants": [serverless(model)], "DataCaptureConfig": capture}, "not supported by serverless"),
        ({"ProductionVariants": [serverless(model, MemorySizeInMB=1500)]}, "Member must satisfy enum value set"),
        ({"ProductionVariants": [serverless(model, ProvisionedConcurrency=6)]}, "ProvisionedConcurrency"),
        ({"ProductionVariants": [variant(model)], "ShadowProductionVariants": [two[1]]}, "Shadow variants are not"),
        (
            {"ProductionVariants": [variant(model)], "AsyncInferenceConfig": {"OutputConfig": {}}},
            "needs an S3OutputPath",
        ),
    ):
        with pytest.raises(ClientError) as caught:
            bench.sagemaker.create_endpoint_config(EndpointConfigName=unique("c"), **members)
        assert words in str(caught.value), members
