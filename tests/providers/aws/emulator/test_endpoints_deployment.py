"""How a new fleet takes over: canary, linear, rolling, and back again when an alarm says so."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hosting_bench import Asking, HostingBench, eventually, hosting
from running_emulator import RunningEmulator


@pytest.fixture(scope="module")
def bench(emulator: RunningEmulator) -> Iterator[HostingBench]:
    with hosting(emulator, f"deploy-{time.time_ns()}") as made:
        yield made


@pytest.fixture(scope="module")
def blue(bench: HostingBench) -> str:
    return bench.config("blue", bench.model("blue"))


@pytest.fixture(scope="module")
def green(bench: HostingBench) -> str:
    return bench.config("green", bench.model("green"))


@pytest.fixture(scope="module")
def failing(bench: HostingBench) -> str:
    """A model that starts, and then fails every request."""
    return bench.config("failing", bench.model("failing", ALWAYS_FAILS="1"))


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def shifting(kind: str, wait: int = 120, **size: Any) -> dict[str, Any]:
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": wait, **size},
            "TerminationWaitInSeconds": 0,
        }
    }


def watched_by(alarm: str, deployment: dict[str, Any]) -> dict[str, Any]:
    return deployment | {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]}}


def alarm(bench: HostingBench, endpoint: str) -> str:
    name = f"{endpoint}-5xx"
    bench.cloudwatch.put_metric_alarm(
        AlarmName=name, Namespace="AWS/SageMaker", MetricName="Invocation5XXErrors", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=0, ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "one"}],
    )  # fmt: skip
    return name


@pytest.mark.parametrize(
    ("deployment", "share"),
    [
        (shifting("CANARY", wait=180, CanarySize=percent(20)), 0.2),
        (shifting("LINEAR", wait=180, LinearStepSize=percent(50)), 0.5),
        ({"RollingUpdatePolicy": {"MaximumBatchSize": percent(50), "WaitIntervalInSeconds": 180}}, 0.5),
    ],
    ids=["canary", "linear", "rolling"],
)
def test_traffic_goes_over_in_steps_and_no_request_fails(
    bench: HostingBench, blue: str, green: str, deployment: dict[str, Any], share: float, request: Any
) -> None:
    name = bench.endpoint(f"steps-{request.node.callspec.id}", blue)
    statuses = set()
    with Asking(bench, name) as asking:
        bench.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=green, DeploymentConfig=deployment)
        while (found := bench.describe(name))["EndpointStatus"] == "Updating":
            summary = found["PendingDeploymentSummary"]["ProductionVariants"][0]
            statuses.add(summary["VariantStatus"][0]["Status"])
            time.sleep(0.05)
        eventually(lambda: asking.models[-1] == "green")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", green)
    assert found["LastDeploymentConfig"] == deployment
    assert {"Creating", "ActivatingTraffic", "Baking"} >= statuses >= {"ActivatingTraffic", "Baking"}
    assert asking.failures == []
    first = asking.models.index("green")
    last = len(asking.models) - asking.models[::-1].index("blue")
    mixed = asking.models[first:last]
    assert len(mixed) > 15
    assert abs(mixed.count("green") / len(mixed) - share) < 0.3


def test_an_alarm_turns_a_canary_back_and_the_endpoint_says_why(bench: HostingBench, blue: str, failing: str) -> None:
    name = bench.endpoint("alarmed", blue)
    by = alarm(bench, name)
    deployment = watched_by(by, shifting("CANARY", wait=600, CanarySize=percent(20)))
    seen: list[str] = []
    with Asking(bench, name) as asking:
        bench.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=failing, DeploymentConfig=deployment)
        eventually(lambda: len(asking.failures) > 2)
        bench.cloudwatch.set_alarm_state(AlarmName=by, StateValue="ALARM", StateReason="requests fail")
        found = bench.settled(name, seen=seen)
        turned, answered = len(asking.failures), len(asking.models)
        eventually(lambda: len(asking.models) > answered + 20)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", blue)
    assert found["FailureReason"] == f"The update was rolled back because the alarms [{by}] are in ALARM state."
    assert "RollingBack" in seen
    assert len(asking.failures) == turned, "the old fleet has all of the traffic again"
    assert set(asking.models) == {"blue"}


def test_an_alarm_turns_an_update_back_after_all_of_the_traffic_went_over(
    bench: HostingBench, blue: str, failing: str
) -> None:
    name = bench.endpoint("baking", blue)
    by = alarm(bench, name)
    bench.sagemaker.update_endpoint(
        EndpointName=name, EndpointConfigName=failing, DeploymentConfig=watched_by(by, shifting("ALL_AT_ONCE", 300))
    )
    with Asking(bench, name) as asking:
        eventually(lambda: asking.failures)
        bench.cloudwatch.set_alarm_state(AlarmName=by, StateValue="ALARM", StateReason="requests fail")
        found = bench.settled(name)
    assert found["EndpointConfigName"] == blue
    assert by in found["FailureReason"]
    assert bench.says(name)["model"] == "blue"


def test_an_update_is_turned_back_though_the_emulator_was_killed(bench: HostingBench, blue: str, failing: str) -> None:
    name = bench.endpoint("killed", blue)
    by = alarm(bench, name)
    deployment = watched_by(by, shifting("CANARY", wait=1800, CanarySize=percent(10)))
    bench.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=failing, DeploymentConfig=deployment)
    bench.running.kill()
    assert bench.describe(name)["EndpointStatus"] == "Updating"
    assert alarm(bench, name) == by  # a killed emulator may have lost the last moment of the other services
    with Asking(bench, name) as asking:
        eventually(lambda: asking.failures)
        bench.cloudwatch.set_alarm_state(AlarmName=by, StateValue="ALARM", StateReason="requests fail")
        found = bench.settled(name)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", blue)
    assert by in found["FailureReason"]


@pytest.mark.parametrize(
    ("deployment", "words"),
    [
        (shifting("CANARY"), "CanarySize must be specified"),
        (shifting("ALL_AT_ONCE", CanarySize=percent(10)), "CanarySize can only be specified"),
        (shifting("CANARY", CanarySize=percent(60)), "less than or equal to 50%"),
        (shifting("CANARY", CanarySize={"Type": "INSTANCE_COUNT", "Value": 1}), "less than or equal to 50%"),
        (shifting("LINEAR", LinearStepSize=percent(5)), "between 10% and 50%"),
        (watched_by("absent", shifting("ALL_AT_ONCE")), "alarms could not be found: [absent]"),
        (
            shifting("ALL_AT_ONCE")
            | {"RollingUpdatePolicy": {"MaximumBatchSize": percent(50), "WaitIntervalInSeconds": 0}},
            "cannot be specified together",
        ),
    ],
)
def test_a_deployment_that_cannot_be_is_refused(
    bench: HostingBench, blue: str, deployment: dict[str, Any], words: str
) -> None:
    with pytest.raises(ClientError) as caught:
        bench.sagemaker.create_endpoint(
            EndpointName=f"{bench.name}-never", EndpointConfigName=blue, DeploymentConfig=deployment
        )
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert words in caught.value.response["Error"]["Message"]


def test_the_last_deployment_may_be_retained(bench: HostingBench, blue: str, green: str) -> None:
    deployment = shifting("LINEAR", wait=0, LinearStepSize=percent(50))
    name = bench.endpoint("retained", blue)
    bench.update(name, green, DeploymentConfig=deployment)
    found = bench.update(name, blue, RetainDeploymentConfig=True)
    assert found["LastDeploymentConfig"] == deployment
