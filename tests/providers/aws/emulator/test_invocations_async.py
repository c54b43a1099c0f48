"""Asynchronous invocations: accepted at once, carried out from a queue, answered in S3 and by SNS."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ClientError
from hosting_bench import HostingBench, eventually, hosting
from running_emulator import RunningEmulator


@pytest.fixture(scope="module")
def bench(emulator: RunningEmulator) -> Iterator[HostingBench]:
    with hosting(emulator, f"async-{time.time_ns()}") as made:
        yield made


class Heard(http.server.BaseHTTPRequestHandler):
    """Subscribes to topics by HTTP, and keeps what they tell."""

    messages: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if told.get("Type") == "Notification":
            self.messages.append(json.loads(told["Message"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def topics(bench: HostingBench) -> Iterator[dict[str, str]]:
    """Topics for successes and failures, with `Heard` as their subscriber."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Heard)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sns, made = bench.running.client("sns"), {}
    for name in ("SuccessTopic", "ErrorTopic"):
        made[name] = sns.create_topic(Name=f"{bench.name}-{name}")["TopicArn"]
        sns.subscribe(TopicArn=made[name], Protocol="http", Endpoint=f"http://127.0.0.1:{server.server_port}/")
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def endpoint(bench: HostingBench, topics: dict[str, str]) -> str:
    rules = {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 2},
        "OutputConfig": {
            "S3OutputPath": f"s3://{bench.bucket}/out", "S3FailurePath": f"s3://{bench.bucket}/failed",
            "NotificationConfig": topics,
        },
    }  # fmt: skip
    config = bench.config("async", bench.model("asked"), AsyncInferenceConfig=rules)
    name = bench.endpoint("async", config)
    assert bench.describe(name)["AsyncInferenceConfig"] == rules
    return name


def ask(bench: HostingBench, endpoint: str, body: bytes = b"{}", **members: Any) -> Any:
    place = bench.put(f"in/{time.time_ns()}", body)
    members = {"ContentType": "application/json"} | members
    return bench.runtime.invoke_endpoint_async(EndpointName=endpoint, InputLocation=place, **members)


def arrived(bench: HostingBench, location: str, seconds: float = 20) -> Any:
    """The object at a location once it is there."""
    bucket, _, key = location.removeprefix("s3://").partition("/")

    def there() -> Any:
        try:
            return bench.s3.get_object(Bucket=bucket, Key=key)
        except bench.s3.exceptions.NoSuchKey:
            return None

    return eventually(there, seconds)


def test_the_reply_comes_to_its_output_location(bench: HostingBench, endpoint: str) -> None:
    reply = ask(bench, endpoint, InferenceId="mine", Accept="text/own")
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert reply["InferenceId"] == "mine"
    assert reply["OutputLocation"].startswith(f"s3://{bench.bucket}/out/")
    assert reply["FailureLocation"].startswith(f"s3://{bench.bucket}/failed/")
    found = arrived(bench, reply["OutputLocation"])
    said = json.loads(found["Body"].read())
    assert (found["ContentType"], said["model"], said["accept"]) == ("application/json", "asked", "text/own")


def test_a_failure_comes_to_its_failure_location(bench: HostingBench, endpoint: str) -> None:
    failing = ask(bench, endpoint, b"fail")
    assert b"500 Internal Server Error" in arrived(bench, failing["FailureLocation"])["Body"].read()
    absent = bench.runtime.invoke_endpoint_async(EndpointName=endpoint, InputLocation=f"s3://{bench.bucket}/absent")
    assert b"could not be downloaded" in arrived(bench, absent["FailureLocation"])["Body"].read()
    late = ask(bench, endpoint, b"sleep 3", ContentType="text/plain", InvocationTimeoutSeconds=1)
    assert b"Your invocation timed out" in arrived(bench, late["FailureLocation"])["Body"].read()


def test_topics_hear_of_what_became_of_a_request(bench: HostingBench, endpoint: str) -> None:
    good, bad = ask(bench, endpoint), ask(bench, endpoint, b"fail")
    arrived(bench, good["OutputLocation"])
    arrived(bench, bad["FailureLocation"])
    ids = {good["InferenceId"], bad["InferenceId"]}
    eventually(lambda: ids <= {one["inferenceId"] for one in Heard.messages})
    told = {one["inferenceId"]: one for one in Heard.messages}
    done, failed = told[good["InferenceId"]], told[bad["InferenceId"]]
    assert (done["invocationStatus"], done["eventName"]) == ("Completed", "InferenceResult")
    assert done["responseParameters"]["outputLocation"] == good["OutputLocation"]
    assert done["requestParameters"]["endpointName"] == endpoint
    assert failed["invocationStatus"] == "Failed"
    assert "Received server error (500)" in failed["failureReason"]


def test_the_queue_is_gone_on_with_after_a_kill(bench: HostingBench, endpoint: str) -> None:
    bench.put("slow", b"sleep 0.5")
    time.sleep(0.6)  # what S3 answered half a second ago is not lost
    replies = [
        bench.runtime.invoke_endpoint_async(
            EndpointName=endpoint, InputLocation=f"s3://{bench.bucket}/slow", ContentType="text/plain"
        )
        for _ in range(6)
    ]
    time.sleep(0.7)  # some are done, some under way, some wait
    bench.running.kill()
    for reply in replies:
        assert json.loads(arrived(bench, reply["OutputLocation"])["Body"].read())["model"] == "asked"


def test_each_way_of_asking_is_for_its_own_kind_of_endpoint(bench: HostingBench, endpoint: str) -> None:
    with pytest.raises(ClientError, match="can only be invoked with InvokeEndpointAsync"):
        bench.invoke(endpoint)
    plain = bench.endpoint("plain", bench.config("plain", bench.model("plain")))
    with pytest.raises(ClientError, match="can only be invoked with InvokeEndpoint"):
        ask(bench, plain)
    with pytest.raises(ClientError, match="is not an S3 URI"):
        bench.runtime.invoke_endpoint_async(EndpointName=endpoint, InputLocation="https://example.org/a")


def test_an_asynchronous_endpoint_may_have_no_instance_and_keeps_its_queue(bench: HostingBench, endpoint: str) -> None:
    def capacity(count: int) -> None:
        bench.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=endpoint, DesiredWeightsAndCapacities=[{"VariantName": "one", "DesiredInstanceCount": count}]
        )
        assert bench.settled(endpoint)["ProductionVariants"][0]["CurrentInstanceCount"] == count

    capacity(0)
    reply = ask(bench, endpoint)
    time.sleep(1)
    capacity(1)
    assert arrived(bench, reply["OutputLocation"])
