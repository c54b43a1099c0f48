"""The endpoint kind as the provider drives it: check, create, adopt, read, update, delete; and what may be killed."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from local_cloud import Cloud, Load, ask, deployment, eventually, kill, owner, running, spec

from providers.contract import Changes, HasLogs, Predicts
from providers.errors import AlreadyExists, InvalidInput, NotFound, RolledBack
from providers.local.endpoints import physical_name
from providers.local.supervisor import client, ports
from providers.values import Autoscaling


@pytest.fixture
def cloud(private_places: Path) -> Iterator[Cloud]:
    with running(private_places) as made:
        yield made


def problems(cloud: Cloud, **fields: Any) -> dict[str, str]:
    deployments = fields.pop("deployments", [deployment()])
    _, found = cloud.kind.check(spec(*deployments, **fields), cloud.context())
    return {one.property: one.reason for one in found}


def router(cloud: Cloud, id: str) -> dict[str, Any]:
    return next(one for name, one in cloud.services(id).items() if ".router." in name)


def servers(cloud: Cloud, id: str) -> list[dict[str, Any]]:
    return [one for name, one in cloud.services(id).items() if ".router." not in name]


# Check


def test_a_good_endpoint_has_no_problem_and_checking_starts_nothing(cloud: Cloud) -> None:
    assert problems(cloud) == {}
    assert client.running(cloud.home) is None


def test_weights_must_sum_to_100_and_names_differ(cloud: Cloud) -> None:
    found = problems(cloud, deployments=[deployment(1, "a", weight=60), deployment(2, "a", weight=50)])
    assert "deployments" in found
    _, listed = cloud.kind.check(spec(deployment(1, "a", weight=60), deployment(2, "a", weight=50)), cloud.context())
    text = " ".join(str(one) for one in listed)
    assert "2 deployments are named 'a'" in text
    assert "sum to 110 (a 60, a 50)" in text


@pytest.mark.parametrize(
    ("fields", "property", "reason"),
    [
        ({"mode": "serverless"}, "mode", "local serves 'real-time' only, not 'serverless'"),
        ({"mode": "async"}, "mode", "take aws, azure or gcp"),
        ({"region": "eu"}, "region", "local has no regions"),
        ({"overrides": {"a": 1}}, "overrides", "no vendor settings"),
        ({"physical_name": "Not_Good"}, "physicalName", "lower-case"),
        ({"autoscaling": {"min_replicas": 0}}, "autoscaling.minReplicas", "does not scale to zero"),
        ({"autoscaling": {"min_replicas": 3, "max_replicas": 2}}, "autoscaling.minReplicas", "more than maxReplicas"),
        ({"deployments": [deployment(replicas=0)]}, "deployments[0].replicas", "0 cannot answer 100 %"),
        ({"deployments": [deployment(machine={"vcpus": 999})]}, "deployments[0].machine.vcpus", "this machine has"),
        ({"deployments": [deployment(machine="ml.m5.large")]}, "deployments[0].machine", "no machine types"),
        ({"deployments": [deployment(environment={"PATH": "x"})]}, "deployments[0].environment.PATH", "set by Mooring"),
    ],
)
def test_what_this_machine_cannot_do_is_said_in_check(
    cloud: Cloud, fields: dict[str, Any], property: str, reason: str
) -> None:
    assert reason in problems(cloud, **fields)[property]


def test_a_port_in_use_is_told_with_its_holder_in_check_and_in_create(cloud: Cloud) -> None:
    with ports.listen(ports.choose()) as taken:
        port = taken.getsockname()[1]
        assert f"{port} is in use by pid " in problems(cloud, port=port)["port"]
        with pytest.raises(AlreadyExists, match=f"port {port} is in use by pid"):
            cloud.kind.create(spec(deployment(), port=port), cloud.context())
    assert problems(cloud, port=port) == {}


def test_the_endpoints_own_port_is_no_problem_and_another_endpoints_is(cloud: Cloud) -> None:
    port = ports.choose()
    id = cloud.up(spec(deployment(), port=port))
    assert problems(cloud, port=port) == {}
    _, found = cloud.kind.check(spec(deployment(), name="other", port=port), cloud.context("other"))
    assert f"belongs to endpoint '{id}'" in found[0].reason


# Life


def test_create_returns_at_once_wait_makes_it_answer_and_delete_leaves_nothing(cloud: Cloud) -> None:
    wanted = spec(deployment(4))
    id = cloud.kind.create(wanted, cloud.context())
    assert [one.claimed for one in cloud.kind.find(owner())] == [False]
    state = cloud.kind.wait(id, wanted, cloud.context())
    assert (state.endpoint, state.status, state.predict_url) == (id, "healthy", f"{state.url}/predict")
    assert cloud.kind.predict(id, [{"a": 1}])["model_version"] == "4"
    cloud.kind.claim(id)
    assert [(one.id, one.claimed, one.usable) for one in cloud.kind.find(owner(""))] == []
    assert [(one.id, one.claimed, one.usable) for one in cloud.kind.find(owner())] == [(id, True, True)]
    port = cloud.port(id)
    cloud.kind.delete(id, cloud.context())
    assert (cloud.kind.read(id), cloud.kind.find(owner())) == (None, [])
    assert cloud.processes() == {}
    assert client.running(cloud.home) is None
    assert ports.is_free(port)
    assert not (cloud.home / "endpoints" / id).exists()
    cloud.kind.delete(id, cloud.context())  # twice is once
    assert isinstance(cloud.kind, HasLogs)
    assert isinstance(cloud.kind, Predicts)


def test_the_record_names_digests_and_owner_from_the_first_moment(cloud: Cloud) -> None:
    id = cloud.kind.create(spec(deployment(4)), cloud.context())
    assert cloud.record(id)["owner"] == {
        "project": "demo", "stack": "dev", "urn": owner().urn, "inputs": "in",
    }  # fmt: skip
    cloud.kind.wait(id, spec(deployment(4)), cloud.context())
    assert [one["digest"] for one in cloud.record(id)["deployments"]] == [deployment(4).digest]


def test_create_repeated_after_a_lost_reply_returns_the_same(cloud: Cloud) -> None:
    first = cloud.kind.create(spec(deployment()), cloud.context())
    assert cloud.kind.create(spec(deployment()), cloud.context()) == first
    assert len(cloud.kind.find(owner())) == 1


def test_a_replacement_beside_a_claimed_one_has_a_name_and_port_of_its_own(cloud: Cloud) -> None:
    first = cloud.up(spec(deployment(1)))
    second = cloud.up(spec(deployment(2)))
    assert second == f"{first}-2"
    assert cloud.port(first) != cloud.port(second)
    cloud.kind.delete(first, cloud.context())
    assert ask(cloud.port(second))[1]["x-model-version"] == "2"


def test_a_fixed_name_of_somebody_else_is_refused_naming_the_owner(cloud: Cloud) -> None:
    cloud.up(spec(deployment(), physical_name="shared"))
    with pytest.raises(AlreadyExists, match="belongs to urn:pulumi:dev::demo::moor:index:Endpoint::iris"):
        cloud.kind.create(spec(deployment(), physical_name="shared", name="other"), cloud.context("other"))


def test_the_same_endpoint_gets_its_address_again_after_destroy(cloud: Cloud) -> None:
    first = cloud.up(spec(deployment()))
    port = cloud.port(first)
    cloud.kind.delete(first, cloud.context())
    again = cloud.up(spec(deployment()))
    assert (again, cloud.port(again)) == (first, port)


def test_names_differ_between_stacks(cloud: Cloud) -> None:
    names = {physical_name(spec(deployment()), owner(stack=stack)) for stack in ("dev", "prod")}
    assert len(names) == 2
    assert all(name.startswith("iris-") for name in names)


def test_a_creation_that_fails_leaves_no_process_and_is_not_adopted(cloud: Cloud) -> None:
    cloud.told[1] = {"crash": "cannot serve: model.onnx: the file is truncated"}
    id = cloud.kind.create(spec(deployment(1)), cloud.context())
    with pytest.raises(RolledBack, match=r"(?s)could not start.*model\.onnx: the file is truncated"):
        cloud.kind.wait(id, spec(deployment(1)), cloud.context())
    assert cloud.processes() == {}
    assert [one.usable for one in cloud.kind.find(owner())] == [False]
    found = cloud.kind.read(id)
    assert found is not None
    assert found[1].status == "failed"
    assert "truncated" in found[1].reason
    assert cloud.update(id, spec(deployment(2))).status == "healthy"


def test_an_update_with_the_same_inputs_restarts_nothing(cloud: Cloud) -> None:
    id = cloud.up(spec(deployment()))
    before = cloud.processes()
    cloud.update(id, spec(deployment()))
    assert cloud.processes() == before


def test_an_update_of_what_is_gone_says_so(cloud: Cloud) -> None:
    with pytest.raises(NotFound, match="does not exist on this machine any more"):
        cloud.update("iris-000000", spec(deployment()))
    with pytest.raises(NotFound):
        cloud.kind.predict("../../etc", [{}])
    assert cloud.kind.read("../../etc") is None


def test_replicas_are_added_and_removed_without_a_failed_request(cloud: Cloud) -> None:
    cloud.told[1] = {"delay": "0.02"}
    id = cloud.up(spec(deployment(1)))
    first = servers(cloud, id)[0]["pid"]
    load = Load(cloud.port(id))
    assert cloud.update(id, spec(deployment(1, replicas=3))).deployments[0].replicas == 3
    assert len({json.loads(ask(cloud.port(id))[2])["pid"] for _ in range(30)}) == 3
    cloud.update(id, spec(deployment(1, replicas=1)))
    load.stop()
    assert load.failures == []
    assert [one["pid"] for one in servers(cloud, id)] == [first]


def test_two_endpoints_live_side_by_side(cloud: Cloud) -> None:
    one, two = cloud.up(spec(deployment(1))), cloud.up(spec(deployment(2), name="other"))
    cloud.kind.delete(one, cloud.context())
    assert ask(cloud.port(two))[1]["x-model-version"] == "2"
    assert len(cloud.processes()) == 2


def test_autoscaling_adds_replicas_under_load_and_diff_leaves_its_counts_alone(cloud: Cloud) -> None:
    rules = Autoscaling(min_replicas=1, max_replicas=3, target_requests_per_replica=40)
    id = cloud.up(spec(deployment(1), autoscaling=rules))
    load = Load(cloud.port(id), rate=150)
    eventually(lambda: len(servers(cloud, id)) == 3, 15, "three replicas")
    load.stop()
    assert load.failures == []
    wire = spec(deployment(1), autoscaling=rules).to_wire()
    changes = Changes(update=("deployments[0].replicas", "tags"))
    assert cloud.kind.diff(wire, wire, changes).update == ("tags",)
    assert cloud.kind.diff({}, {}, changes) == changes


def test_logs_carry_their_source_and_follow_until_the_end(cloud: Cloud) -> None:
    id = cloud.up(spec(deployment(1)))
    lines = list(cloud.kind.logs(id))
    assert any(line.startswith("[main-") and "serving version 1" in line for line in lines)
    following = cloud.kind.logs(id, follow=True, tail=1)
    assert "serving version 1" in next(line for line in following if "main-" in line)
    cloud.kind.delete(id, cloud.context())
    assert [line for line in following if "serving version 1" in line] == []
    with pytest.raises(NotFound):
        next(cloud.kind.logs(id))


def test_rows_that_the_server_refuses_are_invalid_input_in_its_words(cloud: Cloud) -> None:
    cloud.told[1] = {"fail_after": "0"}
    with pytest.raises(InvalidInput, match="cannot be written as JSON"):
        cloud.kind.predict(cloud.up(spec(deployment(1))), [{"a": object()}])


# Killed


def test_a_killed_supervisor_leaves_the_endpoint_answering_and_a_read_brings_it_back(cloud: Cloud) -> None:
    id = cloud.up(spec(deployment(1)))
    before = cloud.processes()
    supervisor = client.ensure(cloud.home)
    kill(supervisor)
    assert [ask(cloud.port(id))[0] for _ in range(10)] == [200] * 10
    found = cloud.kind.read(id)
    assert found is not None
    eventually(lambda: (cloud.kind.read(id) or found)[1].status == "healthy")
    assert cloud.processes() == before
    assert client.running(cloud.home) not in (None, supervisor)


def test_everything_killed_as_by_a_reboot_comes_back_with_a_prediction(cloud: Cloud) -> None:
    id = cloud.up(spec(deployment(1, replicas=2)))
    port = cloud.port(id)
    kill(client.ensure(cloud.home))
    for pid in cloud.processes():
        kill(pid)
    eventually(lambda: ports.is_free(port))
    assert cloud.kind.predict(id, [{"a": 1}])["model_version"] == "1"
    eventually(lambda: len(cloud.processes()) == 3)
    eventually(lambda: cloud.kind.read(id)[1].status == "healthy")  # type: ignore[index]


def test_a_killed_replica_beside_another_fails_no_request_and_comes_back(cloud: Cloud) -> None:
    cloud.told[1] = {"delay": "0.02"}
    id = cloud.up(spec(deployment(1, replicas=2)))
    load = Load(cloud.port(id))
    time.sleep(0.5)
    victim = servers(cloud, id)[0]["pid"]
    kill(victim)
    time.sleep(1.5)
    eventually(lambda: [one["state"] for one in servers(cloud, id)] == ["ready"] * 2)
    time.sleep(0.5)
    load.stop()
    assert load.failures == []
    assert victim not in cloud.processes()
    assert len({json.loads(ask(cloud.port(id))[2])["pid"] for _ in range(20)}) == 2


def test_the_only_server_killed_is_degraded_then_back(cloud: Cloud) -> None:
    id = cloud.up(spec(deployment(1)))
    kill(servers(cloud, id)[0]["pid"])
    eventually(lambda: cloud.kind.read(id)[1].status != "healthy", 3)  # type: ignore[index]
    eventually(lambda: ask(cloud.port(id))[0] == 200)
    eventually(lambda: cloud.kind.read(id)[1].status == "healthy")  # type: ignore[index]


def test_a_killed_router_comes_back_on_its_port_with_its_routes(cloud: Cloud) -> None:
    id = cloud.up(spec(deployment(1, "a", weight=50), deployment(2, "b", weight=50)))
    port, pid = cloud.port(id), router(cloud, id)["pid"]
    kill(pid)
    assert ask(port)[0] == 200  # it waited for the next router, it was not refused
    after = eventually(lambda: (one := router(cloud, id))["state"] == "ready" and one)
    assert after["pid"] != pid
    assert {ask(port)[1]["x-model-version"] for _ in range(20)} == {"1", "2"}


def test_a_router_killed_after_its_supervisor_was_comes_back_as_well(cloud: Cloud) -> None:
    id = cloud.up(spec(deployment(1)))
    pid = router(cloud, id)["pid"]
    kill(client.ensure(cloud.home))
    client.ensure(cloud.home)
    kill(pid)
    eventually(lambda: (one := router(cloud, id))["state"] == "ready" and one["pid"] not in (pid, None))
    assert ask(cloud.port(id))[0] == 200


def test_a_delete_that_was_killed_is_finished_by_the_next_command(cloud: Cloud) -> None:
    id = cloud.up(spec(deployment(1)))
    record = cloud.record(id)
    kill(client.ensure(cloud.home))
    (cloud.home / "endpoints" / id / "endpoint.json").write_text(json.dumps({**record, "deleting": True}))
    cloud.kind.delete(id, cloud.context())
    eventually(lambda: cloud.processes() == {})
    assert not (cloud.home / "endpoints" / id).exists()


def test_a_create_killed_after_the_record_is_gone_on_with(cloud: Cloud) -> None:
    id = cloud.kind.create(spec(deployment(1)), cloud.context())
    kill(client.ensure(cloud.home))
    assert [(one.id, one.usable, one.claimed) for one in cloud.kind.find(owner())] == [(id, True, False)]
    assert cloud.kind.wait(id, spec(deployment(1)), cloud.context()).status == "healthy"
