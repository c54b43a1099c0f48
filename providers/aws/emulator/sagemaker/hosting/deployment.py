"""How a new fleet takes over from the old one: AWS's `DeploymentConfig`, as rules for the supervisor's rollout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.aws.emulator import clock
from providers.aws.emulator.errors import validation

STARTUP_SECONDS = 480.0
"""Time in which a server has to answer its first ping where the variant does not say."""
LEAST_WATCHED = 2.0
"""Our seconds that each share of the traffic is watched at least where alarms are named: one has to have a chance."""
MOST_CANARY, LEAST_STEP, MOST_STEP, MOST_BATCH = 50, 10, 50, 50
"""Percent of the capacity, as AWS allows."""

Config = Mapping[str, Any]


def check(config: Config | None, cloudwatch: Any, instances: int) -> None:
    """Raise ApiError for a configuration that AWS refuses for a fleet of so many. Alarms have to exist."""
    if not config:
        return
    blue_green, rolling = config.get("BlueGreenUpdatePolicy"), config.get("RollingUpdatePolicy")
    if blue_green and rolling:
        raise validation("BlueGreenUpdatePolicy and RollingUpdatePolicy cannot be specified together")
    if blue_green:
        _check_traffic(blue_green["TrafficRoutingConfiguration"], instances)
    if rolling:
        for member in ("MaximumBatchSize", "RollbackMaximumBatchSize"):
            size = rolling.get(member)
            if size and size["Type"] == "CAPACITY_PERCENT" and not 5 <= size["Value"] <= 100:
                raise validation(f"{member} must be between 5% and 100% of the total capacity")
        size = rolling["MaximumBatchSize"]
        if size["Type"] == "CAPACITY_PERCENT" and size["Value"] > MOST_BATCH:
            raise validation(f"MaximumBatchSize must be between 5% and {MOST_BATCH}% of the total capacity")
    if names := alarm_names(config):
        found = cloudwatch.describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        there = {one["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for one in found.get(kind, ())}
        if absent := [name for name in names if name not in there]:
            raise validation(f"The following alarms could not be found: [{', '.join(absent)}]")


def _check_traffic(traffic: Mapping[str, Any], instances: int) -> None:
    kind = traffic["Type"]
    for member, wanted in (("CanarySize", "CANARY"), ("LinearStepSize", "LINEAR")):
        if (kind == wanted) != bool(traffic.get(member)):
            verb = "must" if kind == wanted else "can only"
            raise validation(f"{member} {verb} be specified for a traffic routing configuration of type {wanted}")
    canary, linear = traffic.get("CanarySize"), traffic.get("LinearStepSize")
    if canary and _percent(canary, instances) > MOST_CANARY:
        raise validation(f"CanarySize must be less than or equal to {MOST_CANARY}% of the total capacity")
    if linear and not LEAST_STEP <= _percent(linear, instances) <= MOST_STEP:
        raise validation(f"LinearStepSize must be between {LEAST_STEP}% and {MOST_STEP}% of the total capacity")


def alarm_names(config: Config | None) -> list[str]:
    """The alarms that turn an update back."""
    alarms = ((config or {}).get("AutoRollbackConfiguration") or {}).get("Alarms") or ()
    return [one["AlarmName"] for one in alarms if one.get("AlarmName")]


def time_limit(config: Config | None) -> float:
    """Seconds after which an update that is not through is turned back."""
    policy = (config or {}).get("BlueGreenUpdatePolicy") or (config or {}).get("RollingUpdatePolicy") or {}
    return float(policy.get("MaximumExecutionTimeoutInSeconds") or 14400)


def rollout(config: Config | None, instances: int, startup_seconds: float) -> dict[str, Any]:
    """The rules for the supervisor. A rolling update is a linear one here: a batch's share of the traffic goes over
    when its servers are there. What turns an update back are crashes and alarms, no counts of the supervisor's own."""
    blue_green = (config or {}).get("BlueGreenUpdatePolicy") or {}
    rolling = (config or {}).get("RollingUpdatePolicy") or {}
    traffic = blue_green.get("TrafficRoutingConfiguration") or {}
    wait = float(traffic.get("WaitIntervalInSeconds") or rolling.get("WaitIntervalInSeconds") or 0)
    least = LEAST_WATCHED if alarm_names(config) else 0.0
    kind, size = "all-at-once", None
    if rolling:
        kind, size = "linear", rolling["MaximumBatchSize"]
    elif traffic.get("Type") == "CANARY":
        kind, size = "canary", traffic["CanarySize"]
    elif traffic.get("Type") == "LINEAR":
        kind, size = "linear", traffic["LinearStepSize"]
    after = float(blue_green.get("TerminationWaitInSeconds") or 0)
    return {
        "strategy": kind,
        "step_percent": _percent(size, instances),
        "step_seconds": clock.compressed(wait, least=least),
        "bake_seconds": clock.compressed(wait, least=least) + clock.compressed(after),
        "ready_seconds": startup_seconds,
        "max_error_percent": 100.0,
        "max_latency_ms": None,
    }


def _percent(size: Mapping[str, Any] | None, instances: int) -> float:
    if size is None:
        return 100.0
    if size["Type"] == "CAPACITY_PERCENT":
        return float(size["Value"])
    return min(100.0, 100.0 * float(size["Value"]) / max(1, instances))
