"""A change of an endpoint, noted and begun."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from providers.aws.emulator.errors import validation
from providers.aws.emulator.sagemaker.hosting import fleet, records, summaries
from providers.aws.emulator.sagemaker.hosting.records import IN_PROGRESS, PENDING, SERVING
from providers.aws.emulator.sagemaker.hosting.run import EndpointRun
from providers.aws.emulator.state import Thing

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker


def pending(
    kind: str, config: Thing, desired: Mapping[str, Mapping[str, Any]], rules: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What a run has to know: the configuration, the weights and counts, and the rules of the deployment."""
    return {"id": uuid.uuid4().hex, "kind": kind, "config": config, "desired": desired, "deployment": rules,
            "since": time.time()}  # fmt: skip


def write(service: SageMaker, region: str, name: str, changes: Mapping[str, Any]) -> None:
    """Note what is asked for, unless something else was meanwhile, and have it carried out. Raises ApiError."""
    with service.state.lock:
        body = records.find(service, region, name)
        if body is None or body["EndpointStatus"] in IN_PROGRESS:
            raise validation(f'Cannot update in-progress endpoint "{(body or {}).get("EndpointArn", name)}".')
        records.change(service, region, name, **changes)
    EndpointRun(service, region, name).begin()


def resize(service: SageMaker, region: str, body: Thing, wanted: Sequence[Mapping[str, Any]]) -> None:
    """Begin to have these weights and capacities (`DesiredWeightAndCapacity`). Raises ApiError."""
    config: Thing = body[SERVING]["config"]
    variants: list[dict[str, Any]] = [dict(one) for one in body["ProductionVariants"]]
    by_name = {one["VariantName"]: one for one in variants}
    for one in wanted:
        variant = by_name.get(one["VariantName"])
        if variant is None:
            raise validation(
                f'The variant name(s) "{one["VariantName"]}" is/are not present within endpoint configuration '
                f'"{config["EndpointConfigName"]}".'
            )
        if one.get("DesiredWeight") is not None:
            variant["DesiredWeight"] = float(one["DesiredWeight"])
        if one.get("DesiredInstanceCount") is not None:
            if "DesiredInstanceCount" not in variant:
                raise validation(f"The variant {one['VariantName']} is serverless and has no instances")
            if one["DesiredInstanceCount"] < 1 and not config.get("AsyncInferenceConfig"):
                raise validation("DesiredInstanceCount must be at least 1; only asynchronous endpoints scale to 0")
            variant["DesiredInstanceCount"] = int(one["DesiredInstanceCount"])
        if changes := one.get("ServerlessUpdateConfig"):
            config = _serverless(config, variant, changes)
    desired = summaries.desired_of(variants)
    wanted_now = pending("capacity", config, desired, None)
    wanted_now |= {"slots": fleet.sized(body[SERVING]["slots"], desired), "before": body["ProductionVariants"]}
    for variant in variants:
        variant["VariantStatus"] = [{"Status": "Updating", "StartTime": wanted_now["since"]}]
    changes = {"EndpointStatus": "Updating", PENDING: wanted_now, "ProductionVariants": variants}
    write(service, region, body["EndpointName"], changes)


def _serverless(config: Thing, variant: dict[str, Any], changes: Mapping[str, Any]) -> Thing:
    if "DesiredServerlessConfig" not in variant:
        raise validation(f"The variant {variant['VariantName']} is not serverless")
    wanted = {**variant["DesiredServerlessConfig"], **changes}
    if int(wanted.get("ProvisionedConcurrency") or 0) > wanted["MaxConcurrency"]:
        raise validation("ProvisionedConcurrency must not be greater than MaxConcurrency")
    variant["DesiredServerlessConfig"] = wanted
    return {**config, "ProductionVariants": [{**config["ProductionVariants"][0], "ServerlessConfig": wanted}]}
