"""GetMetricData and GetMetricStatistics over what was put.

moto's take a part of the dimensions for the whole, know no percentiles and no arithmetic, and read everything anew for
each period.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.moto import metric_math
from providers.aws.emulator.moto.metric_math import Points
from providers.aws.emulator.moto.metric_series import Index, Series, seconds, statistic

PLAIN = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
MOST_POINTS = 1440
"""Datapoints that GetMetricStatistics answers with at most."""


def points(index: Index, wanted: Series, stat: str, period: int, start: float, end: float, unit: str = "") -> Points:
    """The statistic in each period that has data; the first begins at `start`. Raises ValueError."""
    grouped: dict[float, list[Any]] = {}
    for datum in index.between(wanted, start, end, unit or None):
        number = (seconds(datum.timestamp) - start) // period
        grouped.setdefault(start + number * period, []).append(datum)
    found = {begin: statistic(data, stat) for begin, data in grouped.items()}
    return {begin: value for begin, value in found.items() if value is not None}


def _begin(moment: datetime, period: int) -> float:
    """Where CloudWatch begins for a StartTime: at a whole minute, or a multiple of a shorter period."""
    return seconds(moment) // min(period, 60) * min(period, 60)


def install() -> None:
    """Have moto's CloudWatch answer so. Once a process."""
    from moto.cloudwatch.models import CloudWatchBackend
    from moto.cloudwatch.responses import CloudWatchResponse

    CloudWatchBackend.get_metric_data = _get_metric_data
    CloudWatchResponse.get_metric_statistics = _get_metric_statistics


def _get_metric_data(
    backend: Any,
    queries: Sequence[Mapping[str, Any]],
    start_time: datetime,
    end_time: datetime,
    scan_by: str = "TimestampDescending",
) -> list[dict[str, Any]]:
    start, end = seconds(start_time), seconds(end_time)
    if start >= end:
        raise ApiError("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
    index = Index.of(backend)
    found: dict[str, Points] = {}
    period = 60
    for query in queries:
        if "MetricStat" in query:
            period = int(query["MetricStat"]["Period"])
            found[query["Id"]] = _of_stat(index, query["MetricStat"], _begin(start_time, period), end)
    first = _begin(start_time, period)
    starts = [first + period * number for number in range(int((end - first) // period) + 1)]
    for query in _in_order([query for query in queries if "Expression" in query]):
        found[query["Id"]] = _math(query["Expression"], found, starts)
    return [
        _told(query, found[query["Id"]], newest_first=scan_by == "TimestampDescending")
        for query in queries
        if str(query.get("ReturnData", True)).lower() == "true"
    ]


def _of_stat(index: Index, given: Mapping[str, Any], start: float, end: float) -> Points:
    metric = given["Metric"]
    dimensions = frozenset((one["Name"], one["Value"]) for one in metric.get("Dimensions") or [])
    wanted = Series(metric["Namespace"], metric["MetricName"], dimensions)
    try:
        return points(index, wanted, given["Stat"], int(given["Period"]), start, end, given.get("Unit") or "")
    except ValueError as error:
        raise ApiError("NotImplementedException", str(error), 501) from error


def _math(expression: str, found: Mapping[str, Points], starts: Sequence[float]) -> Points:
    try:
        return metric_math.evaluate(expression, found, starts)
    except metric_math.BadExpression as error:
        raise ApiError("ValidationError", f"Error in expression '{expression}': {error}") from error


def _in_order(queries: list[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    """Expressions after those that they use."""
    left = {query["Id"]: query for query in queries}
    while left:
        ready = [
            query for query in left.values() if left.keys().isdisjoint(_names(query["Expression"]) - {query["Id"]})
        ] or list(left.values())
        for query in ready:
            yield left.pop(query["Id"])


def _names(expression: str) -> set[str]:
    try:
        return metric_math.names(expression)
    except metric_math.BadExpression as error:
        raise ApiError("ValidationError", f"Error in expression '{expression}': {error}") from error


def _told(query: Mapping[str, Any], found: Points, newest_first: bool) -> dict[str, Any]:
    stat = query.get("MetricStat")
    label = query.get("Label") or (stat["Metric"]["MetricName"] if stat else query["Id"])
    starts = sorted(found, reverse=newest_first)
    times = [datetime.fromtimestamp(start, UTC) for start in starts]
    return {"id": query["Id"], "label": label, "values": [found[start] for start in starts], "timestamps": times,
            "status_code": "Complete"}  # fmt: skip


def _get_metric_statistics(response: Any) -> Any:
    from moto.core.responses import ActionResult

    plain, extended = response._get_param("Statistics", []), response._get_param("ExtendedStatistics", [])
    if not plain and not extended:
        raise ApiError("InvalidParameterCombination", "Must specify either Statistics or ExtendedStatistics")
    period = int(response._get_param("Period"))
    start, end = _begin(response._get_param("StartTime"), period), seconds(response._get_param("EndTime"))
    if seconds(response._get_param("StartTime")) >= end:
        raise ApiError("InvalidParameterValue", "The parameter StartTime must be less than the parameter EndTime.")
    if (end - start) / period > MOST_POINTS:
        asked_for = f"{(end - start) / period:.0f} datapoints"
        reason = f"You have requested up to {asked_for}, which exceeds the limit of {MOST_POINTS}."
        raise ApiError("InvalidParameterCombination", reason)
    dimensions = frozenset((one["Name"], one["Value"]) for one in response._get_param("Dimensions", []))
    name, unit = response._get_param("MetricName"), response._get_param("Unit") or ""
    wanted = Series(response._get_param("Namespace"), name, dimensions)
    index = Index.of(response.cloudwatch_backend)
    try:
        of = {stat: points(index, wanted, stat, period, start, end, unit) for stat in [*plain, *extended]}
    except ValueError as error:
        raise ApiError("NotImplementedException", str(error), 501) from error
    data = index.between(wanted, start, end, unit or None)
    shown = [
        {
            "Timestamp": datetime.fromtimestamp(begin, UTC),
            "Unit": unit or next((datum.unit for datum in data if datum.unit), None) or "None",
            **{stat: of[stat][begin] for stat in plain},
            "ExtendedStatistics": {stat: of[stat][begin] for stat in extended if begin in of[stat]} or None,
        }
        for begin in sorted(set().union(*of.values()))
    ]
    return ActionResult({"Label": name, "Datapoints": shown})
