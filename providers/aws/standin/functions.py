"""Functions of the package `aws` that the foundation calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

from providers.aws.emulator.clients import ACCESS_KEY
from providers.aws.standin.kind import Aws, Properties
from providers.errors import Unavailable


def caller_identity(aws: Aws, args: Properties) -> dict[str, Any]:
    """Whose credentials these are. The emulator has one account, so nobody need be asked in every preview."""
    arn = aws.arn("sts", f"user/{ACCESS_KEY}", region="")
    return {"id": aws.account, "accountId": aws.account, "arn": arn, "userId": ACCESS_KEY}


def availability_zones(aws: Aws, args: Properties) -> dict[str, Any]:
    """The region's zones."""
    filters = [(one["name"], one["values"]) for one in args.get("filters") or []]
    if state := args.get("state"):
        filters.append(("state", [state]))
    zones = sorted(_zones(aws, filters), key=lambda zone: zone["zoneName"])
    return {
        "id": aws.region,
        "region": aws.region,
        "names": [zone["zoneName"] for zone in zones],
        "zoneIds": [zone["zoneId"] for zone in zones],
        "groupNames": sorted({zone["groupName"] for zone in zones if zone.get("groupName")}),
        **args,
    }


def _zones(aws: Aws, filters: list[tuple[str, list[str]]]) -> list[dict[str, str]]:
    """DescribeAvailabilityZones, asked without botocore: a client of EC2 takes it a second to make, and every preview
    of a private network asks this."""
    fields = {"Action": "DescribeAvailabilityZones", "Version": "2016-11-15"}
    for number, (name, values) in enumerate(filters, start=1):
        fields[f"Filter.{number}.Name"] = name
        fields |= {f"Filter.{number}.Value.{place}": value for place, value in enumerate(values, start=1)}
    scope = f"Credential={ACCESS_KEY}/20000101/{aws.region}/ec2/aws4_request"
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",  # the emulator reads the scope
    }
    address = urlsplit(aws.clients.endpoint_url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=60)
    try:
        connection.request("POST", "/", urlencode(fields), headers)
        reply = connection.getresponse()
        body = reply.read()
    except OSError as cause:
        raise Unavailable(f"the emulator of AWS does not answer: {cause} (`mooring emulate aws` runs it)") from cause
    finally:
        connection.close()
    if reply.status != 200:
        raise Unavailable(f"the emulator of AWS does not tell its zones: {body[:300].decode(errors='replace')}")
    items = ElementTree.fromstring(body).findall("{*}availabilityZoneInfo/{*}item")
    return [{child.tag.rpartition("}")[2]: child.text or "" for child in item} for item in items]


FUNCTIONS: Mapping[str, Callable[[Aws, Properties], dict[str, Any]]] = MappingProxyType(
    {
        "aws:index/getCallerIdentity:getCallerIdentity": caller_identity,
        "aws:index/getAvailabilityZones:getAvailabilityZones": availability_zones,
    }
)
