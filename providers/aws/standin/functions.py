"""Functions of the package `aws` that the foundation calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from providers.aws.emulator.clients import ACCESS_KEY
from providers.aws.standin.kind import Aws, Properties


def caller_identity(aws: Aws, args: Properties) -> dict[str, Any]:
    """Whose credentials these are. The emulator has one account, so nobody need be asked in every preview."""
    arn = aws.arn("sts", f"user/{ACCESS_KEY}", region="")
    return {"id": aws.account, "accountId": aws.account, "arn": arn, "userId": ACCESS_KEY}


def availability_zones(aws: Aws, args: Properties) -> dict[str, Any]:
    """The region's zones."""
    filters = [{"Name": one["name"], "Values": one["values"]} for one in args.get("filters") or []]
    if state := args.get("state"):
        filters.append({"Name": "state", "Values": [state]})
    found = aws.client("ec2").describe_availability_zones(Filters=filters)["AvailabilityZones"]
    zones = sorted(found, key=lambda zone: str(zone["ZoneName"]))
    return {
        "id": aws.region,
        "region": aws.region,
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone["ZoneId"] for zone in zones],
        "groupNames": sorted({zone["GroupName"] for zone in zones if zone.get("GroupName")}),
        **args,
    }


FUNCTIONS: Mapping[str, Callable[[Aws, Properties], dict[str, Any]]] = MappingProxyType(
    {
        "aws:index/getCallerIdentity:getCallerIdentity": caller_identity,
        "aws:index/getAvailabilityZones:getAvailabilityZones": availability_zones,
    }
)
