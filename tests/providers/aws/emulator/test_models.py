"""CreateModel checks what a model is made of; Describe, List and Delete are as AWS has them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hosting_bench import IMAGE, HostingBench, hosting, packed
from running_emulator import RunningEmulator
from training_requests import make_role

Unique = Callable[[str], str]


@pytest.fixture(scope="module")
def bench(emulator: RunningEmulator) -> Iterator[HostingBench]:
    with hosting(emulator, f"models-{time.time_ns()}") as made:
        yield made


@pytest.fixture(scope="module")
def data(bench: HostingBench) -> str:
    return bench.put("model.tar.gz", packed({"name.txt": "a"}))


def refusal(bench: HostingBench, name: str, **members: Any) -> str:
    """What CreateModel says in refusing."""
    with pytest.raises(ClientError) as caught:
        bench.sagemaker.create_model(ModelName=name, **members)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    return str(caught.value.response["Error"]["Message"])


def test_a_model_is_described_as_it_was_made(bench: HostingBench, data: str, unique: Unique) -> None:
    name = unique("Model")
    container = {"Image": IMAGE, "ModelDataUrl": data, "Environment": {"A": "b"}}
    network = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
    role = make_role(bench.running, unique("reader"), "s3:GetObject")
    arn = bench.sagemaker.create_model(
        ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role,
        VpcConfig=network, Tags=[{"Key": "k", "Value": "v"}],
    )["ModelArn"]  # fmt: skip
    assert arn == f"arn:aws:sagemaker:us-east-1:123456789012:model/{name.lower()}"
    found = bench.sagemaker.describe_model(ModelName=name)
    source = {"S3DataSource": {"S3Uri": data, "S3DataType": "S3Object", "CompressionType": "Gzip"}}
    assert found["PrimaryContainer"] == {**container, "Mode": "SingleModel", "ModelDataSource": source}
    assert (found["VpcConfig"], found["EnableNetworkIsolation"]) == (network, False)
    assert bench.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    assert [one["ModelName"] for one in bench.sagemaker.list_models(NameContains=name)["Models"]] == [name]
    bench.sagemaker.delete_model(ModelName=name)
    with pytest.raises(ClientError, match=f'Could not find model "{arn}"'):
        bench.sagemaker.describe_model(ModelName=name)
    with pytest.raises(ClientError, match="Could not find model"):
        bench.sagemaker.delete_model(ModelName=name)


def test_the_role_must_be_allowed_to_read_the_models_data(bench: HostingBench, data: str, unique: Unique) -> None:
    blind = make_role(bench.running, unique("blind"), "s3:PutObject")
    for role in (blind, "arn:aws:iam::123456789012:role/absent"):
        container = {"Image": IMAGE, "ModelDataUrl": data}
        told = refusal(bench, unique("m"), PrimaryContainer=container, ExecutionRoleArn=role)
        assert told.startswith(f'Could not access model data at {data}. Please ensure that the role "{role}" exists')


def test_a_name_is_taken_whatever_its_case(bench: HostingBench, data: str, unique: Unique) -> None:
    name, container = unique("twice"), {"Image": IMAGE, "ModelDataUrl": data}
    bench.sagemaker.create_model(ModelName=name, PrimaryContainer=container)
    told = refusal(bench, name.upper(), PrimaryContainer=container)
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:model/{name}"
    assert told == f'Cannot create already existing model "{arn}".'


@pytest.mark.parametrize("uri", ["s3://{bucket}/absent.tar.gz", "s3://no-such-bucket-at-all/model.tar.gz"])
def test_model_data_must_be_there(bench: HostingBench, unique: Unique, uri: str) -> None:
    address = uri.format(bucket=bench.bucket)
    told = refusal(bench, unique("m"), PrimaryContainer={"Image": IMAGE, "ModelDataUrl": address})
    assert told == f"Could not find model data at {address}."


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-lern:1", "did you mean"),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/absent:1", "does not exist"),
        ("docker.io/library/python:3", "not a URI of Amazon ECR"),
    ],
)
def test_an_image_that_cannot_be_pulled_is_refused(
    bench: HostingBench, data: str, unique: Unique, image: str, words: str
) -> None:
    assert words in refusal(bench, unique("m"), PrimaryContainer={"Image": image, "ModelDataUrl": data})


def test_what_is_not_emulated_is_refused(bench: HostingBench, data: str, unique: Unique) -> None:
    one = {"Image": IMAGE, "ModelDataUrl": data}
    assert "several containers" in refusal(bench, unique("m"), Containers=[one, one])
    assert "MultiModel" in refusal(bench, unique("m"), PrimaryContainer={**one, "Mode": "MultiModel"})
    assert "Either PrimaryContainer or Containers" in refusal(bench, unique("m"))
    assert "Both PrimaryContainer and Containers" in refusal(bench, unique("m"), PrimaryContainer=one, Containers=[one])


def test_model_data_may_be_a_prefix(bench: HostingBench, unique: Unique) -> None:
    bench.put("unpacked/a/name.txt", b"prefix")
    source = {"S3Uri": f"s3://{bench.bucket}/unpacked/a/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = {"Image": IMAGE, "ModelDataSource": {"S3DataSource": source}}
    bench.sagemaker.create_model(ModelName=unique("m"), PrimaryContainer=container)
    source["S3Uri"] = f"s3://{bench.bucket}/unpacked/absent/"
    assert "Could not find model data at" in refusal(bench, unique("m"), PrimaryContainer=container)


def test_a_package_of_the_registry_may_stand_for_the_container(bench: HostingBench, data: str, unique: Unique) -> None:
    group = unique("group")
    bench.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    arn = bench.sagemaker.create_model_package(
        ModelPackageGroupName=group,
        InferenceSpecification={
            "Containers": [{"Image": IMAGE, "ModelDataUrl": data}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    name = unique("m")
    bench.sagemaker.create_model(ModelName=name, PrimaryContainer={"ModelPackageName": arn})
    found = bench.sagemaker.describe_model(ModelName=name)["PrimaryContainer"]
    assert found == {"ModelPackageName": arn, "Mode": "SingleModel"}
    told = refusal(bench, unique("m"), PrimaryContainer={"ModelPackageName": arn.replace("/1", "/7")})
    assert told == f"ModelPackage {arn.replace('/1', '/7')} does not exist."
