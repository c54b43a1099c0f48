"""Alarms are evaluated on the metrics that were put."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_emulator import RunningEmulator

Names = Callable[[str], str]


class Subscriber:
    """An HTTP server of loopback that SNS delivers to."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    """Listens while the test runs."""
    made = Subscriber()
    yield made
    made.close()


def put_alarm(emulator: RunningEmulator, name: str, **changes: Any) -> None:
    """An alarm on the sum of `errors` of an endpoint, one period of ten seconds."""
    given = {
        "AlarmName": name, "Namespace": "test", "MetricName": "errors", "Statistic": "Sum", "Period": 10,
        "Dimensions": [{"Name": "Endpoint", "Value": name}], "EvaluationPeriods": 1, "Threshold": 3.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold", "TreatMissingData": "notBreaching", **changes,
    }  # fmt: skip
    emulator.client("cloudwatch").put_metric_alarm(**given)


def put_errors(emulator: RunningEmulator, name: str, *values: float, at: float | None = None) -> None:
    """Values of the metric that `put_alarm` watches."""
    datum: dict[str, Any] = {"MetricName": "errors", "Dimensions": [{"Name": "Endpoint", "Value": name}]}
    when = {} if at is None else {"Timestamp": at}
    data = [{**datum, **when, "Value": value} for value in values]
    emulator.client("cloudwatch").put_metric_data(Namespace="test", MetricData=data)


def state(emulator: RunningEmulator, name: str) -> dict[str, Any]:
    """The alarm as it is described."""
    kinds = ["MetricAlarm", "CompositeAlarm"]
    told = emulator.client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=kinds)
    (alarm,) = told["MetricAlarms"] + told["CompositeAlarms"]
    return dict(alarm)


def wait_for(emulator: RunningEmulator, name: str, wanted: str, seconds: float = 6.0) -> dict[str, Any]:
    """Wait until the alarm is in a state."""
    deadline = time.monotonic() + seconds
    while (alarm := state(emulator, name))["StateValue"] != wanted:
        assert time.monotonic() < deadline, alarm
        time.sleep(0.05)
    return alarm


def test_an_alarm_goes_off_as_soon_as_metrics_breach_and_tells_its_topic(
    emulator: RunningEmulator, unique: Names, subscriber: Subscriber
) -> None:
    name, sns = unique("alarm"), emulator.client("sns")
    topic = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url)
    put_alarm(emulator, name, AlarmActions=[topic], OKActions=[topic], AlarmDescription="too many errors")
    wait_for(emulator, name, "OK")
    began = time.monotonic()
    put_errors(emulator, name, 1, 1, 1)
    put_errors(emulator, f"{name}-other", 9)
    alarm = wait_for(emulator, name, "ALARM")
    assert time.monotonic() - began < 2
    assert "was greater than or equal to the threshold (3.0)" in alarm["StateReason"]
    deadline = time.monotonic() + 5
    while len(subscriber.messages) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    told = [json.loads(message["Message"]) for message in subscriber.messages]
    assert [(one["OldStateValue"], one["NewStateValue"]) for one in told] == [
        ("INSUFFICIENT_DATA", "OK"), ("OK", "ALARM")]  # fmt: skip
    assert told[1]["Trigger"]["Dimensions"] == [{"value": name, "name": "Endpoint"}]
    assert told[1]["Region"] == "US East (N. Virginia)"
    assert subscriber.messages[1]["Subject"] == f'ALARM: "{name}" in US East (N. Virginia)'
    history = emulator.client("cloudwatch").describe_alarm_history(AlarmName=name, HistoryItemType="StateUpdate")
    assert [item["HistorySummary"] for item in history["AlarmHistoryItems"]] == [
        "Alarm updated from OK to ALARM", "Alarm updated from INSUFFICIENT_DATA to OK"]  # fmt: skip


def test_an_alarm_stays_in_alarm_over_a_restart_and_recovers_on_good_data(
    emulator: RunningEmulator, unique: Names
) -> None:
    name = unique("alarm")
    now = time.time()
    put_alarm(emulator, name, Period=60, EvaluationPeriods=2, DatapointsToAlarm=2)
    put_errors(emulator, name, 5, at=now - 60)
    put_errors(emulator, name, 5, at=now - 120)
    wait_for(emulator, name, "ALARM")
    emulator.restart()
    assert state(emulator, name)["StateValue"] == "ALARM"
    put_alarm(emulator, name, Period=60, EvaluationPeriods=2, DatapointsToAlarm=2, Threshold=50.0)
    wait_for(emulator, name, "OK")


def test_an_alarm_without_data_is_in_insufficient_data(emulator: RunningEmulator, unique: Names) -> None:
    name = unique("alarm")
    put_alarm(emulator, name, TreatMissingData="missing")
    time.sleep(1.3)
    assert state(emulator, name)["StateValue"] == "INSUFFICIENT_DATA"
    put_errors(emulator, name, 1)
    wait_for(emulator, name, "OK")


def test_a_percentile_is_compared(emulator: RunningEmulator, unique: Names) -> None:
    name = unique("alarm")
    given = {"AlarmName": name, "Namespace": "test", "MetricName": "errors", "ExtendedStatistic": "p90", "Period": 10,
             "Dimensions": [{"Name": "Endpoint", "Value": name}], "EvaluationPeriods": 1, "Threshold": 9.0,
             "ComparisonOperator": "GreaterThanThreshold"}  # fmt: skip
    emulator.client("cloudwatch").put_metric_alarm(**given)
    put_errors(emulator, name, *[1.0] * 9, 100.0, 100.0)
    alarm = wait_for(emulator, name, "ALARM")
    assert "[100.0 (" in alarm["StateReason"]


def test_an_alarm_on_metric_math_is_evaluated(emulator: RunningEmulator, unique: Names) -> None:
    name, cloudwatch = unique("alarm"), emulator.client("cloudwatch")

    def metric(id: str, metric_name: str) -> dict[str, Any]:
        stat = {"Metric": {"Namespace": name, "MetricName": metric_name}, "Period": 10, "Stat": "Sum"}
        return {"Id": id, "MetricStat": stat, "ReturnData": False}

    cloudwatch.put_metric_alarm(
        AlarmName=name, EvaluationPeriods=1, Threshold=10.0, ComparisonOperator="GreaterThanThreshold",
        Metrics=[metric("errors", "5xx"), metric("calls", "Invocations"),
                 {"Id": "rate", "Expression": "100 * errors / calls", "ReturnData": True}])  # fmt: skip
    data = [{"MetricName": "5xx", "Value": 1.0}, {"MetricName": "Invocations", "Value": 5.0}]
    cloudwatch.put_metric_data(Namespace=name, MetricData=data)
    wait_for(emulator, name, "ALARM")


def test_a_composite_alarm_follows_its_rule(emulator: RunningEmulator, unique: Names) -> None:
    name, cloudwatch = unique("whole"), emulator.client("cloudwatch")
    for part in ("a", "b"):
        put_alarm(emulator, f"{name}-{part}")
    rule = f'ALARM("{name}-a") AND NOT ALARM({name}-b)'
    cloudwatch.put_composite_alarm(AlarmName=name, AlarmRule=rule)
    wait_for(emulator, name, "OK")
    put_errors(emulator, f"{name}-a", 9)
    wait_for(emulator, name, "ALARM")
    put_errors(emulator, f"{name}-b", 9)
    wait_for(emulator, name, "OK")


def test_a_state_that_is_set_lasts_until_the_next_evaluation(emulator: RunningEmulator, unique: Names) -> None:
    name = unique("alarm")
    put_alarm(emulator, name)
    wait_for(emulator, name, "OK")
    emulator.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a drill")
    time.sleep(1.5)
    assert state(emulator, name)["StateReason"] == "a drill"
    wait_for(emulator, name, "OK", seconds=8)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Period": 7}, "ValidationError"),
        ({"DatapointsToAlarm": 2}, "ValidationError"),
        ({"TreatMissingData": "whatever"}, "ValidationError"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "NotImplementedException"),
    ],
)
def test_an_alarm_that_cannot_be_evaluated_is_refused(
    emulator: RunningEmulator, unique: Names, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as caught:
        put_alarm(emulator, unique("alarm"), **changes)
    assert caught.value.response["Error"]["Code"] == code


def test_metrics_are_read_by_all_of_their_dimensions_in_whole_periods(emulator: RunningEmulator, unique: Names) -> None:
    name, cloudwatch = unique("read"), emulator.client("cloudwatch")
    now = time.time() // 60 * 60
    put_errors(emulator, name, 1, 2, 3, at=now - 120)
    put_errors(emulator, name, 10, at=now - 60)
    ask = {"Namespace": "test", "MetricName": "errors", "StartTime": now - 300, "EndTime": now, "Period": 60}
    whole = [{"Name": "Endpoint", "Value": name}]
    told = cloudwatch.get_metric_statistics(
        **ask, Dimensions=whole, Statistics=["Sum", "Maximum"], ExtendedStatistics=["p50"])  # fmt: skip
    shown = [(one["Timestamp"].timestamp() - now, one["Sum"], one["Maximum"]) for one in told["Datapoints"]]
    assert shown == [(-120, 6.0, 3.0), (-60, 10.0, 10.0)]
    assert [one["ExtendedStatistics"] for one in told["Datapoints"]] == [{"p50": 2.0}, {"p50": 10.0}]
    assert cloudwatch.get_metric_statistics(**ask, Statistics=["Sum"])["Datapoints"] == []
    (whole_range,) = cloudwatch.get_metric_statistics(
        **{**ask, "Period": 300}, Dimensions=whole, Statistics=["Sum"])["Datapoints"]  # fmt: skip
    assert (whole_range["Timestamp"].timestamp(), whole_range["Sum"]) == (now - 300, 16.0)
    with pytest.raises(ClientError, match="exceeds the limit of 1440"):
        cloudwatch.get_metric_statistics(**{**ask, "StartTime": now - 86400 * 2}, Statistics=["Sum"])
    metric = {"Namespace": "test", "MetricName": "errors", "Dimensions": whole}
    queries = [
        {"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}},
        {"Id": "double", "Expression": "m * 2"},
    ]
    answer = cloudwatch.get_metric_data(MetricDataQueries=queries, StartTime=now - 300, EndTime=now)
    assert [(one["Id"], one["Values"]) for one in answer["MetricDataResults"]] == [
        ("m", [10.0, 6.0]), ("double", [20.0, 12.0])]  # fmt: skip


def test_sns_subscribes_nobody_whom_it_cannot_reach(emulator: RunningEmulator, unique: Names) -> None:
    sns = emulator.client("sns")
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    with pytest.raises(ClientError) as caught:
        sns.subscribe(TopicArn=topic, Protocol="https", Endpoint="https://example.com/hook")
    assert caught.value.response["Error"]["Code"] == "InvalidParameter"
    with pytest.raises(ClientError) as caught:
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:q")
    assert caught.value.response["Error"]["Code"] == "NotImplementedException"
