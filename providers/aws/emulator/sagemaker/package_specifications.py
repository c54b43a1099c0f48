"""What a model package says of its containers: checked when it is registered, as a model's are when it is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from providers.aws.emulator import images, s3_files
from providers.aws.emulator.errors import validation
from providers.aws.emulator.s3_files import TransferError
from providers.aws.emulator.sagemaker.call import Call

MOST_ADDITIONAL = 15
"""Additional inference specifications that one package may have."""
_NOT_EMULATED = ("BaseModel", "ProductId", "AdditionalModelDataSources", "AdditionalS3DataSource")


def check(call: Call, specification: Mapping[str, Any]) -> None:
    """Raise ApiError for a container whose image or model data is not there, or that is not emulated."""
    for container in specification.get("Containers", ()):
        if held := [name for name in _NOT_EMULATED if container.get(name)]:
            raise validation(f"{held[0]} of a container is not emulated; name Image and ModelDataUrl")
        if not container.get("Image"):
            raise validation("Image must be provided for each container of the InferenceSpecification")
        images.resolve(container["Image"], call.service.clients.get("ecr", call.region))
        for uri, is_prefix in model_data(container):
            _must_exist(call, uri, is_prefix)


def check_additional(call: Call, specifications: list[Mapping[str, Any]]) -> None:
    """Raise ApiError for additional specifications that are too many, share a name, or are wrong in themselves."""
    names = [specification["Name"] for specification in specifications]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise validation(f"Additional Inference Specification names must be unique: {', '.join(repeated)}")
    if len(names) > MOST_ADDITIONAL:
        raise validation(f"Total number of additional Inference Specifications can not exceed {MOST_ADDITIONAL}")
    for specification in specifications:
        check(call, specification)


def model_data(container: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Where a container's model is: the URI, and whether it is a prefix of many objects. Raises ApiError for both
    ways of saying it at once."""
    source = (container.get("ModelDataSource") or {}).get("S3DataSource")
    if container.get("ModelDataUrl") and source:
        raise validation("Both ModelDataUrl and ModelDataSource are provided. Specify only one of them.")
    if container.get("ModelDataUrl"):
        yield container["ModelDataUrl"], False
    elif source:
        yield source["S3Uri"], source["S3DataType"] == "S3Prefix"


def _must_exist(call: Call, uri: str, is_prefix: bool) -> None:
    s3 = call.service.clients.get("s3", call.region)
    if not is_prefix:
        if not s3_files.exists(s3, uri):
            raise validation(f"Could not find model data at {uri}.")
        return
    try:
        found = next(s3_files.keys_below(s3, uri), None)
    except TransferError:
        found = None
    if found is None:
        raise validation(f"Could not find model data at {uri}.")
