"""The thread that evaluates alarms: every second, and at once when something was put.

Periods are not compressed. An alarm goes to ALARM as soon as the datapoints of a period that is not over yet breach,
where more data cannot undo it or AWS would not wait either (`alarm_states.judge`); it leaves ALARM at a period's end.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from providers.aws.emulator.moto import alarm_actions, alarms, composite_alarms, gates, loading, metric_math
from providers.aws.emulator.moto.alarm_states import EXTRA_PERIODS, Judged, Rule, judge
from providers.aws.emulator.moto.metric_reads import points
from providers.aws.emulator.moto.metric_series import Index, Series, series

EVERY = 1.0
_LEAST = 0.1
_LONGEST_END = 10.0
SERVICE = "cloudwatch"


class AlarmLoop:
    """Evaluates until it is closed. `changed(service, region)` is called for what it changes."""

    def __init__(self, changed: Callable[[str, str], None], has_state: bool) -> None:
        self._changed = changed
        self._has_state = has_state
        self._wake, self._over = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Something was put: evaluate now."""
        self._wake.set()

    def close(self) -> None:
        """End."""
        self._over = True
        self._wake.set()
        self._thread.join(_LONGEST_END)

    def _run(self) -> None:
        if self._has_state:
            loading.touch(SERVICE)
        while not self._over:
            try:
                for key, backend in list(loading.in_memory({SERVICE})):
                    self._evaluate(backend, key.region)
            except Exception:  # noqa: BLE001 - a defect must not end all alarms
                traceback.print_exc(file=sys.stderr)
            self._wake.wait(EVERY)
            if not self._over:
                time.sleep(_LEAST)  # several puts at once are one
            self._wake.clear()

    def _evaluate(self, backend: Any, region: str) -> None:
        if not backend.alarms:
            return
        now = time.time()
        with gates.of(SERVICE).reading():
            judged = [
                (alarm, _judged(backend, alarm, now))
                for alarm in backend.alarms.values()
                if alarm.rule is None and not alarms.is_held(alarm)
            ]
        with gates.of(SERVICE).changing():
            for alarm, found in judged:
                if backend.alarms.get(alarm.name) is alarm and (found.state != alarm.state_value):
                    alarms.enter(alarm, found.state, found.reason, _reason_data(alarm, found, now))
            _combine(backend)
            turned = [alarm for alarm in backend.alarms.values() if alarm.state_value != alarm.mooring_acted_on]
            for alarm in turned:
                alarm_actions.run(alarm, alarm.mooring_acted_on, region)
                alarm.mooring_acted_on = alarm.state_value
        if turned:
            self._changed("sns", region)
            self._changed(SERVICE, region)


def _judged(backend: Any, alarm: Any, now: float) -> Judged:
    """The state that the alarm's metrics put it in."""
    period = _period(alarm)
    rule = Rule(
        alarm.comparison_operator, float(alarm.threshold), int(alarm.evaluation_periods),
        int(alarm.datapoints_to_alarm or alarm.evaluation_periods), alarm.treat_missing_data or "missing",
        alarm.statistic or alarm.extended_statistic or "",
    )  # fmt: skip
    current = now // period * period
    starts = [current - period * number for number in range(rule.periods + EXTRA_PERIODS, -1, -1)]
    found = _points(Index.of(backend), alarm, period, starts)
    window = [(start, found.get(start)) for start in starts]
    return judge(window[:-1], window[-1], rule, alarm.state_value)


def _period(alarm: Any) -> int:
    stats = [query.metric_stat for query in alarm.metric_data_queries if query.metric_stat]
    return int(alarm.period or (stats[0].period if stats else 60))


def _points(index: Index, alarm: Any, period: int, starts: list[float]) -> metric_math.Points:
    end = starts[-1] + period
    if not alarm.metric_data_queries:
        wanted = series(alarm.namespace, alarm.metric_name, alarm.dimensions)
        stat = alarm.statistic or alarm.extended_statistic
        return points(index, wanted, stat, period, starts[0], end, alarm.unit or "")
    known: dict[str, metric_math.Points] = {}
    for query in alarm.metric_data_queries:
        if query.metric_stat:
            metric = query.metric_stat.metric
            wanted = Series(
                metric.namespace, metric.metric_name, frozenset((one.name, one.value) for one in metric.dimensions)
            )
            unit = query.metric_stat.unit or ""
            known[query.id] = points(index, wanted, query.metric_stat.stat, period, starts[0], end, unit)
    expressions = {query.id: query.expression for query in alarm.metric_data_queries if query.expression}
    for _ in range(len(expressions)):  # an expression may use another
        for name, expression in expressions.items():
            if name not in known and metric_math.names(expression) <= known.keys():
                known[name] = metric_math.evaluate(expression, known, starts)
    returned = [query.id for query in alarm.metric_data_queries if str(query.return_data).lower() != "false"]
    return known.get(returned[0], {}) if returned else {}


def _combine(backend: Any) -> None:
    """Composite alarms, after those that they are made of; several times, as one may be made of another."""
    composite = [alarm for alarm in backend.alarms.values() if alarm.rule is not None]
    known = {key: alarm for alarm in backend.alarms.values() for key in (alarm.name, alarm.alarm_arn)}

    def state_of(name: str) -> str:
        return str(known[name].state_value) if name in known else "INSUFFICIENT_DATA"

    for alarm in composite * len(composite):
        if alarms.is_held(alarm):
            continue
        truth, named = composite_alarms.read(alarm.rule)
        state = "ALARM" if truth(state_of) else "OK"
        if state != alarm.state_value:
            why = ", ".join(f"{name} is in {state_of(name)}" for name in sorted(named))
            alarms.enter(alarm, state, f"{alarm.name} transitioned to {state}: {why}", "{}")


def _reason_data(alarm: Any, found: Judged, now: float) -> str:
    def text(moment: float) -> str:
        return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%S}.000+0000"

    return json.dumps({
        "version": "1.0", "queryDate": text(now), "startDate": text(found.points[0][0]) if found.points else None,
        "statistic": alarm.statistic, "period": alarm.period, "threshold": alarm.threshold,
        "recentDatapoints": [value for _, value in found.points],
        "evaluatedDatapoints": [{"timestamp": text(start), "value": value} for start, value in reversed(found.points)],
    })  # fmt: skip
