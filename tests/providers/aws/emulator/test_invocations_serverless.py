"""Serverless variants: asleep when nobody asks, awake with the first request, and only so many requests at once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hosting_bench import HostingBench, eventually, hosting
from running_emulator import RunningEmulator


@pytest.fixture(scope="module")
def bench(emulator: RunningEmulator) -> Iterator[HostingBench]:
    with hosting(emulator, f"serverless-{time.time_ns()}") as made:
        yield made


def config(bench: HostingBench, name: str, **rules: int) -> str:
    serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 2} | rules
    variant = {"VariantName": "one", "ModelName": bench.model(name, LOADING="0.5"), "ServerlessConfig": serverless}
    return bench.config(name, ProductionVariants=[variant])


def servers(bench: HostingBench, endpoint: str) -> int:
    """Servers that the supervisor has for it."""
    folder = bench.running.home / "endpoints" / f"us-east-1-{endpoint}"
    record = json.loads((folder / "endpoint.json").read_text())
    return sum(record["scale"].values())


def test_a_variant_sleeps_when_nobody_asks_and_the_next_request_waits_for_it(bench: HostingBench) -> None:
    name = bench.endpoint("sleeps", config(bench, "sleeps"))
    variant = bench.describe(name)["ProductionVariants"][0]
    assert variant["CurrentServerlessConfig"] == {"MemorySizeInMB": 1024, "MaxConcurrency": 2}
    assert "CurrentInstanceCount" not in variant
    first = bench.says(name)
    eventually(lambda: servers(bench, name) == 0, 30)
    assert bench.describe(name)["EndpointStatus"] == "InService"
    began = time.monotonic()
    again = bench.says(name)
    assert time.monotonic() - began > 0.5, "the model was loaded again"
    assert again["pid"] != first["pid"]
    began = time.monotonic()
    assert bench.says(name)["pid"] == again["pid"]
    assert time.monotonic() - began < 0.5


def test_provisioned_concurrency_never_sleeps(bench: HostingBench) -> None:
    name = bench.endpoint("provisioned", config(bench, "provisioned", ProvisionedConcurrency=1))
    pid = bench.says(name)["pid"]
    time.sleep(8)  # longer than the five seconds after which others sleep
    assert bench.says(name)["pid"] == pid


def test_more_requests_than_allowed_are_throttled(bench: HostingBench) -> None:
    name = bench.endpoint("throttled", config(bench, "throttled"))

    def ask(_: int) -> str:
        try:
            return str(bench.says(name, b"sleep 0.7")["model"])
        except ClientError as error:
            return str(error.response["Error"]["Code"])

    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(ask, range(6)))
    assert answers == ["ThrottlingException"] * 4 + ["throttled"] * 2
    wanted: dict[str, Any] = {"VariantName": "one", "ServerlessUpdateConfig": {"MaxConcurrency": 6}}
    bench.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=[wanted])
    assert bench.settled(name)["ProductionVariants"][0]["CurrentServerlessConfig"]["MaxConcurrency"] == 6
    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(ask, range(6))) == {"throttled"}


def test_a_payload_may_be_four_megabytes(bench: HostingBench) -> None:
    name = bench.endpoint("payload", config(bench, "payload"))
    body = b"x" * (4 * 1024 * 1024)
    assert len(bench.invoke(name, body, "application/octet-stream")["Body"].read()) == len(body)
    with pytest.raises(ClientError, match="HTTP content length exceeded 4194304 bytes"):
        bench.invoke(name, body + b"x", "application/octet-stream")


def test_a_serverless_endpoint_stays_one_and_takes_no_guardrails(bench: HostingBench) -> None:
    own = config(bench, "stays")
    name = bench.endpoint("stays", own)
    instances = bench.config("instances", bench.model("instances"))
    with pytest.raises(ClientError, match="stays real-time, asynchronous or serverless"):
        bench.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=instances)
    routing = {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}}
    with pytest.raises(ClientError, match="not supported by serverless"):
        bench.sagemaker.update_endpoint(
            EndpointName=name, EndpointConfigName=own, DeploymentConfig={"BlueGreenUpdatePolicy": routing}
        )
