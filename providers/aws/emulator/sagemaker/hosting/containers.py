"""The container of a model: which image, which model data, and which variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from providers.aws.emulator import images, s3_files
from providers.aws.emulator.account import arn
from providers.aws.emulator.errors import validation
from providers.aws.emulator.images import Image
from providers.aws.emulator.s3_files import TransferError
from providers.aws.emulator.sagemaker import model_packages
from providers.aws.emulator.state import Thing

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

_NOT_EMULATED = {
    "AdditionalModelDataSources": "put all of the model into one archive",
    "MultiModelConfig": "serve each model by an endpoint or a variant of its own",
    "ContainerMetricsConfig": "the endpoint's own metrics are in CloudWatch",
}


@dataclass(frozen=True)
class ModelData:
    """Where a model is: one object, or all below a prefix; packed as tar.gz, or as it is."""

    uri: str
    is_prefix: bool = False
    is_packed: bool = True


@dataclass(frozen=True)
class Container:
    """What a model's server is made from. `isolated` ones do not get a way to AWS."""

    image: Image
    data: ModelData | None
    environment: Mapping[str, str]
    isolated: bool = False


def of_model(service: SageMaker, region: str, model: Mapping[str, Any]) -> Container:
    """The container of a model as `DescribeModel` has it, or as `CreateModel` gives it. Raises ApiError for one that
    cannot be, whose image or model data is not there, or that is not emulated."""
    given = list(model.get("Containers") or ())
    if model.get("PrimaryContainer"):
        if given:
            raise validation("Both PrimaryContainer and Containers are provided. Only one of them may be specified.")
        given = [model["PrimaryContainer"]]
    if not given:
        raise validation("Either PrimaryContainer or Containers must be specified.")
    if len(given) > 1:
        raise validation("A model of several containers (an inference pipeline) is not emulated by Mooring")
    return _container(service, region, given[0], bool(model.get("EnableNetworkIsolation")))


def _container(service: SageMaker, region: str, given: Mapping[str, Any], isolated: bool) -> Container:
    for member, instead in _NOT_EMULATED.items():
        if given.get(member):
            raise validation(f"{member} of a container is not emulated by Mooring; {instead}")
    if given.get("Mode", "SingleModel") != "SingleModel":
        raise validation("The container mode MultiModel is not emulated by Mooring")
    if (given.get("ImageConfig") or {}).get("RepositoryAccessMode", "Platform") != "Platform":
        raise validation("Images of a registry in a VPC are not emulated by Mooring; name one of Amazon ECR")
    if given.get("ModelPackageName"):
        if given.get("Image") or given.get("ModelDataUrl") or given.get("ModelDataSource"):
            raise validation("A container with a ModelPackageName must not have an Image or model data of its own.")
        held = _of_package(service, region, given["ModelPackageName"], given.get("InferenceSpecificationName"))
        given = {**held, "Environment": {**(held.get("Environment") or {}), **(given.get("Environment") or {})}}
    if not given.get("Image"):
        raise validation("Either Image or ModelPackageName must be specified for a container.")
    image = images.resolve(given["Image"], service.clients.get("ecr", region))
    data = model_data(given)
    if data is not None:
        _must_exist(service.clients.get("s3", region), data)
    return Container(image, data, dict(given.get("Environment") or {}), isolated)


def _of_package(service: SageMaker, region: str, name: str, specification: str | None) -> Mapping[str, Any]:
    """The container that a package of the model registry names."""
    full = name.lower() if name.startswith("arn:") else arn(region, model_packages.ARN_KIND, name)
    package: Thing | None = service.state.find(model_packages.KIND, region, full)
    if package is None:
        raise validation(f"ModelPackage {full} does not exist.")
    held = package.get("InferenceSpecification")
    if specification is not None:
        further = package.get("AdditionalInferenceSpecifications") or ()
        held = next((one for one in further if one["Name"] == specification), None)
    containers: list[Mapping[str, Any]] = list((held or {}).get("Containers") or ())
    if len(containers) != 1:
        raise validation(f"ModelPackage {full} has {len(containers)} containers to deploy; Mooring emulates one")
    return containers[0]


def model_data(given: Mapping[str, Any]) -> ModelData | None:
    """Where a container's model is; None for one without. Raises ApiError."""
    source = (given.get("ModelDataSource") or {}).get("S3DataSource")
    if given.get("ModelDataUrl"):
        if source and (source["S3Uri"], source["CompressionType"]) != (given["ModelDataUrl"], "Gzip"):
            raise validation("Both ModelDataUrl and ModelDataSource are provided. Specify only one of them.")
        return ModelData(given["ModelDataUrl"])
    if source is None:
        return None
    if source.get("HubAccessConfig") or source.get("ManifestS3Uri"):
        raise validation("Model data of a hub, or by a manifest, is not emulated by Mooring")
    return ModelData(source["S3Uri"], source["S3DataType"] == "S3Prefix", source["CompressionType"] == "Gzip")


def _must_exist(s3: Any, data: ModelData) -> None:
    try:
        found = (
            any(True for _ in s3_files.keys_below(s3, data.uri)) if data.is_prefix else s3_files.exists(s3, data.uri)
        )
    except TransferError:
        found = False
    if not found:
        raise validation(f"Could not find model data at {data.uri}.")
