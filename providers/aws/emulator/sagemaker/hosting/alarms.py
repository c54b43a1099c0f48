"""The CloudWatch alarms that turn an update back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MOST = 100
"""Alarms that one question may name."""


def tripped(cloudwatch: Any, names: Sequence[str]) -> list[str]:
    """Those of the alarms that are in ALARM state."""
    if not names:
        return []
    found = cloudwatch.describe_alarms(
        AlarmNames=list(names)[:MOST], AlarmTypes=["MetricAlarm", "CompositeAlarm"], StateValue="ALARM"
    )
    held = [one for kind in ("MetricAlarms", "CompositeAlarms") for one in found.get(kind, ())]
    return sorted({str(one["AlarmName"]) for one in held if one["StateValue"] == "ALARM" and one["AlarmName"] in names})


def reason(names: Sequence[str]) -> str:
    """Why an update was turned back."""
    return f"The update was rolled back because the alarms [{', '.join(names)}] are in ALARM state."
