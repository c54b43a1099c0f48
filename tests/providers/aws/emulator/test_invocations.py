"""What goes into a model and comes out of it, the runtime's errors, metrics and captured data."""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hosting_bench import HostingBench, eventually, hosting
from running_emulator import RunningEmulator

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def bench(emulator: RunningEmulator) -> Iterator[HostingBench]:
    with hosting(emulator, f"invoke-{time.time_ns()}") as made:
        yield made


@pytest.fixture(scope="module")
def endpoint(bench: HostingBench) -> str:
    """Two variants, three quarters of the traffic on the second."""
    config = bench.config("two", bench.model("a"), bench.model("b"), weights=(1.0, 3.0))
    return bench.endpoint("two", config)


def error_of(bench: HostingBench, endpoint: str, body: bytes = b"{}", **members: Any) -> dict[str, Any]:
    """The response of an invocation that fails."""
    with pytest.raises(ClientError) as caught:
        bench.invoke(endpoint, body, **members)
    found: dict[str, Any] = caught.value.response
    return found


def test_bodies_types_and_attributes_go_in_and_out(bench: HostingBench, endpoint: str) -> None:
    said = json.loads(bench.invoke(endpoint, "ä".encode(), "text/csv", Accept="text/x-own")["Body"].read())
    assert (said["type"], said["accept"], said["is_text"]) == ("text/csv", "text/x-own", True)
    every_byte = bytes(range(256)) * 10
    reply = bench.invoke(endpoint, every_byte, "application/octet-stream", CustomAttributes="a=1")
    assert reply["Body"].read() == every_byte
    assert reply["ContentType"] == "application/octet-stream"
    assert reply["InvokedProductionVariant"] in ("one", "two")


def test_weights_share_the_traffic_and_a_target_is_kept_to(bench: HostingBench, endpoint: str) -> None:
    counts = Counter(bench.invoke(endpoint)["InvokedProductionVariant"] for _ in range(200))
    assert 40 <= counts["one"] <= 60, counts
    reply = bench.invoke(endpoint, TargetVariant="one")
    assert (reply["InvokedProductionVariant"], json.loads(reply["Body"].read())["model"]) == ("one", "a")
    error = error_of(bench, endpoint, TargetVariant="three")["Error"]
    assert (error["Code"], error["Message"]) == ("ValidationError", 'Variant "three" not found for Request.')


def test_an_endpoint_must_be_there_and_in_service(bench: HostingBench) -> None:
    error = error_of(bench, "absent")["Error"]
    assert (error["Code"], error["Message"]) == (
        "ValidationError",
        "Endpoint absent of account 123456789012 not found.",
    )
    slow = bench.begin("slow", bench.config("slow", bench.model("slow", LOADING="1")))
    assert "not found" in error_of(bench, slow)["Error"]["Message"]
    bench.settled(slow)
    assert bench.says(slow)["model"] == "slow"


def test_a_failing_model_is_a_model_error_with_all_that_aws_tells(bench: HostingBench, endpoint: str) -> None:
    response = error_of(bench, endpoint, b"fail")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["Error"]["Code"] == "ModelError"
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    assert response["LogStreamArn"] == f"arn:aws:logs:us-east-1:123456789012:log-group:{group}"
    assert response["OriginalStatusCode"] == 500
    assert "<title>500 Internal Server Error</title>" in response["OriginalMessage"]
    told = response["Error"]["Message"]
    assert told.startswith('Received server error (500) from primary with message "<!DOCTYPE HTML')
    assert told.endswith(f"#logEventViewer:group={group} in account 123456789012 for more information.")


def test_a_model_that_ends_in_the_middle_is_a_model_error_and_comes_back(bench: HostingBench) -> None:
    name = bench.endpoint("ends", bench.config("ends", bench.model("ends")))
    response = error_of(bench, name, b"exit")
    assert (response["Error"]["Code"], response["OriginalStatusCode"]) == ("ModelError", 0)

    refused: set[tuple[str, int]] = set()

    def comes_back() -> bool:
        try:
            return bool(bench.says(name))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            refused.add((code, error.response["ResponseMetadata"]["HTTPStatusCode"]))
            return False

    assert eventually(comes_back)
    assert refused <= {("ServiceUnavailable", 503)}


def test_a_payload_over_the_limit_is_refused_as_aws_does(bench: HostingBench, endpoint: str) -> None:
    body = b"x" * (6 * MEGABYTE)
    assert len(bench.invoke(endpoint, body, "application/octet-stream")["Body"].read()) == 6 * MEGABYTE
    response = error_of(bench, endpoint, body + b"x")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert response["Error"] == {"Code": "413", "Message": "HTTP content length exceeded 6291456 bytes."}


@pytest.mark.parametrize("member", ["TargetModel", "InferenceComponentName", "TargetContainerHostname", "SessionId"])
def test_what_is_not_emulated_is_refused(bench: HostingBench, endpoint: str, member: str) -> None:
    error = error_of(bench, endpoint, **{member: "NEW_SESSION" if member == "SessionId" else "a"})["Error"]
    assert error["Code"] == "ValidationError"
    assert "not emulated by Mooring" in error["Message"]


def test_a_streamed_response_is_refused(bench: HostingBench, endpoint: str) -> None:
    with pytest.raises(ClientError) as caught:
        bench.runtime.invoke_endpoint_with_response_stream(EndpointName=endpoint, Body=b"{}")
    assert caught.value.response["Error"]["Code"] == "NotImplementedException"


def statistics(bench: HostingBench, endpoint: str, metric: str, **more: str) -> dict[str, float]:
    """All that CloudWatch has of a metric of the variant `one`."""
    dimensions = {"EndpointName": endpoint, "VariantName": "one"} | more
    now = datetime.now(UTC)
    found = bench.cloudwatch.get_metric_statistics(
        Namespace="AWS/SageMaker", MetricName=metric, Statistics=["Sum", "SampleCount", "Average", "Maximum"],
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1), Period=7200,
    )["Datapoints"]  # fmt: skip
    return found[0] if found else {"Sum": 0, "SampleCount": 0, "Average": 0, "Maximum": 0}


def test_invocations_are_counted_in_cloudwatch(bench: HostingBench) -> None:
    config = bench.config("counted", bench.model("counted"), count=2)
    name = bench.endpoint("counted", config)
    for _ in range(6):
        bench.invoke(name)
    bench.invoke(name, b"sleep 0.2", "text/plain")
    for _ in range(3):
        error_of(bench, name, b"fail")
    eventually(lambda: statistics(bench, name, "Invocations")["Sum"] == 10)
    errors = statistics(bench, name, "Invocation5XXErrors")
    assert (errors["Sum"], errors["SampleCount"], errors["Average"]) == (3, 10, 0.3)
    assert statistics(bench, name, "Invocation4XXErrors")["Sum"] == 0
    assert statistics(bench, name, "InvocationModelErrors")["Sum"] == 3
    assert statistics(bench, name, "InvocationsPerInstance")["Sum"] == 5
    latency, overhead = statistics(bench, name, "ModelLatency"), statistics(bench, name, "OverheadLatency")
    assert latency["SampleCount"] == overhead["SampleCount"] == 10
    assert 200_000 < latency["Maximum"] < 2_000_000, "microseconds"
    assert 0 < overhead["Average"] < 100_000
    assert statistics(bench, name, "Invocations", EndpointConfigName=config)["Sum"] == 10


def test_captured_data_comes_to_s3_as_aws_writes_it(bench: HostingBench) -> None:
    model = bench.model("captured")
    rules = {
        "EnableCapture": True, "InitialSamplingPercentage": 100, "DestinationS3Uri": f"s3://{bench.bucket}/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    }  # fmt: skip
    name = bench.endpoint("captured", bench.config("captured", model, DataCaptureConfig=rules))
    summary = bench.describe(name)["DataCaptureConfig"]
    assert (summary["CaptureStatus"], summary["CurrentSamplingPercentage"]) == ("Started", 100)
    bench.invoke(name, b"1,2", "text/csv", InferenceId="the-first")
    bench.invoke(name, b"\xff\x00", "application/octet-stream")
    error_of(bench, name, b"fail")

    def lines() -> list[dict[str, Any]]:
        listed = bench.s3.list_objects_v2(Bucket=bench.bucket, Prefix=f"captured/{name}/one/").get("Contents", ())
        bodies = [bench.s3.get_object(Bucket=bench.bucket, Key=one["Key"])["Body"].read() for one in listed]
        assert all(one["Key"].endswith(".jsonl") for one in listed)
        return [json.loads(line) for body in bodies for line in body.splitlines()]

    first, second = eventually(lambda: found if len(found := lines()) == 2 else None)
    given, got = first["captureData"]["endpointInput"], first["captureData"]["endpointOutput"]
    assert given == {"observedContentType": "text/csv", "mode": "INPUT", "data": "1,2", "encoding": "CSV"}
    assert (got["encoding"], json.loads(got["data"])["model"]) == ("JSON", "captured")
    assert first["eventMetadata"]["inferenceId"] == "the-first"
    assert first["eventVersion"] == "0"
    raw = second["captureData"]["endpointInput"]
    assert (raw["encoding"], base64.b64decode(raw["data"])) == ("BASE64", b"\xff\x00")
