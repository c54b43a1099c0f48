"""How alarms judge datapoints, do arithmetic and read the rules of composite ones; without a server."""

from __future__ import annotations

import pytest

from providers.aws.emulator.moto.alarm_states import Rule, State, judge
from providers.aws.emulator.moto.composite_alarms import BadRule, read
from providers.aws.emulator.moto.metric_math import BadExpression, evaluate, names

KEEP: State = "INSUFFICIENT_DATA"  # what an alarm of these tables was in before


@pytest.mark.parametrize(
    ("to_alarm", "points", "missing", "ignore", "breaching", "not_breaching"),
    [  # the tables of CloudWatch's guide: three periods to evaluate, five looked at
        (3, "0-X-X", "OK", "OK", "OK", "OK"),
        (3, "----0", "OK", "OK", "OK", "OK"),
        (3, "-----", "INSUFFICIENT_DATA", KEEP, "ALARM", "OK"),
        (3, "0XX-X", "ALARM", "ALARM", "ALARM", "ALARM"),
        (3, "--X--", "ALARM", KEEP, "ALARM", "OK"),
        (2, "0-X-X", "ALARM", "ALARM", "ALARM", "ALARM"),
        (2, "00X0X", "ALARM", "ALARM", "ALARM", "ALARM"),
        (2, "0-X--", "OK", "OK", "ALARM", "OK"),
        (2, "----0", "OK", "OK", "ALARM", "OK"),
        (2, "---X-", "ALARM", KEEP, "ALARM", "OK"),
    ],
)
def test_missing_data_is_treated_as_cloudwatchs_guide_says(
    to_alarm: int, points: str, missing: State, ignore: State, breaching: State, not_breaching: State
) -> None:
    values = {"0": 0.0, "X": 9.0, "-": None}
    window = [(60.0 * number, values[point]) for number, point in enumerate(points)]
    told = {"missing": missing, "ignore": ignore, "breaching": breaching, "notBreaching": not_breaching}
    for treatment, state in told.items():
        rule = Rule("GreaterThanThreshold", 5.0, periods=3, to_alarm=to_alarm, missing=treatment)
        assert (treatment, judge(window, (300.0, None), rule, KEEP).state) == (treatment, state)


def test_a_period_that_has_begun_counts_once_it_breaches_and_not_before() -> None:
    rule = Rule("GreaterThanThreshold", 5.0, periods=1, to_alarm=1, statistic="Sum")
    window = [(0.0, 1.0), (60.0, None), (120.0, 1.0)]
    assert judge(window, (180.0, 6.0), rule, "OK").state == "ALARM"
    alarmed = [(0.0, 1.0), (60.0, 1.0), (120.0, 9.0)]
    assert judge(alarmed, (180.0, 1.0), rule, "ALARM").state == "ALARM"
    too_few = Rule("LessThanThreshold", 5.0, periods=1, to_alarm=1, statistic="Sum")
    assert judge([(0.0, 9.0), (60.0, 9.0), (120.0, 9.0)], (180.0, 1.0), too_few, "OK").state == "OK"


def test_metric_math_is_done_period_by_period() -> None:
    metrics = {"errors": {0.0: 1.0, 60.0: 3.0}, "calls": {0.0: 4.0, 60.0: 4.0, 120.0: 4.0, 180.0: 0.0}}
    starts = [0.0, 60.0, 120.0]
    assert evaluate("100 * errors / calls", metrics, starts) == {0.0: 25.0, 60.0: 75.0}
    assert evaluate("FILL(errors, 0) / calls", metrics, starts) == {0.0: 0.25, 60.0: 0.75, 120.0: 0.0}
    assert evaluate("IF(calls > 0, SUM([errors, calls]), 0)", metrics, starts) == {
        0.0: 5.0, 60.0: 7.0, 120.0: 4.0, 180.0: 0.0}  # fmt: skip
    assert evaluate("calls / calls", metrics, [180.0]) == {0.0: 1.0, 60.0: 1.0, 120.0: 1.0}
    assert names("errors / MAX([calls, other])") == {"errors", "calls", "other"}
    for wrong in ("SEARCH('x')", "errors +", "__import__('os')", "errors.real", "ANOMALY_DETECTION_BAND(errors)"):
        with pytest.raises(BadExpression):
            names(wrong)


def test_a_composite_rule_is_read_as_it_is_written() -> None:
    truth, named = read('ALARM(a) AND (NOT OK("b c") OR INSUFFICIENT_DATA(d)) OR FALSE')
    assert named == {"a", "b c", "d"}
    states = {"a": "ALARM", "b c": "OK", "d": "INSUFFICIENT_DATA"}
    assert truth(states.__getitem__) is True
    assert truth({**states, "d": "OK"}.__getitem__) is False
    for wrong in ("ALARM(a", "ALARM a", "a", "ALARM(a) ALARM(b)", "", "ALARM(a) AND"):
        with pytest.raises(BadRule):
            read(wrong)
