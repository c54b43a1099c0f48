"""Application autoscaling changes how many servers a variant really has."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hosting_bench import HostingBench, eventually, hosting
from running_emulator import RunningEmulator, StartEmulator

DIMENSION = "sagemaker:variant:DesiredInstanceCount"


@pytest.fixture(scope="module")
def bench(emulator: RunningEmulator) -> Iterator[HostingBench]:
    with hosting(emulator, f"scaling-{time.time_ns()}") as made:
        yield made


def test_a_variant_grows_with_its_load_and_shrinks_without(start_emulator: StartEmulator) -> None:
    bench = HostingBench(start_emulator({"MOORING_EMULATOR_TIME": "600"}), "scaling")
    name = bench.endpoint("grows", bench.config("grows", bench.model("grows")))
    scaler = bench.running.client("application-autoscaling")
    where = {"ServiceNamespace": "sagemaker", "ResourceId": f"endpoint/{name}/variant/one"}
    where["ScalableDimension"] = DIMENSION
    scaler.register_scalable_target(**where, MinCapacity=1, MaxCapacity=3)
    rules = {
        "TargetValue": 60.0, "ScaleInCooldown": 60, "ScaleOutCooldown": 60,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    }  # fmt: skip
    scaler.put_scaling_policy(
        **where, PolicyName="p", PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=rules
    )

    def instances() -> int:
        return int(bench.describe(name)["ProductionVariants"][0]["CurrentInstanceCount"])

    pids = set()

    def has_grown() -> bool:
        pids.add(bench.says(name)["pid"])  # some ten a second, far more than sixty a minute
        return instances() == 3 and len(pids) == 3

    eventually(has_grown, 40)
    eventually(lambda: instances() == 1, 60)
    assert bench.settled(name)["EndpointStatus"] == "InService"


def test_a_variant_has_as_many_instances_as_its_least_capacity(bench: HostingBench) -> None:
    name = bench.endpoint("least", bench.config("least", bench.model("least")))
    bench.running.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="sagemaker", ResourceId=f"endpoint/{name}/variant/one", ScalableDimension=DIMENSION,
        MinCapacity=2, MaxCapacity=4,
    )  # fmt: skip
    eventually(lambda: bench.describe(name)["ProductionVariants"][0]["CurrentInstanceCount"] == 2, 30)
