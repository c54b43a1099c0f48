"""Endpoints on AWS: versions behind one name, changed over, resized, scaled, turned back, and gone without a trace."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from models_bench import REGION, ROW, ModelsBench, models_bench
from running_emulator import RunningEmulator

from providers.aws import session
from providers.contract import Ownership
from providers.errors import AlreadyExists, Cancelled, InvalidInput, NotFound, RolledBack
from providers.values import EndpointSpec, EndpointState

BROKEN = {"PYTHONHOME": "/nonexistent"}
"""A variable with which no server starts."""


@pytest.fixture(scope="module")
def bench(emulator: RunningEmulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelsBench]:
    with models_bench(emulator, tmp_path_factory.mktemp("endpoints")) as made:
        yield made


@pytest.fixture(autouse=True)
def emulated(bench: ModelsBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(session.ENDPOINT, bench.running.url)


@pytest.fixture
def digests(bench: ModelsBench) -> list[str]:
    """Two versions of the model `iris`, each held by a state."""
    return [bench.version("iris", bench.run(trees), name=f"iris-{trees}")[1].digest for trees in (2, 3)]


@contextmanager
def served(bench: ModelsBench, spec: EndpointSpec, name: str) -> Iterator[tuple[str, EndpointState]]:
    """An endpoint that a state holds; deleted afterwards."""
    context = bench.context(name)
    id = bench.endpoints.create(spec, context)
    try:
        state = bench.endpoints.wait(id, spec, context)
        bench.endpoints.claim(id)
        yield id, state
    finally:
        bench.endpoints.delete(id, context)


def live(bench: ModelsBench, id: str) -> dict[str, Any]:
    found: dict[str, Any] = bench.sagemaker.describe_endpoint(EndpointName=id.partition("/")[2])
    return found


def changed(spec: EndpointSpec, **changes: Any) -> EndpointSpec:
    """The spec with fields of its deployments, by their place, and of itself replaced."""
    deployments = [
        one.model_copy(update={name: values[place] for name, values in changes.items() if isinstance(values, tuple)})
        for place, one in enumerate(spec.deployments)
    ]
    own = {name: value for name, value in changes.items() if not isinstance(value, tuple)}
    return EndpointSpec.model_validate({**spec.to_wire(), **own, "deployments": [one.to_wire() for one in deployments]})


def test_an_endpoint_answers_as_on_this_machine_and_leaves_nothing(bench: ModelsBench, digests: list[str]) -> None:
    spec = bench.endpoint_spec("iris", digests[0], tags={"team": "a"})
    with served(bench, spec, "answers") as (id, state):
        (deployment,) = state.deployments
        assert (state.status, deployment.version, deployment.digest) == ("healthy", 1, digests[0])
        assert state.predict_url == f"{bench.running.url}/endpoints/{state.endpoint}/invocations"
        reply = bench.endpoints.predict(id, [ROW, ROW])
        assert (reply["predictions"], reply["model_version"]) == (["setosa", "setosa"], "1")
        with pytest.raises(InvalidInput, match=r"the endpoint refused the rows: .*sepal_length"):
            bench.endpoints.predict(id, [{"petal_length": "x"}])
        assert bench.endpoints.read(id) == (spec, state)
        tags = {tag["Key"]: tag["Value"] for tag in
                bench.sagemaker.list_tags(ResourceArn=live(bench, id)["EndpointArn"])["Tags"]}  # fmt: skip
        assert tags.items() >= {"team": "a", "mooring:stack": "dev"}.items()
        assert any("serving iris version 1" in line for line in _until(lambda: list(bench.endpoints.logs(id))))
    for kind in ("endpoints", "endpoint_configs", "models"):
        assert bench.names(kind) == []
    assert bench.keys("endpoints/") == []
    with pytest.raises(NotFound):
        bench.endpoints.predict(id, [ROW])
    assert bench.endpoints.read(id) is None
    bench.endpoints.delete(id, bench.context("answers"))


def test_another_version_takes_over_and_the_old_parts_go(bench: ModelsBench, digests: list[str]) -> None:
    spec = bench.endpoint_spec("iris", digests[0])
    with served(bench, spec, "takes-over") as (id, before):
        new = changed(spec, digest=(digests[1],))
        state = bench.endpoints.update(id, {}, new, bench.context("takes-over"))
        assert (state.endpoint, state.url) == (before.endpoint, before.url)
        assert [one.version for one in state.deployments] == [2]
        assert bench.endpoints.predict(id, [ROW])["model_version"] == "2"
        assert (len(bench.names("endpoint_configs")), len(bench.names("models"))) == (1, 1)
        config = live(bench, id)["EndpointConfigName"]
        assert bench.endpoints.update(id, {}, new, bench.context("takes-over")) == state
        assert live(bench, id)["EndpointConfigName"] == config, "nothing had changed"
        for tags in ({"team": "a"}, {"unit": "b"}):
            bench.endpoints.update(id, {}, changed(new, tags=tags), bench.context("takes-over"))
        held = {tag["Key"] for tag in bench.sagemaker.list_tags(ResourceArn=live(bench, id)["EndpointArn"])["Tags"]}
        assert held & {"team", "unit"} == {"unit"}


def test_weights_and_counts_change_without_new_servers(bench: ModelsBench, digests: list[str]) -> None:
    spec = bench.endpoint_spec("iris", *digests)
    with served(bench, spec, "weights") as (id, _):
        config = live(bench, id)["EndpointConfigName"]
        new = changed(spec, weight=(90, 10), replicas=(2, 1))
        state = bench.endpoints.update(id, {}, new, bench.context("weights"))
        assert [(one.name, one.weight, one.replicas) for one in state.deployments] == [("v1", 90, 2), ("v2", 10, 1)]
        assert live(bench, id)["EndpointConfigName"] == config
        bench.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=state.endpoint, DesiredWeightsAndCapacities=[{"VariantName": "v1", "DesiredWeight": 10.0}]
        )
        _until(lambda: live(bench, id)["EndpointStatus"] == "InService")
        read = bench.endpoints.read(id)
        assert read is not None
        assert read[0] is not None
        assert [one.weight for one in read[0].deployments] == [50, 50], "somebody changed it behind Mooring's back"


def test_first_servers_that_do_not_start_are_rolled_back_with_the_reason(
    bench: ModelsBench, digests: list[str]
) -> None:
    spec = changed(bench.endpoint_spec("iris", digests[0]), environment=(BROKEN,))
    context = bench.context("broken")
    id = bench.endpoints.create(spec, context)
    with pytest.raises(RolledBack, match=r"could not start.*ping health check"):
        bench.endpoints.wait(id, spec, context)
    (found,) = bench.endpoints.find(context.owner)
    assert not found.usable
    bench.endpoints.delete(id, context)
    assert bench.endpoints.find(context.owner) == []
    assert bench.names("models") == []


def test_an_update_that_aws_turned_back_fails_and_all_is_as_before(bench: ModelsBench, digests: list[str]) -> None:
    spec = bench.endpoint_spec("iris", digests[0])
    with served(bench, spec, "turned-back") as (id, before):
        new = changed(spec, digest=(digests[1],), environment=(BROKEN,))
        with pytest.raises(RolledBack, match=r"was rolled back: .*ping health check"):
            bench.endpoints.update(id, {}, new, bench.context("turned-back"))
        read = bench.endpoints.read(id)
        assert read is not None
        assert (read[0], read[1].deployments) == (spec, before.deployments)
        assert bench.endpoints.predict(id, [ROW])["model_version"] == "1"
        assert (len(bench.names("endpoint_configs")), len(bench.names("models"))) == (1, 1)
        fixed = changed(spec, digest=(digests[1],))
        assert bench.endpoints.update(id, {}, fixed, bench.context("turned-back")).deployments[0].version == 2


def test_a_canary_that_trips_its_alarm_is_rolled_back(bench: ModelsBench, digests: list[str]) -> None:
    spec = bench.endpoint_spec("iris", digests[0])
    rollout = {"strategy": "canary", "stepPercent": 50, "stepSeconds": 600, "maxLatencyMs": 0.0001}
    with served(bench, spec, "canary") as (id, _), _load(bench, id) as failures:
        new = changed(spec, digest=(digests[1],), rollout=rollout)
        with pytest.raises(RolledBack, match=r"was rolled back: .*v1-latency.* in ALARM"):
            bench.endpoints.update(id, {}, new, bench.context("canary"))
        assert bench.endpoints.predict(id, [ROW])["model_version"] == "1"
        assert _alarms(bench, id) == []
    assert failures == []


def test_a_canary_that_is_well_goes_over_and_its_alarms_go(bench: ModelsBench, digests: list[str]) -> None:
    spec = bench.endpoint_spec("iris", digests[0])
    with served(bench, spec, "well") as (id, _), _load(bench, id) as failures:
        new = changed(spec, digest=(digests[1],), rollout={"strategy": "canary", "stepPercent": 30})
        assert bench.endpoints.update(id, {}, new, bench.context("well")).deployments[0].version == 2
        assert _alarms(bench, id) == []
    assert failures == []


def test_a_create_whose_process_was_killed_is_taken_up(bench: ModelsBench, digests: list[str]) -> None:
    spec, context = bench.endpoint_spec("iris", digests[0]), bench.context("killed")
    id = bench.endpoints.create(spec, context)
    assert bench.endpoints.create(spec, context) == id
    (found,) = bench.endpoints.find(context.owner)
    assert (found.id, found.claimed, found.usable, found.owner) == (id, False, True, context.owner)
    cancelled = replace(context, cancel=threading.Event())
    cancelled.cancel.set()
    with pytest.raises(Cancelled) as raised:
        bench.endpoints.wait(id, spec, cancelled)
    assert raised.value.id == id
    assert bench.endpoints.update(id, {}, spec, context).status == "healthy"
    bench.endpoints.claim(id)
    assert bench.endpoints.find(context.owner)[0].claimed
    other = replace(context, owner=Ownership(bench.bucket, "other", "", "", REGION, bench.bucket))
    assert bench.endpoints.find(other.owner) == []
    bench.endpoints.delete(id, context)


def test_what_a_create_could_not_begin_leaves_nothing(bench: ModelsBench, digests: list[str]) -> None:
    spec = bench.endpoint_spec("iris", "sha256:" + "0" * 64)
    with pytest.raises(InvalidInput, match=r"model 'iris' has no version 000000000000; it has: 1 .*, 2 "):
        bench.endpoints.create(spec, bench.context("nothing"))
    absent = changed(bench.endpoint_spec("iris", digests[0]), identity={"principal": bench.role + "-absent"})
    with pytest.raises(InvalidInput, match="Could not access model data"):
        bench.endpoints.create(absent, bench.context("nothing"))
    assert (bench.keys("endpoints/"), bench.names("models"), bench.names("endpoint_configs")) == ([], [], [])


def test_parts_of_an_endpoint_that_was_never_begun_go_with_the_next_create(
    bench: ModelsBench, digests: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(**_: object) -> None:
        raise KeyboardInterrupt

    spec, context = bench.endpoint_spec("iris", digests[0]), bench.context("parts")
    with monkeypatch.context() as patch:
        patch.setattr(session.client("sagemaker", REGION), "create_endpoint", killed)
        with pytest.raises(KeyboardInterrupt):
            bench.endpoints.create(spec, context)
    (found,) = bench.endpoints.find(context.owner)
    assert (found.usable, len(bench.names("models"))) == (False, 1)
    other = changed(spec, digest=(digests[1],))
    with served(bench, other, "parts") as (id, state):
        assert state.deployments[0].version == 2
        assert [one.id for one in bench.endpoints.find(context.owner)] == [id]
        assert (len(bench.names("endpoint_configs")), len(bench.names("models"))) == (1, 1)
    assert bench.keys("endpoints/") == []


def test_a_fixed_name_is_taken_as_it_is_and_must_be_free(bench: ModelsBench, digests: list[str]) -> None:
    name = f"fixed-{bench.bucket[-12:]}"
    spec = bench.endpoint_spec("iris", digests[0], physicalName=name)
    with served(bench, spec, "fixed") as (id, state):
        assert (id, state.endpoint) == (f"{REGION}/{name}", name)
        with pytest.raises(AlreadyExists, match="choose another physicalName"):
            bench.endpoints.create(spec, bench.context("second"))


def test_a_serverless_endpoint_serves_an_archive_of_the_version(bench: ModelsBench, digests: list[str]) -> None:
    spec = bench.endpoint_spec("iris", digests[0], mode="serverless")
    with served(bench, spec, "serverless") as (id, _):
        assert bench.endpoints.predict(id, [ROW])["predictions"] == ["setosa"]
        variant = live(bench, id)["ProductionVariants"][0]
        assert variant["CurrentServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 10}
        new = changed(spec, digest=(digests[1],))
        assert bench.endpoints.update(id, {}, new, bench.context("serverless")).deployments[0].version == 2
    archives = bench.keys("models/iris/archives/")
    assert sorted(archives) == sorted(f"{digest.removeprefix('sha256:')}/model.tar.gz" for digest in digests)


def test_an_asynchronous_endpoint_answers_through_the_bucket(bench: ModelsBench, digests: list[str]) -> None:
    spec = bench.endpoint_spec("iris", digests[0], mode="async")
    with served(bench, spec, "async") as (id, _):
        reply = bench.endpoints.predict(id, [ROW])
        assert (reply["predictions"], reply["model_version"]) == (["setosa"], "1")
        with pytest.raises(InvalidInput, match="sepal_length"):
            bench.endpoints.predict(id, [{"petal_length": "x"}])


def test_autoscaling_has_a_target_a_variant_and_owns_the_counts(bench: ModelsBench, digests: list[str]) -> None:
    rules = {"minReplicas": 1, "maxReplicas": 3, "targetRequestsPerReplica": 5}
    spec = bench.endpoint_spec("iris", digests[0], autoscaling=rules)
    scaler = bench.running.client("application-autoscaling")
    with served(bench, spec, "scaled") as (id, state):
        resource = f"endpoint/{state.endpoint}/variant/v1"
        (target,) = scaler.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[resource])[
            "ScalableTargets"
        ]
        assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 3)
        (policy,) = scaler.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=resource)[
            "ScalingPolicies"
        ]
        assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 300
        unscaled = EndpointSpec.model_validate({**spec.to_wire(), "autoscaling": None})
        bench.endpoints.update(id, {}, unscaled, bench.context("scaled"))
        found = scaler.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[resource])
        assert found["ScalableTargets"] == []


def test_settings_of_aws_are_laid_over_the_requests(bench: ModelsBench, digests: list[str]) -> None:
    overrides = {
        "ProductionVariants": [{"RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}}],
        "CreateModel": {"EnableNetworkIsolation": True},
    }
    with served(bench, bench.endpoint_spec("iris", digests[0], overrides=overrides), "overridden") as (id, _):
        config = bench.sagemaker.describe_endpoint_config(EndpointConfigName=live(bench, id)["EndpointConfigName"])
        (variant,) = config["ProductionVariants"]
        assert variant["RoutingConfig"] == {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}
        assert bench.sagemaker.describe_model(ModelName=variant["ModelName"])["EnableNetworkIsolation"] is True


def _alarms(bench: ModelsBench, id: str) -> list[str]:
    prefix = f"mooring/{id.partition('/')[2]}/"
    found = bench.running.client("cloudwatch").describe_alarms(AlarmNamePrefix=prefix)["MetricAlarms"]
    return [str(one["AlarmName"]) for one in found]


def _until(what: Any) -> Any:
    from hosting_bench import eventually

    return eventually(what)


@contextmanager
def _load(bench: ModelsBench, id: str) -> Iterator[list[str]]:
    """Asks the endpoint again and again from another thread; what failed is in the list."""
    failures: list[str] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            try:
                bench.endpoints.predict(id, [ROW])
            except Exception as error:  # noqa: BLE001 - whatever it is, the test tells of it
                failures.append(repr(error))
            stop.wait(0.02)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield failures
    finally:
        stop.set()
        thread.join(10)
