"""An endpoint as AWS has it, in the contract's values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.aws.endpoint.endpoint_requests import predict_url, runtime_url
from providers.aws.endpoint.place import Place
from providers.aws.endpoint.plan import DIGEST, MODEL, VERSION
from providers.aws.faults import translated
from providers.errors import NotFound
from providers.values import DeploymentState, EndpointSpec, EndpointState
from providers.values.endpoints import EndpointStatus

_STATUS: Mapping[str, EndpointStatus] = {
    "Creating": "creating",
    "InService": "healthy",
    "Updating": "updating",
    "SystemUpdating": "updating",
    "RollingBack": "rolling-back",
    "UpdateRollbackFailed": "degraded",
    "OutOfService": "failed",
    "Failed": "failed",
    "Deleting": "deleting",
}


def state_of(place: Place, live: Mapping[str, Any]) -> EndpointState:
    """The contract's state. Variants whose models are not Mooring's are left out, and told of."""
    deployments, strange = _deployments(place, live)
    reason = str(live.get("FailureReason") or "")
    if strange:
        reason = f"{reason} {', '.join(strange)}: not deployed by Mooring".strip()
    return EndpointState(
        endpoint=place.name,
        url=runtime_url(place.region),
        predict_url=predict_url(place.region, place.name),
        status=_STATUS.get(str(live["EndpointStatus"]), "degraded"),
        deployments=deployments,
        reason=reason,
    )


def _deployments(place: Place, live: Mapping[str, Any]) -> tuple[list[DeploymentState], list[str]]:
    variants = list(live.get("ProductionVariants") or ())
    models = _models(place, str(live["EndpointConfigName"])) if variants else {}
    total = sum(float(one["CurrentWeight"]) for one in variants) or 1.0
    found, strange = [], []
    for one in variants:
        told = _variables(place, models.get(one["VariantName"], ""))
        if not told.get(DIGEST):
            strange.append(str(one["VariantName"]))
            continue
        found.append(
            DeploymentState(
                name=one["VariantName"],
                model=told.get(MODEL, ""),
                version=int(told.get(VERSION, "0")),
                digest=told[DIGEST],
                weight=round(100 * float(one["CurrentWeight"]) / total),
                replicas=int(one.get("CurrentInstanceCount", 1)),
            )
        )
    return found, strange


def _models(place: Place, config: str) -> dict[str, str]:
    """Models by variant; none where somebody deleted the configuration."""
    try:
        with translated(f"reading endpoint configuration {config}"):
            found = place.sagemaker.describe_endpoint_config(EndpointConfigName=config)
    except NotFound:
        return {}
    return {one["VariantName"]: one["ModelName"] for one in found["ProductionVariants"]}


def _variables(place: Place, model: str) -> dict[str, str]:
    if not model:
        return {}
    try:
        with translated(f"reading model {model}"):
            found = place.sagemaker.describe_model(ModelName=model)
    except NotFound:
        return {}
    return dict((found.get("PrimaryContainer") or {}).get("Environment") or {})


def live_spec(spec: EndpointSpec, live: Mapping[str, Any]) -> EndpointSpec:
    """The inputs with weights and counts as somebody may have changed them behind Mooring's back."""
    variants = {one["VariantName"]: one for one in live.get("ProductionVariants") or ()}
    if set(variants) != {one.name for one in spec.deployments}:
        return spec
    total = sum(float(one["DesiredWeight"]) for one in variants.values()) or 1.0
    changed = []
    for one in spec.deployments:
        now = variants[one.name]
        facts: dict[str, int] = {"weight": round(100 * float(now["DesiredWeight"]) / total)}
        if spec.autoscaling is None and "DesiredInstanceCount" in now:
            facts["replicas"] = int(now["DesiredInstanceCount"])
        changed.append(one.model_copy(update=facts))
    return spec.model_copy(update={"deployments": changed})
