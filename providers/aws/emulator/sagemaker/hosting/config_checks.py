"""What is wrong with an endpoint configuration, or not emulated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from providers.aws.emulator.errors import validation
from providers.aws.emulator.s3_files import split_uri
from providers.aws.emulator.sagemaker import models
from providers.aws.emulator.sagemaker.call import Call

MOST_VARIANTS = 10
_NOT_EMULATED = {
    "ShadowProductionVariants": "Shadow variants are",
    "ExplainerConfig": "An explainer is",
    "MetricsConfig": "MetricsConfig is",
    "CrossRegionTrafficConfig": "CrossRegionTrafficConfig is",
    "ExecutionRoleArn": "A configuration without models (for inference components) is",
    "VpcConfig": "A VPC of the configuration (for inference components) is",
    "EnableNetworkIsolation": "Network isolation of the configuration (for inference components) is",
}
_NOT_EMULATED_OF_VARIANT = (
    "AcceleratorType",
    "AcceleratorPartitionLayouts",
    "CapacityReservationConfig",
    "CoreDumpConfig",
    "EnableSSMAccess",
    "InferenceAmiVersion",
    "InstancePools",
    "ManagedInstanceScaling",
    "VariantInstanceProvisionTimeoutInSeconds",
)
_ROUTING = ("LEAST_OUTSTANDING_REQUESTS", "RANDOM")
"""Strategies that are accepted; the router here always takes the least loaded server."""

Variant = Mapping[str, Any]


def check(call: Call) -> None:
    """Raise ApiError for what AWS refuses, and for what is not emulated."""
    given = call.given
    for member, what in _NOT_EMULATED.items():
        if given.get(member):
            raise validation(f"{what} not emulated by Mooring (docs/emulators.md)")
    variants: Sequence[Variant] = given["ProductionVariants"]
    if len(variants) > MOST_VARIANTS:
        raise validation(f"The number of production variants exceeds the limit of {MOST_VARIANTS}")
    repeated = [name for name, count in Counter(one["VariantName"] for one in variants).items() if count > 1]
    if repeated:
        raise validation(f"Duplicate variant names are not allowed: {', '.join(repeated)}")
    for variant in variants:
        _check_variant(call, variant)
    _check_whole(given, variants)
    if capture := given.get("DataCaptureConfig"):
        split_uri(capture["DestinationS3Uri"])


def _check_variant(call: Call, variant: Variant) -> None:
    name = variant["VariantName"]
    for member in _NOT_EMULATED_OF_VARIANT:
        if variant.get(member):
            raise validation(f"{member} of variant {name} is not emulated by Mooring (docs/emulators.md)")
    strategy = (variant.get("RoutingConfig") or {}).get("RoutingStrategy", "RANDOM")
    if strategy not in _ROUTING:
        raise validation(f"RoutingStrategy {strategy} of variant {name} is not emulated by Mooring")
    if not variant.get("ModelName"):
        raise validation(
            f"ModelName is missing from variant {name}; inference components, which do without, are not emulated"
        )
    models.existing(call, variant["ModelName"])
    if serverless := variant.get("ServerlessConfig"):
        _check_serverless(variant, serverless)
    elif not variant.get("InstanceType") or variant.get("InitialInstanceCount") is None:
        raise validation(
            f"InstanceType and InitialInstanceCount, or ServerlessConfig, must be specified for variant {name}"
        )


def _check_serverless(variant: Variant, serverless: Mapping[str, Any]) -> None:
    name = variant["VariantName"]
    if variant.get("InstanceType") or variant.get("InitialInstanceCount") is not None:
        raise validation(f"ServerlessConfig cannot be specified with InstanceType or InitialInstanceCount ({name})")
    if serverless["MemorySizeInMB"] % 1024:
        raise validation(
            f"Value '{serverless['MemorySizeInMB']}' at 'memorySizeInMB' failed to satisfy constraint: "
            "Member must satisfy enum value set: [1024, 2048, 3072, 4096, 5120, 6144]"
        )
    if int(serverless.get("ProvisionedConcurrency") or 0) > serverless["MaxConcurrency"]:
        raise validation(f"ProvisionedConcurrency must not be greater than MaxConcurrency ({name})")


def _check_whole(given: Mapping[str, Any], variants: Sequence[Variant]) -> None:
    serverless = [one for one in variants if one.get("ServerlessConfig")]
    if serverless and len(variants) > 1:
        raise validation("Serverless endpoints support a single production variant only")
    for member in ("DataCaptureConfig", "AsyncInferenceConfig", "KmsKeyId"):
        if serverless and given.get(member):
            raise validation(f"One or more endpoint features are not supported by serverless endpoints: {member}")
    asynchronous = given.get("AsyncInferenceConfig")
    if asynchronous and len(variants) > 1:
        raise validation("Asynchronous endpoints support a single production variant only")
    if asynchronous:
        output = asynchronous["OutputConfig"]
        if not output.get("S3OutputPath"):
            raise validation("AsyncInferenceConfig.OutputConfig needs an S3OutputPath")
        for path in filter(None, (output["S3OutputPath"], output.get("S3FailurePath"))):
            split_uri(path)
        if (output.get("NotificationConfig") or {}).get("IncludeInferenceResponseIn"):
            raise validation(
                "IncludeInferenceResponseIn is not emulated by Mooring; the reply is at its OutputLocation"
            )
        if given.get("DataCaptureConfig"):
            raise validation("Data capture of asynchronous endpoints is not emulated by Mooring")
