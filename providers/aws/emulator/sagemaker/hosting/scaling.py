"""Application autoscaling of variants: target tracking, which really changes how many servers there are.

Rates are real ones, a minute of AWS's being sixty of our seconds; the windows in which they are looked at, and the
cooldowns, are compressed.
"""

from __future__ import annotations

import math
import re
import time
import weakref
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from providers.aws.emulator import clock
from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.sagemaker.hosting import begin, live, records
from providers.aws.emulator.sagemaker.hosting.counting import VariantKey
from providers.aws.emulator.state import Thing

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
INVOCATIONS = "SageMakerVariantInvocationsPerInstance"
OUT_WINDOW, IN_WINDOW, COOLDOWN = 180.0, 900.0, 300.0
"""AWS's seconds: three minutes over the target scale out, fifteen well below it scale in."""
ENOUGH_BELOW = 0.9
_RESOURCE = re.compile(r"endpoint/(?P<endpoint>[^/]+)/variant/(?P<variant>[^/]+)$")


class _Watched:
    """What is remembered of one variant between two looks."""

    def __init__(self) -> None:
        self.samples: deque[tuple[float, int]] = deque()
        self.changed = 0.0
        self.below_since: float | None = None

    def per_minute(self, now: float, total: int, window: float) -> float | None:
        """Requests a minute over the window; None while it is not full."""
        self.samples.append((now, total))
        while len(self.samples) > 1 and now - self.samples[1][0] >= window:
            self.samples.popleft()
        began, before = self.samples[0]
        return 60 * (total - before) / (now - began) if now - began >= window * 0.9 else None


_watched: weakref.WeakKeyDictionary[SageMaker, dict[VariantKey, _Watched]] = weakref.WeakKeyDictionary()


def step(service: SageMaker) -> None:
    """Look at every variant that is to be scaled."""
    for region in {region for region, _, _ in records.everywhere(service)}:
        scaler = service.clients.get("application-autoscaling", region)
        found = scaler.describe_scalable_targets(ServiceNamespace="sagemaker", ScalableDimension=DIMENSION)
        if not found["ScalableTargets"]:
            continue
        policies = scaler.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
        for target in found["ScalableTargets"]:
            own = [one for one in policies if one["ResourceId"] == target["ResourceId"]]
            _look(service, region, target, own)


def _look(service: SageMaker, region: str, target: Mapping[str, Any], policies: list[Mapping[str, Any]]) -> None:
    named = _RESOURCE.fullmatch(target["ResourceId"])
    body = records.find(service, region, named["endpoint"]) if named else None
    if named is None or body is None or body["EndpointStatus"] != "InService":
        return
    variant = next((one for one in body["ProductionVariants"] if one["VariantName"] == named["variant"]), None)
    if variant is None or "DesiredInstanceCount" not in variant:
        return
    have = int(variant["DesiredInstanceCount"])
    key = (region, named["endpoint"], named["variant"])
    kept = _watched.setdefault(service, {}).setdefault(key, _Watched())
    wanted = max((_wanted(service, key, kept, have, policy) for policy in policies), default=have)
    suspended = target.get("SuspendedState") or {}
    if (wanted > have and suspended.get("DynamicScalingOutSuspended")) or (
        wanted < have and suspended.get("DynamicScalingInSuspended")
    ):
        wanted = have
    wanted = min(int(target["MaxCapacity"]), max(int(target["MinCapacity"]), wanted))
    if wanted != have and _resize(service, region, body, named["variant"], wanted):
        kept.changed, kept.below_since = time.monotonic(), None
        kept.samples.clear()


def _wanted(service: SageMaker, key: VariantKey, kept: _Watched, have: int, policy: Mapping[str, Any]) -> int:
    """How many instances one policy asks for; the ones there are where it has nothing to say."""
    rules = policy.get("TargetTrackingScalingPolicyConfiguration")
    if policy["PolicyType"] != "TargetTrackingScaling" or not rules:
        return have
    now, goal = time.monotonic(), float(rules["TargetValue"])
    value = _value(service, key, kept, have, rules, now)
    if value is None:
        return have
    enough = math.ceil(max(have, 1) * value / goal)
    since = now - kept.changed
    if value > goal:
        kept.below_since = None
        return max(have, enough) if since > _cooldown(rules, "ScaleOutCooldown") else have
    if value > goal * ENOUGH_BELOW or rules.get("DisableScaleIn"):
        kept.below_since = None
        return have
    kept.below_since = kept.below_since or now
    long = now - kept.below_since > clock.compressed(IN_WINDOW, least=5.0)
    return min(have, enough) if long and since > _cooldown(rules, "ScaleInCooldown") else have


def _value(
    service: SageMaker, key: VariantKey, kept: _Watched, have: int, rules: Mapping[str, Any], now: float
) -> float | None:
    predefined = (rules.get("PredefinedMetricSpecification") or {}).get("PredefinedMetricType")
    if predefined == INVOCATIONS:
        window = clock.compressed(OUT_WINDOW, least=2.0)
        rate = kept.per_minute(now, live.of(service).counted.total(key), window)
        return None if rate is None else rate / max(have, 1)
    custom = rules.get("CustomizedMetricSpecification")
    return _measured(service, key[0], custom) if custom and custom.get("MetricName") else None


def _measured(service: SageMaker, region: str, metric: Mapping[str, Any]) -> float | None:
    """The last value of a metric of the user's choice."""
    now = datetime.now(UTC)
    found = service.clients.get("cloudwatch", region).get_metric_statistics(
        Namespace=metric["Namespace"], MetricName=metric["MetricName"], Dimensions=metric.get("Dimensions") or [],
        StartTime=now - timedelta(seconds=clock.compressed(OUT_WINDOW, least=5.0)), EndTime=now + timedelta(seconds=1),
        Period=1, Statistics=[metric["Statistic"]],
    )["Datapoints"]  # fmt: skip
    return float(max(found, key=lambda one: one["Timestamp"])[metric["Statistic"]]) if found else None


def _cooldown(rules: Mapping[str, Any], member: str) -> float:
    seconds = rules.get(member)
    return clock.compressed(COOLDOWN if seconds is None else float(seconds), least=1.0)


def _resize(service: SageMaker, region: str, body: Thing, variant: str, wanted: int) -> bool:
    try:
        begin.resize(service, region, body, [{"VariantName": variant, "DesiredInstanceCount": wanted}])
    except ApiError:
        return False  # being changed just now, or told to have none: the next look tries again
    return True
