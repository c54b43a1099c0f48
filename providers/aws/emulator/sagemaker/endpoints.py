"""Endpoints: the operations. What they ask for is carried out in `hosting/`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from providers.aws.emulator.errors import missing, validation
from providers.aws.emulator.sagemaker import endpoint_configs, listing, tags
from providers.aws.emulator.sagemaker.call import Call, operation
from providers.aws.emulator.sagemaker.hosting import background, begin, deployment, fleet, records, summaries
from providers.aws.emulator.sagemaker.hosting.records import IN_PROGRESS, PENDING, SERVING
from providers.aws.emulator.sagemaker.hosting.run import EndpointRun
from providers.aws.emulator.state import Thing

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

KIND = records.KIND
ARN_KIND = "endpoint"


@operation("CreateEndpoint")
def create(call: Call) -> dict[str, Any]:
    """Begin to serve by a configuration."""
    given, name = call.given, call.given["EndpointName"]
    arn = call.arn(ARN_KIND, name)
    config = endpoint_configs.existing(call, given["EndpointConfigName"])
    _check_deployment(call, given.get("DeploymentConfig"), config)
    pending = begin.pending("create", config, fleet.initial(config), None)
    body = call.new("EndpointArn", arn, EndpointStatus="Creating", **{PENDING: pending})
    body["PendingDeploymentSummary"] = summaries.pending(config, pending["desired"], "Creating", pending["since"])
    if kept := body.pop("DeploymentConfig", None):
        body["LastDeploymentConfig"] = kept
    with call.state.transaction():
        if any(one["EndpointArn"] == arn for one in call.state.list(KIND, call.region)):
            raise validation(f'Cannot create already existing endpoint "{arn}".')
        tags.add(call.state, call.region, arn, given.get("Tags"))
        records.put(call.service, call.region, name, body)
    background.begin(call.service)
    EndpointRun(call.service, call.region, name).begin()
    return {"EndpointArn": arn}


@operation("DescribeEndpoint")
def describe(call: Call) -> Thing:
    """The endpoint as it stands."""
    return _existing(call)


@operation("ListEndpoints")
def list_endpoints(call: Call) -> dict[str, Any]:
    """A page of endpoints."""
    return listing.listed(call, call.state.list(KIND, call.region), "EndpointName", "EndpointStatus")


@operation("UpdateEndpoint")
def update(call: Call) -> dict[str, Any]:
    """Begin to serve by another configuration; the old fleet serves until the new one has taken over."""
    given, body = call.given, _changeable(call)
    config = endpoint_configs.existing(call, given["EndpointConfigName"])
    serving = body[SERVING]["config"]
    if call.state.find(endpoint_configs.KIND, call.region, serving["EndpointConfigName"]) is None:
        raise endpoint_configs.not_found(serving["EndpointConfigArn"])  # as on AWS: an update needs both
    retained = given.get("DeploymentConfig")
    if given.get("RetainDeploymentConfig"):
        if retained:
            raise validation("DeploymentConfig cannot be specified when RetainDeploymentConfig is true")
        retained = body.get("LastDeploymentConfig")
    desired = fleet.initial(config)
    if given.get("RetainAllVariantProperties"):
        config = _retain(body, config, desired, given.get("ExcludeRetainedVariantProperties") or ())
    elif given.get("ExcludeRetainedVariantProperties"):
        raise validation("ExcludeRetainedVariantProperties can only be specified with RetainAllVariantProperties")
    _check_deployment(call, retained, config, body)
    pending = begin.pending("update", config, desired, retained)
    shown = summaries.pending(config, desired, "Creating", pending["since"])
    _begin(call, body, pending, PendingDeploymentSummary=shown, LastDeploymentConfig=retained)
    return {"EndpointArn": body["EndpointArn"]}


def _retain(body: Thing, config: Thing, desired: dict[str, dict[str, Any]], but: Sequence[Mapping[str, Any]]) -> Thing:
    """Keep what was asked for of variants that stay, `but` these properties; the configuration to serve by."""
    excluded = {one["VariantPropertyType"] for one in but}
    held = summaries.desired_of(body["ProductionVariants"])
    for member, property_type in (("weight", "DesiredWeight"), ("count", "DesiredInstanceCount")):
        if property_type not in excluded:
            for name in desired.keys() & held.keys():
                desired[name][member] = held[name][member]
    capture = body[SERVING]["config"].get("DataCaptureConfig")
    return {**config, "DataCaptureConfig": capture} if "DataCaptureConfig" not in excluded else config


@operation("UpdateEndpointWeightsAndCapacities")
def update_capacities(call: Call) -> dict[str, Any]:
    """Begin to share the traffic otherwise, or to serve it with more or fewer instances."""
    body = _changeable(call)
    begin.resize(call.service, call.region, body, call.given["DesiredWeightsAndCapacities"])
    return {"EndpointArn": body["EndpointArn"]}


@operation("DeleteEndpoint")
def delete(call: Call) -> None:
    """Begin to take it down; requests under way are answered."""
    body = _existing(call)
    if body["EndpointStatus"] in IN_PROGRESS:
        raise validation(f'Cannot update in-progress endpoint "{body["EndpointArn"]}".')
    changes = {"EndpointStatus": "Deleting", PENDING: {"id": uuid.uuid4().hex, "kind": "delete"}}
    begin.write(call.service, call.region, body["EndpointName"], changes)


def _existing(call: Call) -> Thing:
    body = records.find(call.service, call.region, call.given["EndpointName"])
    if body is None:
        raise missing(call.arn(ARN_KIND, call.given["EndpointName"]))
    return body


def _changeable(call: Call) -> Thing:
    """The endpoint, which has to serve and be at rest. Raises ApiError."""
    body = _existing(call)
    if body["EndpointStatus"] in IN_PROGRESS:
        raise validation(f'Cannot update in-progress endpoint "{body["EndpointArn"]}".')
    if not body.get(SERVING):
        raise validation(f'Cannot update endpoint "{body["EndpointArn"]}" in status {body["EndpointStatus"]}.')
    return body


def _check_deployment(call: Call, given: Mapping[str, Any] | None, config: Thing, body: Thing | None = None) -> None:
    serverless = any(one.get("ServerlessConfig") for one in config["ProductionVariants"])
    if given and serverless:
        raise validation("Deployment guardrails are not supported by serverless endpoints")
    if body is not None:
        before = body[SERVING]["config"]
        if serverless != any(one.get("ServerlessConfig") for one in before["ProductionVariants"]) or bool(
            config.get("AsyncInferenceConfig")
        ) != bool(before.get("AsyncInferenceConfig")):
            raise validation(
                f'Cannot update endpoint "{body["EndpointArn"]}": it stays real-time, asynchronous or serverless'
            )
    instances = sum(int(one["count"]) for one in fleet.initial(config).values())
    deployment.check(given, call.service.clients.get("cloudwatch", call.region), instances)


def _begin(call: Call, body: Thing, pending: Mapping[str, Any], **facts: Any) -> None:
    changes = {"EndpointStatus": "Updating", "FailureReason": None, PENDING: pending, **facts}
    begin.write(call.service, call.region, body["EndpointName"], changes)


def resume(service: SageMaker) -> None:
    """Go on with what was under way, and with what goes on beside endpoints that serve."""
    there = False
    for region, name, body in list(records.everywhere(service)):
        there = True
        if body.get(PENDING):
            EndpointRun(service, region, name).begin()
    if there:
        background.begin(service, bring_back=True)
