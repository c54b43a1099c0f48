"""Endpoint configurations: which models an endpoint serves, on how many machines, and what is done beside it."""

from __future__ import annotations

from typing import Any

from providers.aws.emulator.errors import ApiError, validation
from providers.aws.emulator.sagemaker import listing, tags
from providers.aws.emulator.sagemaker.call import Call, operation
from providers.aws.emulator.sagemaker.hosting import config_checks
from providers.aws.emulator.state import Thing

KIND = "endpoint_configs"
ARN_KIND = "endpoint-config"


@operation("CreateEndpointConfig")
def create(call: Call) -> dict[str, Any]:
    """Check the variants, and write the configuration down."""
    given = call.given
    arn = call.arn(ARN_KIND, given["EndpointConfigName"])
    config_checks.check(call)
    body = call.new("EndpointConfigArn", arn)
    del body["LastModifiedTime"]  # a configuration is never modified
    for variant in body["ProductionVariants"]:
        variant.setdefault("InitialVariantWeight", 1.0)
    if capture := body.get("DataCaptureConfig"):
        capture.setdefault("EnableCapture", False)
    with call.state.transaction():
        if any(one["EndpointConfigArn"] == arn for one in call.state.list(KIND, call.region)):
            raise validation(f'Cannot create already existing endpoint configuration "{arn}".')
        tags.add(call.state, call.region, arn, given.get("Tags"))
        call.state.put(KIND, call.region, given["EndpointConfigName"], body)
    return {"EndpointConfigArn": arn}


@operation("DescribeEndpointConfig")
def describe(call: Call) -> Thing:
    """One configuration."""
    return existing(call, call.given["EndpointConfigName"])


@operation("ListEndpointConfigs")
def list_configs(call: Call) -> dict[str, Any]:
    """A page of configurations."""
    return listing.listed(call, call.state.list(KIND, call.region), "EndpointConfigName")


@operation("DeleteEndpointConfig")
def delete(call: Call) -> None:
    """Forget a configuration. As on AWS nothing hinders that while an endpoint serves by it; but that endpoint cannot
    be updated any more, since an update needs the old one as well."""
    config = existing(call, call.given["EndpointConfigName"])
    with call.state.transaction():
        call.state.remove(KIND, call.region, config["EndpointConfigName"])
        tags.forget(call.state, call.region, config["EndpointConfigArn"])


def existing(call: Call, name: str) -> Thing:
    """The configuration. Raises ApiError where there is none."""
    config = call.state.find(KIND, call.region, name)
    if config is None:
        raise not_found(call.arn(ARN_KIND, name))
    return config


def not_found(arn: str) -> ApiError:
    """The answer for a configuration that there is not."""
    return validation(f'Could not find endpoint configuration "{arn}".')
