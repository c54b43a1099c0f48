"""The stand-in's own configuration: the inputs of `aws.Provider`."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from providers.aws.emulator.clients import Clients
from providers.aws.standin.kind import Aws, Properties, words
from providers.codec import UNKNOWN
from providers.errors import InvalidInput, Problem, did_you_mean

ENDPOINT = "MOORING_AWS_ENDPOINT"
"""The emulator's address now: it comes before the one that a state remembers, which may be of another day."""

KNOWN = words(
    "accessKey endpoints maxRetries region s3UsePathStyle secretKey skipCredentialsValidation skipMetadataApiCheck "
    "skipRegionValidation skipRequestingAccountId token version"
)
NOT_COMPARED = words("endpoints version")
"""Inputs whose change changes nothing that is deployed: the emulator's port, the SDK's version."""


def problems(inputs: Properties) -> Iterator[Problem]:
    """All that is wrong with a provider's inputs."""
    for key in sorted(set(inputs) - KNOWN):
        yield Problem(key, f"is nothing that the stand-in for the aws provider knows{did_you_mean(key, sorted(KNOWN))}")
    if not inputs.get("region"):
        yield Problem("region", "missing: the stand-in for the aws provider takes it from nowhere else")
    if inputs.get("endpoints") != UNKNOWN and not _url(inputs):
        yield Problem(
            "endpoints",
            f"missing: the stand-in for the aws provider speaks to an emulator only ({ENDPOINT}, or one `endpoints`); "
            "a default provider has none, so every resource needs the stack's explicit one",
        )
    for url in {*_endpoints(inputs).values(), os.environ.get(ENDPOINT) or ""} - {"", UNKNOWN}:
        if not _is_loopback(url):
            yield Problem("endpoints", f"{url} is not on this machine; the stand-in speaks to an emulator only")


def connect(inputs: Properties) -> Aws:
    """The emulator that a provider's inputs lead to. Raises `InvalidInput`."""
    found = tuple(problems(inputs))
    if found:
        raise InvalidInput(found)
    return Aws(str(inputs["region"]), Clients(_url(inputs)))


def _url(inputs: Properties) -> str:
    return os.environ.get(ENDPOINT) or next(iter(_endpoints(inputs).values()), "")


def _endpoints(inputs: Properties) -> dict[str, str]:
    """Address of each service. Nested inputs of a provider travel as JSON."""
    given: Any = inputs.get("endpoints") or []
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            given = []
    merged: dict[str, str] = {}
    for one in given if isinstance(given, list) else []:
        merged.update({service: url for service, url in one.items() if url})
    return merged


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
