"""CloudWatch metrics of invocations: counted in memory, put once a second.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from providers.aws.emulator.sagemaker.hosting import live
from providers.aws.emulator.sagemaker.hosting.counting import Counts

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

NAMESPACE = "AWS/SageMaker"
MOST_DATA = 20
"""Data of one call."""
MOST_VALUES = 150
"""Latencies of one second that are put one by one; more are put in groups of like ones, each with its own sum."""

Dimensions = list[dict[str, str]]


def publish(service: SageMaker) -> None:
    """Put what was counted since the last time."""
    by_region: dict[str, list[dict[str, Any]]] = {}
    now = time.time()
    for ((region, endpoint, variant), config), counts in live.of(service).counted.take().items():
        plain = _dimensions(EndpointName=endpoint, VariantName=variant)
        of_fleet = _dimensions(EndpointName=endpoint, VariantName=variant, EndpointConfigName=config)
        for dimensions in (plain, of_fleet):  # the second tells a new fleet from the old one
            by_region.setdefault(region, []).extend(
                {**datum, "Dimensions": dimensions, "Timestamp": now} for datum in _data(counts)
            )
    for region, data in by_region.items():
        cloudwatch = service.clients.get("cloudwatch", region)
        for start in range(0, len(data), MOST_DATA):
            cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data[start : start + MOST_DATA])


def _dimensions(**pairs: str) -> Dimensions:
    return [{"Name": name, "Value": value} for name, value in pairs.items()]


def _data(counts: Counts) -> Iterator[dict[str, Any]]:
    total = counts.invocations
    if total:
        yield _counted("Invocations", total, total)
        yield _counted("Invocation4XXErrors", counts.client_errors, total)
        yield _counted("Invocation5XXErrors", counts.server_errors, total)
        yield _counted("InvocationModelErrors", counts.model_errors, total)
        share = 1 / counts.instances
        statistics = {"SampleCount": total, "Sum": total * share, "Minimum": share, "Maximum": share}
        yield {"MetricName": "InvocationsPerInstance", "Unit": "None", "StatisticValues": statistics}
    for name, values in (
        ("ModelLatency", counts.model),
        ("OverheadLatency", counts.overhead),
        ("ModelSetupTime", counts.setup),
    ):
        yield from _times(name, values)


def _counted(name: str, count: int, total: int) -> dict[str, Any]:
    """Of `total` requests `count` were such: each sent 1 or 0."""
    statistics = {"SampleCount": total, "Sum": count, "Minimum": float(count == total), "Maximum": float(count > 0)}
    return {"MetricName": name, "Unit": "None" if name == "Invocations" else "Count", "StatisticValues": statistics}


def _times(name: str, values: Sequence[float]) -> Iterator[dict[str, Any]]:
    datum = {"MetricName": name, "Unit": "Microseconds"}
    if not values:
        return
    if len(values) <= MOST_VALUES:
        yield {**datum, "Values": list(values)}
        return
    ordered = sorted(values)
    size = -(-len(ordered) // MOST_VALUES)
    for start in range(0, len(ordered), size):
        group = ordered[start : start + size]
        statistics = {"SampleCount": len(group), "Sum": sum(group), "Minimum": group[0], "Maximum": group[-1]}
        yield {**datum, "StatisticValues": statistics}
