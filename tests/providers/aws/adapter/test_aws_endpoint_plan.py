"""What is asked of SageMaker for an endpoint, and what is refused in the preview: no network, no boto3."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from running_emulator import KIT

from providers.aws.archives import pack
from providers.aws.endpoint import alarms
from providers.aws.endpoint.endpoint_checks import problems
from providers.aws.endpoint.plan import Plan, Served, deployment_config, laid_over, plan, same_shape
from providers.aws.endpoints import EndpointKind
from providers.contract import Changes
from providers.values import EndpointSpec, Rollout

DIGEST = "sha256:" + "1" * 64
SPEC: dict[str, Any] = {
    "cloud": "aws", "region": "eu-central-1", "name": "iris", "container": "a-bucket",
    "identity": {"principal": "arn:aws:iam::123456789012:role/serving"},
    "deployments": [{"name": "main", "model": "iris", "digest": DIGEST}],
}  # fmt: skip


def spec_of(**changes: Any) -> EndpointSpec:
    return EndpointSpec.model_validate(SPEC | changes)


def planned(spec: EndpointSpec, endpoint: str = "iris-12345678", **counts: int) -> Plan:
    served = [Served(one, 3, "s3://a-bucket/model/") for one in spec.deployments]
    return plan(endpoint, spec, served, "an-image", "s3://a-bucket/async/", counts)


def refused(**changes: Any) -> dict[str, str]:
    return {problem.property: problem.reason for problem in problems(spec_of(**changes))}


def test_names_tell_what_needs_new_servers() -> None:
    def deployment(**changes: Any) -> Plan:
        return planned(spec_of(deployments=[SPEC["deployments"][0] | changes]))

    first, same = planned(spec_of()), planned(spec_of(tags={"team": "a"}))
    assert first == same
    assert same_shape(first.name, deployment(replicas=3).name)
    assert first.name != deployment(replicas=3).name
    for change in ({"machine": "ml.m5.xlarge"}, {"environment": {"A": "b"}}):
        assert not same_shape(first.name, deployment(**change).name), change


def test_names_are_within_awss_limits_however_long_the_users_are() -> None:
    long = planned(spec_of(deployments=[SPEC["deployments"][0] | {"name": "d" * 63}]), endpoint="e" * 63)
    assert len(long.name) <= 63
    assert all(len(model["ModelName"]) <= 63 for model in long.models)


def test_counts_that_autoscaling_has_set_are_kept_within_its_limits() -> None:
    scaled = spec_of(autoscaling={"minReplicas": 1, "maxReplicas": 4})
    for count, wanted in ((3, 3), (9, 4)):
        assert planned(scaled, main=count).variants[0]["InitialInstanceCount"] == wanted
    assert planned(spec_of(), main=9).variants[0]["InitialInstanceCount"] == 1


def test_a_roll_out_is_watched_at_least_as_long_as_awss_metrics_take() -> None:
    def traffic(**changes: Any) -> tuple[dict[str, Any], int]:
        policy = deployment_config(Rollout.model_validate(changes), ["an-alarm"])["BlueGreenUpdatePolicy"]
        return policy["TrafficRoutingConfiguration"], policy["TerminationWaitInSeconds"]

    assert traffic() == ({"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}, 0)
    assert traffic(bakeSeconds=300)[0] == {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 300}
    size = {"Type": "CAPACITY_PERCENT", "Value": 20}
    canary = traffic(strategy="canary", stepPercent=20, stepSeconds=5)[0]
    assert canary == {"Type": "CANARY", "WaitIntervalInSeconds": 120, "CanarySize": size}
    linear, after = traffic(strategy="linear", stepPercent=20, stepSeconds=200, bakeSeconds=500)
    assert (linear, after) == ({"Type": "LINEAR", "WaitIntervalInSeconds": 200, "LinearStepSize": size}, 300)


def test_alarms_watch_the_new_servers_only() -> None:
    made = planned(spec_of())
    errors, latency = alarms.wanted("iris-12345678", made, Rollout(max_error_percent=2, max_latency_ms=50))
    assert {"Name": "EndpointConfigName", "Value": made.name} in errors["Dimensions"]
    assert (errors["MetricName"], errors["Threshold"], latency["Threshold"]) == ("Invocation5XXErrors", 0.02, 50_000)


def test_users_settings_are_laid_deep_over_a_request() -> None:
    held = {"a": {"b": 1, "c": [1, 2]}, "list": [{"x": 1}, {"x": 2}]}
    laid = laid_over(held, {"a": {"c": [3]}, "list": [{"y": 1}], "new": True})
    assert laid == {"a": {"b": 1, "c": [3]}, "list": [{"x": 1, "y": 1}, {"x": 2}], "new": True}
    assert held == {"a": {"b": 1, "c": [1, 2]}, "list": [{"x": 1}, {"x": 2}]}


@pytest.mark.parametrize(
    ("changes", "property", "words"),
    [
        ({"region": ""}, "region", "missing"),
        ({"container": ""}, "container", "missing"),
        ({"identity": {}}, "identity.principal", "missing"),
        ({"port": 8080}, "port", "no port"),
        ({"physicalName": "a_b"}, "physicalName", "letters"),
        ({"rollout": {"strategy": "canary", "stepPercent": 60}}, "rollout.stepPercent", "50 % at most"),
        ({"rollout": {"strategy": "linear", "stepPercent": 5}}, "rollout.stepPercent", "10 to 50"),
        ({"rollout": {"bakeSeconds": 4000}}, "rollout.bakeSeconds", "3600"),
        ({"autoscaling": {"minReplicas": 0}}, "autoscaling.minReplicas", "do not scale to 0"),
        ({"autoscaling": {"minReplicas": 3, "maxReplicas": 2}}, "autoscaling.minReplicas", "more than"),
        ({"mode": "serverless", "rollout": {"strategy": "canary"}}, "rollout.strategy", "all at once"),
    ],
)
def test_what_aws_would_refuse_is_said_in_the_preview(changes: dict[str, Any], property: str, words: str) -> None:
    assert words in refused(**changes)[property]


def test_deployments_are_checked_one_by_one() -> None:
    twice = [SPEC["deployments"][0] | {"weight": 60}] * 2
    assert set(refused(deployments=twice)) == {"deployments"}
    halves = [SPEC["deployments"][0] | {"name": name, "weight": 50} for name in ("a", "b")]
    assert "takes 1" in refused(deployments=halves, mode="async")["deployments"]
    wrong = [SPEC["deployments"][0] | {"machine": "ml.m5.lage", "replicas": 0}]
    found = refused(deployments=wrong)
    assert "ml.m5.large" in found["deployments[0].machine"]
    assert "1 instance" in found["deployments[0].replicas"]
    large = [SPEC["deployments"][0] | {"machine": {"memoryGib": 16}}]
    assert "6 GiB" in refused(deployments=large, mode="serverless")["deployments[0].machine"]
    assert refused() == {}


def test_another_mode_is_another_endpoint(tmp_path: Path) -> None:
    kind = EndpointKind(tmp_path)
    assert kind.diff({}, {}, Changes(("mode", "tags"))) == Changes(("tags",), ("mode",))
    fixed = kind.diff({}, {"physicalName": "iris"}, Changes(("mode",)))
    assert (fixed.replace, fixed.delete_before_replace) == (("mode",), True)
    assert kind.diff({}, {}, Changes(("tags",))) == Changes(("tags",))


def test_an_archive_has_the_same_bytes_whenever_it_is_packed(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "b").write_bytes(b"b")
    (folder / "a").write_bytes(b"a")
    first = pack(folder, tmp_path / "one").read_bytes()
    (folder / "a").touch()
    assert pack(folder, tmp_path / "two").read_bytes() == first


def test_a_preview_loads_neither_boto3_nor_numpy() -> None:
    heavy = "{'boto3', 'botocore', 'numpy'}"
    code = f"import sys; from providers.aws import batch, endpoints, versions; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=KIT, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"
