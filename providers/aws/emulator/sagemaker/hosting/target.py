"""An endpoint as an invocation sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.aws.emulator.account import ACCOUNT


@dataclass(frozen=True)
class Serverless:
    """A variant without machines of its own: how many requests at once, and how many servers never sleep."""

    concurrency: int
    provisioned: int


@dataclass(frozen=True)
class Variant:
    """One variant: its slot at the supervisor, and its instances."""

    name: str
    slot: str
    instances: int
    serverless: Serverless | None


@dataclass(frozen=True)
class Target:
    """An endpoint that serves. `capture` and `asynchronous` are its configuration's, where it has them."""

    region: str
    name: str
    port: int
    config: str
    variants: Mapping[str, Variant]
    capture: Mapping[str, Any] | None
    asynchronous: Mapping[str, Any] | None

    @property
    def log_group(self) -> str:
        """The group of its servers' logs."""
        return log_group(self.name)

    @property
    def log_arn(self) -> str:
        """That group's ARN."""
        return f"arn:aws:logs:{self.region}:{ACCOUNT}:log-group:{self.log_group}"

    @property
    def serverless(self) -> Variant | None:
        """The variant of a serverless endpoint, which has but one."""
        return next((one for one in self.variants.values() if one.serverless is not None), None)


def log_group(endpoint: str) -> str:
    """The group of CloudWatch Logs that an endpoint's servers write to."""
    return f"/aws/sagemaker/Endpoints/{endpoint}"


def of_body(region: str, name: str, body: Mapping[str, Any]) -> Target | None:
    """From the endpoint in the state; None for one that does not serve."""
    serving = body.get("_serving")
    if not serving or body["EndpointStatus"] == "Deleting":
        return None
    config = serving["config"]
    asked = {one["VariantName"]: one for one in body["ProductionVariants"]}
    variants = {}
    for slot in serving["slots"]:
        shown = asked.get(slot["name"], {})
        given = shown.get("CurrentServerlessConfig")
        serverless = (
            Serverless(given["MaxConcurrency"], int(given.get("ProvisionedConcurrency") or 0)) if given else None
        )
        variants[slot["name"]] = Variant(
            slot["name"], slot["slot"], int(shown.get("CurrentInstanceCount", 1)), serverless
        )
    capture = config.get("DataCaptureConfig")
    return Target(
        region, name, int(serving["port"]), config["EndpointConfigName"], variants,
        capture if capture and capture.get("EnableCapture") else None, config.get("AsyncInferenceConfig"),
    )  # fmt: skip
