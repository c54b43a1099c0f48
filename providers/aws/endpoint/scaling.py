"""Instances that follow the load: Application Auto Scaling, by target tracking.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from providers.aws import session
from providers.aws.faults import code_of, translated
from providers.values import EndpointSpec

SERVICE, DIMENSION = "sagemaker", "sagemaker:variant:DesiredInstanceCount"
POLICY = "mooring"
REQUESTS_PER_SECOND = 10.0
"""Of one instance, where the stack does not say."""
BACKLOG = 5.0
"""Requests that wait for one instance of an asynchronous endpoint."""


def apply(region: str, endpoint: str, spec: EndpointSpec) -> None:
    """Have each variant scaled as the spec says, or not at all."""
    if spec.mode == "serverless" or spec.autoscaling is None:
        remove(region, endpoint)
        return
    scaler, rules = session.client("application-autoscaling", region), spec.autoscaling
    remove(region, endpoint, but={one.name for one in spec.deployments})
    for one in spec.deployments:
        place = {
            "ServiceNamespace": SERVICE,
            "ResourceId": resource(endpoint, one.name),
            "ScalableDimension": DIMENSION,
        }
        with translated(f"scaling deployment {one.name} of {endpoint}"):
            scaler.register_scalable_target(**place, MinCapacity=rules.min_replicas, MaxCapacity=rules.max_replicas)
            scaler.put_scaling_policy(
                **place, PolicyName=POLICY, PolicyType="TargetTrackingScaling",
                TargetTrackingScalingPolicyConfiguration=_target(endpoint, spec),
            )  # fmt: skip


def _target(endpoint: str, spec: EndpointSpec) -> dict[str, Any]:
    per_second = spec.autoscaling.target_requests_per_replica if spec.autoscaling else None
    if spec.mode == "async":
        metric = {
            "MetricName": "ApproximateBacklogSizePerInstance",
            "Namespace": "AWS/SageMaker",
            "Dimensions": [{"Name": "EndpointName", "Value": endpoint}],
            "Statistic": "Average",
        }
        return {"TargetValue": per_second or BACKLOG, "CustomizedMetricSpecification": metric}
    metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    # The metric is of a minute.
    return {"TargetValue": 60 * (per_second or REQUESTS_PER_SECOND), "PredefinedMetricSpecification": metric}


def remove(region: str, endpoint: str, but: Collection[str] = ()) -> None:
    """Have no variant scaled any more, `but` these; silent where none is. Policies go with their target."""
    scaler = session.client("application-autoscaling", region)
    for found in _targets(scaler, endpoint):
        if found.rpartition("/")[2] in but:
            continue
        with translated(f"ending the scaling of {endpoint}"):
            try:
                scaler.deregister_scalable_target(
                    ServiceNamespace=SERVICE, ResourceId=found, ScalableDimension=DIMENSION
                )
            except Exception as error:
                if code_of(error) != "ObjectNotFoundException":
                    raise


def _targets(scaler: Any, endpoint: str) -> list[str]:
    start = resource(endpoint, "")
    with translated(f"reading the scaling of {endpoint}"):
        pages = scaler.get_paginator("describe_scalable_targets").paginate(
            ServiceNamespace=SERVICE, ScalableDimension=DIMENSION
        )
        ids = [str(one["ResourceId"]) for page in pages for one in page["ScalableTargets"]]
    return [id for id in ids if id.startswith(start)]


def resource(endpoint: str, variant: str) -> str:
    """The id that scaling knows a variant by."""
    return f"endpoint/{endpoint}/variant/{variant}"
