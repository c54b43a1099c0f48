"""What a Describe says of an endpoint's variants."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from providers.aws.emulator.sagemaker.hosting.fleet import Desired, Slot
from providers.aws.emulator.state import Thing

Variant = dict[str, Any]


def variants(config: Thing, slots: Sequence[Slot], desired: Desired) -> list[Variant]:
    """`ProductionVariantSummary` of each variant, as asked for and as it is."""
    found = []
    for slot in slots:
        wanted = desired[slot["name"]]
        summary: Variant = {
            "VariantName": slot["name"],
            "DeployedImages": [_image(slot)],
            "CurrentWeight": wanted["weight"],
            "DesiredWeight": wanted["weight"],
        }
        serverless = of(config, slot["name"]).get("ServerlessConfig")
        if serverless:
            summary |= {"CurrentServerlessConfig": serverless, "DesiredServerlessConfig": serverless}
        else:
            summary |= {"CurrentInstanceCount": wanted["count"], "DesiredInstanceCount": wanted["count"]}
        if routing := of(config, slot["name"]).get("RoutingConfig"):
            summary["RoutingConfig"] = routing
        found.append(summary)
    return found


def of(config: Thing, name: str) -> Mapping[str, Any]:
    """A configuration's variant."""
    return next(one for one in config["ProductionVariants"] if one["VariantName"] == name)


def _image(slot: Slot) -> dict[str, Any]:
    """No layer of an image is read here, so its digest is one of its name."""
    uri = str(slot["image"])
    repository = uri if "@" in uri else uri.rpartition(":")[0]
    resolved = uri if "@" in uri else f"{repository}@sha256:{hashlib.sha256(uri.encode()).hexdigest()}"
    return {"SpecifiedImage": uri, "ResolvedImage": resolved, "ResolutionTime": slot["resolved"]}


def desired_of(summaries: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What was last asked for, by variant."""
    return {
        one["VariantName"]: {"weight": float(one["DesiredWeight"]), "count": int(one.get("DesiredInstanceCount", 1))}
        for one in summaries
    }


def pending(config: Thing, desired: Desired, status: str, since: float) -> dict[str, Any]:
    """`PendingDeploymentSummary`: the fleet that is made."""
    found = []
    for variant in config["ProductionVariants"]:
        wanted = desired[variant["VariantName"]]
        one: Variant = {"VariantName": variant["VariantName"], "DesiredWeight": wanted["weight"],
                        "VariantStatus": [{"Status": status, "StartTime": since}]}  # fmt: skip
        if serverless := variant.get("ServerlessConfig"):
            one["DesiredServerlessConfig"] = serverless
        else:
            one |= {"DesiredInstanceCount": wanted["count"], "InstanceType": variant["InstanceType"]}
        found.append(one)
    return {"EndpointConfigName": config["EndpointConfigName"], "ProductionVariants": found, "StartTime": since}


def capture(config: Thing) -> dict[str, Any] | None:
    """`DataCaptureConfigSummary` of a configuration."""
    given = config.get("DataCaptureConfig")
    if not given:
        return None
    return {
        "EnableCapture": bool(given.get("EnableCapture")),
        "CaptureStatus": "Started" if given.get("EnableCapture") else "Stopped",
        "CurrentSamplingPercentage": given["InitialSamplingPercentage"],
        "DestinationS3Uri": given["DestinationS3Uri"],
        "KmsKeyId": given.get("KmsKeyId", ""),
    }
