"""Endpoints are made, changed and deleted as on AWS, and what they serve outlives the emulator."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hosting_bench import IMAGE, Asking, HostingBench, eventually, hosting
from running_emulator import RunningEmulator

NO_PING = (
    "The primary container for production variant one did not pass the ping health check. Please check CloudWatch "
    "logs for this endpoint."
)


@pytest.fixture(scope="module")
def bench(emulator: RunningEmulator) -> Iterator[HostingBench]:
    with hosting(emulator, f"endpoints-{time.time_ns()}") as made:
        yield made


@pytest.fixture(scope="module")
def blue(bench: HostingBench) -> str:
    return bench.config("blue", bench.model("blue"))


@pytest.fixture(scope="module")
def green(bench: HostingBench) -> str:
    return bench.config("green", bench.model("green"))


@pytest.fixture(scope="module")
def broken(bench: HostingBench) -> str:
    """A configuration of a model that cannot be loaded."""
    script = "def model_fn(folder):\n    raise RuntimeError('this model cannot be loaded')\n"
    return bench.config("broken", bench.model("broken", {"code/inference.py": script}))


def refusal(call: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**members)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    return str(caught.value.response["Error"]["Message"])


def test_an_endpoint_from_its_creation_to_its_end(bench: HostingBench, blue: str) -> None:
    name = bench.begin("Life", blue, Tags=[{"Key": "k", "Value": "v"}])
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:endpoint/{name.lower()}"
    found = bench.describe(name)
    assert (found["EndpointStatus"], found["EndpointArn"]) == ("Creating", arn)
    assert found["PendingDeploymentSummary"]["ProductionVariants"][0]["VariantStatus"][0]["Status"] == "Creating"
    in_progress = f'Cannot update in-progress endpoint "{arn}".'
    assert refusal(bench.sagemaker.delete_endpoint, EndpointName=name) == in_progress
    assert refusal(bench.sagemaker.update_endpoint, EndpointName=name, EndpointConfigName=blue) == in_progress
    again = refusal(bench.sagemaker.create_endpoint, EndpointName=name.lower(), EndpointConfigName=blue)
    assert again == f'Cannot create already existing endpoint "{arn}".'
    found = bench.settled(name)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", blue)
    assert "PendingDeploymentSummary" not in found
    variant = found["ProductionVariants"][0]
    assert variant["DeployedImages"][0]["SpecifiedImage"] == IMAGE
    assert "@sha256:" in variant["DeployedImages"][0]["ResolvedImage"]
    counts = ("CurrentWeight", "DesiredWeight", "CurrentInstanceCount", "DesiredInstanceCount")
    assert [variant[member] for member in counts] == [1.0, 1.0, 1, 1]
    assert bench.says(name)["model"] == "blue"
    assert bench.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    listed = bench.sagemaker.list_endpoints(NameContains=name, StatusEquals="InService")["Endpoints"]
    assert [one["EndpointName"] for one in listed] == [name]
    bench.sagemaker.delete_endpoint(EndpointName=name)
    assert not bench.exists(name) or bench.describe(name)["EndpointStatus"] == "Deleting"
    bench.gone(name)
    assert refusal(bench.sagemaker.delete_endpoint, EndpointName=name) == f'Could not find endpoint "{arn}".'


def test_a_configuration_must_be_there(bench: HostingBench) -> None:
    told = refusal(bench.sagemaker.create_endpoint, EndpointName=f"{bench.name}-none", EndpointConfigName="absent")
    arn = "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/absent"
    assert told == f'Could not find endpoint configuration "{arn}".'


def test_a_server_that_does_not_start_fails_the_endpoint_in_awss_words(bench: HostingBench, broken: str) -> None:
    name = bench.begin("broken", broken)
    found = bench.settled(name)
    assert (found["EndpointStatus"], found["FailureReason"]) == ("Failed", NO_PING)
    assert "RuntimeError: this model cannot be loaded" in "\n".join(eventually(lambda: bench.log(name)))
    told = refusal(bench.sagemaker.update_endpoint, EndpointName=name, EndpointConfigName=broken)
    assert told.startswith("Cannot update endpoint")
    bench.delete(name)


def test_model_data_that_is_gone_or_no_archive_fails_the_endpoint(bench: HostingBench) -> None:
    gone, garbage = bench.model("gone"), bench.model("garbage")
    bench.s3.delete_object(Bucket=bench.bucket, Key=f"models/{gone}.tar.gz")
    bench.put(f"models/{garbage}.tar.gz", b"this is no archive")
    for model, words in ((gone, "Could not find model data at"), (garbage, "valid tar.gz archive")):
        name = bench.begin(model[-7:].strip("-"), bench.config(f"of-{model[-7:].strip('-')}", model))
        found = bench.settled(name)
        assert found["EndpointStatus"] == "Failed"
        assert words in found["FailureReason"]


def test_an_update_takes_over_without_a_failed_request(bench: HostingBench, blue: str, green: str) -> None:
    name = bench.endpoint("update", blue)
    with Asking(bench, name) as asking:
        eventually(lambda: len(asking.models) > 5)
        found = bench.update(name, green)
        eventually(lambda: asking.models[-1] == "green")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", green)
    assert "FailureReason" not in found
    assert asking.failures == []
    switch = asking.models.index("green")
    assert set(asking.models[:switch]) == {"blue"}


def test_a_failed_update_leaves_the_old_configuration_in_service(
    bench: HostingBench, blue: str, green: str, broken: str
) -> None:
    name = bench.endpoint("failed-update", blue)
    with Asking(bench, name) as asking:
        found = bench.update(name, broken)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", blue)
    assert found["FailureReason"] == NO_PING
    assert asking.failures == []
    assert set(asking.models) == {"blue"}
    found = bench.update(name, green)
    assert (found["EndpointConfigName"], found.get("FailureReason")) == (green, None)


def test_an_update_needs_the_old_configuration_too(bench: HostingBench, green: str) -> None:
    old = bench.config("old", bench.model("old"))
    name = bench.endpoint("needs-old", old)
    bench.sagemaker.delete_endpoint_config(EndpointConfigName=old)  # as on AWS nothing hinders it
    assert bench.says(name)["model"] == "old"
    told = refusal(bench.sagemaker.update_endpoint, EndpointName=name, EndpointConfigName=green)
    assert (
        told
        == f'Could not find endpoint configuration "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/{old}".'
    )


def test_a_model_may_be_deleted_while_it_is_served(bench: HostingBench) -> None:
    model = bench.model("deleted")
    name = bench.endpoint("deleted", bench.config("deleted", model))
    bench.sagemaker.delete_model(ModelName=model)
    assert bench.says(name)["model"] == "deleted"


def test_weights_and_capacities_change_and_may_be_retained(bench: HostingBench, blue: str) -> None:
    a, b = bench.model("a"), bench.model("b")
    first, second = bench.config("ab", a, b, weights=(1.0, 3.0)), bench.config("ba", b, a)
    name = bench.endpoint("weights", first)
    bench.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name,
        DesiredWeightsAndCapacities=[
            {"VariantName": "one", "DesiredInstanceCount": 2},
            {"VariantName": "two", "DesiredWeight": 0.0},
        ],
    )
    found = bench.describe(name)
    assert found["EndpointStatus"] in ("Updating", "InService")
    found = bench.settled(name)
    one, two = found["ProductionVariants"]
    assert (one["CurrentInstanceCount"], one["CurrentWeight"]) == (2, 1.0)
    assert (two["CurrentInstanceCount"], two["CurrentWeight"]) == (1, 0.0)
    answers = [bench.says(name) for _ in range(20)]
    assert {answer["model"] for answer in answers} == {"a"}
    assert len({answer["pid"] for answer in answers}) == 2
    assert bench.says(name, TargetVariant="two")["model"] == "b"
    found = bench.update(
        name, second, RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}],
    )  # fmt: skip
    shown = [(one["VariantName"], one["CurrentInstanceCount"], one["CurrentWeight"])
             for one in found["ProductionVariants"]]  # fmt: skip
    assert shown == [("one", 2, 1.0), ("two", 1, 1.0)]
    told = refusal(
        bench.sagemaker.update_endpoint_weights_and_capacities,
        EndpointName=name,
        DesiredWeightsAndCapacities=[{"VariantName": "three", "DesiredWeight": 1.0}],
    )
    assert 'The variant name(s) "three" is/are not present' in told


def test_endpoints_serve_on_while_the_emulator_is_killed_and_when_it_is_back(bench: HostingBench, blue: str) -> None:
    name = bench.endpoint("survives", blue)
    before = bench.says(name)
    bench.running.kill()
    assert bench.says(name) == before
    bench.running.restart()
    assert bench.says(name)["pid"] == before["pid"]
    os.kill(before["pid"], signal.SIGKILL)
    assert eventually(lambda: _answers(bench, name))["pid"] != before["pid"]


def _answers(bench: HostingBench, name: str) -> dict[str, Any] | None:
    try:
        return bench.says(name)
    except ClientError:
        return None


def test_what_was_under_way_is_gone_on_with_after_a_kill(bench: HostingBench, blue: str) -> None:
    slow = bench.config("slow", bench.model("slow", LOADING="1.5"))
    name = bench.begin("resumed", slow)
    bench.running.kill()
    assert bench.settled(name)["EndpointStatus"] == "InService"
    bench.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=blue)
    bench.running.kill()
    found = bench.settled(name)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", blue)
    assert bench.says(name)["model"] == "blue"
    bench.sagemaker.delete_endpoint(EndpointName=name)
    bench.running.kill()
    bench.gone(name)


def test_the_servers_output_is_in_cloudwatch_logs_once(bench: HostingBench, blue: str) -> None:
    name = bench.endpoint("logged", blue)
    line = "loading the model of blue"
    eventually(lambda: line in bench.log(name))
    bench.running.kill()
    with pytest.raises(ClientError):
        bench.invoke(name, b"fail")
    eventually(lambda: "RuntimeError: this model fails" in bench.log(name))
    assert bench.log(name).count(line) == 1
    streams = bench.running.client("logs").describe_log_streams(logGroupName=f"/aws/sagemaker/Endpoints/{name}")
    assert [one["logStreamName"].partition("/i-")[0] for one in streams["logStreams"]] == ["one"]
