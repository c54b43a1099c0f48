"""CloudWatch's alarms as moto keeps them: put as AWS takes them, with their history, and composite ones."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.moto import alarm_states, composite_alarms, metric_math
from providers.aws.emulator.moto.metric_series import is_percentile, seconds

SET_BY_HAND = 5.0
"""Seconds that a state set by SetAlarmState lasts at most until the alarm is evaluated again; at most its period."""
STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_PAGE = 100
_UNCHECKED = "Unchecked: Initial alarm creation"
_KEPT = (
    "state_value",
    "state_reason",
    "state_reason_data",
    "state_updated_timestamp",
    "history",
    "mooring_acted_on",
)
_TREATMENTS = ("breaching", "notBreaching", "ignore", "missing")


def install() -> None:
    """Have moto's CloudWatch do so. Once a process."""
    from moto.cloudwatch.models import CloudWatchBackend
    from moto.cloudwatch.responses import CloudWatchResponse

    put: Callable[..., Any] = CloudWatchBackend.put_metric_alarm

    def put_metric_alarm(backend: Any, **given: Any) -> Any:
        _check(given)
        old = backend.alarms.get(given["name"])
        return _put(old, put(backend, **given))

    def set_alarm_state(backend: Any, name: str, reason: str, reason_data: str, state: str) -> None:
        _set_by_hand(backend, name, reason, reason_data, state)

    CloudWatchBackend.put_metric_alarm = put_metric_alarm
    CloudWatchBackend.set_alarm_state = set_alarm_state
    CloudWatchResponse.put_composite_alarm = _put_composite_alarm
    CloudWatchResponse.describe_alarm_history = _describe_alarm_history


def enter(alarm: Any, state: str, reason: str, data: str) -> None:
    """Put an alarm into a state, and note it. A state that it is in already only gets a new reason."""
    old = alarm.state_value
    alarm.state_reason, alarm.state_reason_data = reason, data
    if state == old:
        return
    now = datetime.now(UTC).replace(tzinfo=None)
    alarm.state_value, alarm.state_updated_timestamp = state, now
    told = {"version": "1.0", "oldState": {"stateValue": old}, "newState": {"stateValue": state, "stateReason": reason}}
    note(alarm, "StateUpdate", f"Alarm updated from {old} to {state}", told)


def note(alarm: Any, kind: str, summary: str, data: dict[str, Any]) -> None:
    """Write something into an alarm's history."""
    alarm.history.append((time.time(), kind, summary, json.dumps(data)))


def is_held(alarm: Any) -> bool:
    """Whether its state was set by hand a moment ago."""
    until: float = vars(alarm).get("mooring_held_until", 0.0)
    return time.time() < until


def _put(old: Any, alarm: Any) -> Any:
    """A new alarm has no data yet; one that is changed keeps its state and history."""
    if old is not None:
        for name in _KEPT:
            setattr(alarm, name, getattr(old, name))
    else:
        alarm.state_value, alarm.state_reason = "INSUFFICIENT_DATA", _UNCHECKED
        alarm.mooring_acted_on = alarm.state_value  # the state that its actions were last carried out for
    done, kind = ("updated", "Update") if old is not None else ("created", "Create")
    note(alarm, "ConfigurationUpdate", f'Alarm "{alarm.name}" {done}', {"type": kind})
    return alarm


def _check(given: dict[str, Any]) -> None:
    """Raise ApiError for an alarm that AWS would refuse or that is not evaluated here."""
    if given.get("rule") is not None:
        return
    comparison = given.get("comparison_operator") or ""
    if given.get("threshold_metric_id") or not alarm_states.is_emulated(comparison):
        raise ApiError("NotImplementedException", "Alarms on anomalies are not emulated by Mooring", 501)
    if (treat := given.get("treat_missing_data") or "missing") not in _TREATMENTS:
        raise ApiError("ValidationError", f"Option {treat} is not supported. Supported options for parameter "
                       f"TreatMissingData are {', '.join(_TREATMENTS)}.")  # fmt: skip
    periods, to_alarm = int(given.get("evaluation_periods") or 0), given.get("datapoints_to_alarm")
    if periods < 1 or (to_alarm is not None and not 1 <= int(to_alarm) <= periods):
        raise ApiError("ValidationError", "DatapointsToAlarm must be less than or equal to EvaluationPeriods")
    if given.get("threshold") is None:
        raise ApiError("ValidationError", "The parameter Threshold is required")
    queries = given.get("metric_data_queries") or []
    for query in queries:
        if query.expression:
            try:
                unknown = metric_math.names(query.expression) - {one.id for one in queries}
            except metric_math.BadExpression as error:
                raise ApiError("ValidationError", f"Invalid metrics list: {error}") from error
            if unknown:
                absent = ", ".join(sorted(unknown))
                raise ApiError("ValidationError", f"Invalid metrics list: there is no metric {absent}")
        else:
            _check_statistic(query.metric_stat.stat if query.metric_stat else "")
    if not queries:
        period = int(given.get("period") or 0)
        if period not in (10, 20, 30) and (period < 60 or period % 60):
            raise ApiError("ValidationError", "Metric alarm period must be 10, 20, 30 or a multiple of 60 seconds")
        _check_statistic(given.get("statistic") or given.get("extended_statistic") or "")


def _check_statistic(name: str) -> None:
    if name not in STATISTICS and not is_percentile(name):
        raise ApiError("NotImplementedException", f"Alarms on the statistic '{name}' are not emulated by Mooring", 501)


def _set_by_hand(backend: Any, name: str, reason: str, reason_data: str | None, state: str) -> None:
    alarm = backend.alarms.get(name)
    if alarm is None:
        raise ApiError("ResourceNotFound", "Unknown", 404)
    if state not in composite_alarms.STATES:
        states = ", ".join(composite_alarms.STATES)
        where = f"Value '{state}' at 'stateValue' failed to satisfy constraint"
        raise ApiError("ValidationError", f"1 validation error detected: {where}: Member must be one of [{states}]")
    try:
        json.loads(reason_data or "{}")
    except ValueError as error:
        raise ApiError("InvalidFormat", "Unknown") from error
    enter(alarm, state, reason, reason_data or "{}")
    alarm.mooring_held_until = time.time() + min(SET_BY_HAND, int(alarm.period or SET_BY_HAND))


def _put_composite_alarm(response: Any) -> Any:
    from moto.core.responses import EmptyResult

    if response._get_param("ActionsSuppressor"):
        raise ApiError("NotImplementedException", "ActionsSuppressor is not emulated by Mooring", 501)
    name, backend = response._get_param("AlarmName"), response.cloudwatch_backend
    try:
        _, named = composite_alarms.read(response._get_param("AlarmRule") or "")
    except composite_alarms.BadRule as error:
        raise ApiError("ValidationError", f"AlarmRule must be valid: {error}") from error
    known = {*backend.alarms, *(alarm.alarm_arn for alarm in backend.alarms.values())}
    if absent := named - known:
        raise ApiError(
            "ValidationError", f"AlarmRule must not contain alarms that are absent: {', '.join(sorted(absent))}"
        )
    response.put_metric_alarm()
    backend.alarms[name].period = None
    return EmptyResult()


def _describe_alarm_history(response: Any) -> Any:
    from moto.core.responses import ActionResult

    name, kind = response._get_param("AlarmName"), response._get_param("HistoryItemType")
    first, last = response._get_param("StartDate"), response._get_param("EndDate")
    items = [
        {"AlarmName": alarm.name, "AlarmType": "CompositeAlarm" if alarm.rule is not None else "MetricAlarm",
         "Timestamp": datetime.fromtimestamp(moment, UTC), "HistoryItemType": type_, "HistorySummary": summary,
         "HistoryData": data}
        for alarm in response.cloudwatch_backend.alarms.values()
        for moment, type_, summary, data in alarm.history
        if name in (None, alarm.name) and kind in (None, type_)
        and (first is None or moment >= seconds(first)) and (last is None or moment <= seconds(last))
    ]  # fmt: skip
    items.sort(key=lambda item: item["Timestamp"], reverse=response._get_param("ScanBy") != "TimestampAscending")
    token = str(response._get_param("NextToken") or "0")
    if not token.isdigit():
        raise ApiError("InvalidNextToken", "The next token specified is invalid.")
    end = int(token) + int(response._get_param("MaxRecords") or _PAGE)
    return ActionResult(
        {"AlarmHistoryItems": items[int(token) : end], "NextToken": str(end) if end < len(items) else None}
    )
