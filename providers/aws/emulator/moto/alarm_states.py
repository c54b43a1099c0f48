"""In which state datapoints put a metric alarm: CloudWatch's rules for M out of N, and for data that is missing.

CloudWatch looks at more periods than `EvaluationPeriods` (here `EXTRA_PERIODS` more), so that what is missing among the
newest may be made up by older data. The tables of its guide ("How alarm state is evaluated when data is missing") are
what the tests hold this to.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
EXTRA_PERIODS = 2

_COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
_GROWING = {"Sum", "SampleCount", "Maximum"}
"""Statistics that only grow while a period lasts: that they are too low is known at its end."""
_TREATED: dict[str, State] = {"breaching": "ALARM", "notBreaching": "OK", "missing": "INSUFFICIENT_DATA"}


@dataclass(frozen=True)
class Rule:
    """What an alarm compares with what."""

    comparison: str
    threshold: float
    periods: int
    to_alarm: int
    missing: str = "missing"
    statistic: str = "Average"

    def breaches(self, value: float) -> bool:
        """Whether a datapoint is on the wrong side of the threshold."""
        return _COMPARISONS[self.comparison][0](value, self.threshold)

    @property
    def words(self) -> str:
        """The comparison in the words of a state's reason."""
        return _COMPARISONS[self.comparison][1]

    @property
    def is_known_early(self) -> bool:
        """Whether a period that is not over yet may count as breaching."""
        return not (self.statistic in _GROWING and self.comparison.startswith("Less"))


@dataclass(frozen=True)
class Judged:
    """The state, why, and the datapoints that it comes from: start of their period in seconds, and value."""

    state: State
    reason: str
    points: tuple[tuple[float, float], ...] = ()


Point = tuple[float, float | None]
"""Start of a period in seconds since the epoch, and its datapoint, None where there is none."""


def is_emulated(comparison: str) -> bool:
    """Whether a comparison is one with a fixed threshold."""
    return comparison in _COMPARISONS


def judge(complete: Sequence[Point], current: Point, rule: Rule, before: State) -> Judged:
    """The state after these periods, oldest first; `current` is the one that has begun, `before` the state so far.

    A current period counts as soon as it breaches, and otherwise only while there is nothing older to go by.
    """
    window = list(complete)
    if current[1] is not None:
        has_none = all(value is None for _, value in window)
        if (rule.breaches(current[1]) and rule.is_known_early) or (has_none and not rule.breaches(current[1])):
            window = [*window[1:], current]
    real = [(start, value) for start, value in window if value is not None]
    if not real:
        return _nothing(rule, before)
    shown = real[-rule.periods :] if len(real) >= rule.periods else real
    breaching = sum(rule.breaches(value) for _, value in shown)
    unknown = rule.periods - len(shown)
    if unknown and rule.missing == "ignore" and breaching == len(shown) < rule.to_alarm:
        return Judged(before, f"Threshold Crossed: {_count(unknown)} missing and ignored.", tuple(shown))
    needed = min(rule.to_alarm, len(shown)) if rule.missing == "missing" else rule.to_alarm
    counted = breaching + (unknown if rule.missing == "breaching" else 0)
    state: State = "ALARM" if counted >= needed else "OK"
    return Judged(state, _reason(rule, shown, state), tuple(shown))


def _nothing(rule: Rule, before: State) -> Judged:
    if rule.missing == "ignore":
        return Judged(before, "Unchecked: no datapoints were received, and missing data is ignored.")
    state = _TREATED[rule.missing]
    if state == "INSUFFICIENT_DATA":
        verb = "was" if rule.periods == 1 else "were"
        return Judged(state, f"Insufficient Data: {_count(rule.periods)} {verb} unknown.")
    treated = "Breaching" if state == "ALARM" else "NonBreaching"
    periods = f"{rule.periods} period{'s' if rule.periods > 1 else ''}"
    missing = f"{rule.periods} missing datapoint{'s were' if rule.periods > 1 else ' was'} treated as [{treated}]"
    return Judged(state, f"Threshold Crossed: no datapoints were received for {periods} and {missing}.")


def _reason(rule: Rule, shown: Sequence[tuple[float, float]], state: State) -> str:
    def text(start: float, value: float) -> str:
        return f"{value} ({datetime.fromtimestamp(start, UTC):%d/%m/%y %H:%M:%S})"

    is_alarm = state == "ALARM"
    chosen = [point for point in reversed(shown) if rule.breaches(point[1]) == is_alarm]
    number = len(chosen)
    change = "OK -> ALARM" if is_alarm else "ALARM -> OK"
    least = rule.to_alarm if is_alarm else rule.periods - rule.to_alarm + 1
    return (
        f"Threshold Crossed: {number} out of the last {len(shown)} datapoints "
        f"[{', '.join(text(*point) for point in chosen)}] {'was' if number == 1 else 'were'} "
        f"{'' if is_alarm else 'not '}{rule.words} the threshold ({rule.threshold}) "
        f"(minimum {_count(least)} for {change} transition)."
    )


def _count(number: int) -> str:
    return f"{number} datapoint{'s' if number != 1 else ''}"
