"""The CloudWatch alarms that turn a bad update back: they watch the new servers only, and go with the update.

SageMaker tells the new servers from the old by the dimension `EndpointConfigName`.
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from providers.aws import session
from providers.aws.endpoint.plan import Plan, Request
from providers.aws.faults import translated
from providers.aws.tagging import Pairs
from providers.values import Rollout

NAMESPACE, PERIOD = "AWS/SageMaker", 60
MOST = 10
"""Alarms that one update may name."""


def wanted(endpoint: str, plan: Plan, rollout: Rollout) -> list[Request]:
    """`PutMetricAlarm` requests: 5xx of each variant, then their latency where it has a limit."""
    found = [*_errors(endpoint, plan, rollout), *_latencies(endpoint, plan, rollout)]
    return found[:MOST]


def _errors(endpoint: str, plan: Plan, rollout: Rollout) -> Iterator[Request]:
    share = rollout.max_error_percent / 100
    for variant in plan.variants:
        # SageMaker reports 1 for a request that failed and 0 for one that did not: the average is the share.
        yield _alarm(endpoint, plan, variant, "errors", "Invocation5XXErrors", share) | {"Statistic": "Average"}


def _latencies(endpoint: str, plan: Plan, rollout: Rollout) -> Iterator[Request]:
    if rollout.max_latency_ms is None:
        return
    for variant in plan.variants:
        microseconds = rollout.max_latency_ms * 1000
        yield _alarm(endpoint, plan, variant, "latency", "ModelLatency", microseconds) | {"ExtendedStatistic": "p99"}


def _alarm(endpoint: str, plan: Plan, variant: Request, what: str, metric: str, threshold: float) -> Request:
    dimensions = {"EndpointName": endpoint, "VariantName": variant["VariantName"], "EndpointConfigName": plan.name}
    return {
        "AlarmName": f"{prefix(endpoint)}{plan.name[-17:]}-{variant['VariantName']}-{what}",
        "AlarmDescription": f"Turns an update of endpoint {endpoint} back. Made by Mooring for as long as that takes.",
        "Namespace": NAMESPACE,
        "MetricName": metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        "Period": PERIOD,
        "EvaluationPeriods": 1,
        "Threshold": threshold,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }


def put(region: str, requests: list[Request], tags: Pairs) -> list[str]:
    """Make them; their names."""
    cloudwatch = session.client("cloudwatch", region)
    for request in requests:
        with translated(f"creating alarm {request['AlarmName']}"):
            cloudwatch.put_metric_alarm(**request, Tags=tags)
    return [str(request["AlarmName"]) for request in requests]


def delete_all(region: str, endpoint: str) -> None:
    """Remove all that were ever made for an endpoint's updates; silent where there are none."""
    cloudwatch: Any = session.client("cloudwatch", region)
    with translated(f"removing alarms of {endpoint}"):
        pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix(endpoint))
        names = [one["AlarmName"] for page in pages for one in page["MetricAlarms"]]
        for at in range(0, len(names), 100):
            cloudwatch.delete_alarms(AlarmNames=names[at : at + 100])


def prefix(endpoint: str) -> str:
    """What the names of an endpoint's alarms begin with."""
    return f"mooring/{endpoint}/"
