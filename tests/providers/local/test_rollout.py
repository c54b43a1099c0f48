"""Rollouts of real (stand-in) servers under an open load of 200 requests/s, good ones and bad ones."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from local_cloud import Cloud, Load, ask, deployment, eventually, kill, running, spec
from scipy.stats import chisquare

from providers.errors import Cancelled, MooringError, RolledBack
from providers.local.supervisor import client, ports

FAST: dict[str, Any] = {"step_seconds": 0.5, "bake_seconds": 0.5}


@pytest.fixture
def cloud(private_places: Path) -> Iterator[Cloud]:
    with running(private_places) as made:
        yield made


def pid_of(cloud: Cloud, id: str) -> int:
    return int(json.loads(ask(cloud.port(id))[2])["pid"])


@pytest.mark.parametrize(
    "rollout",
    [
        {"strategy": "all-at-once"},
        {"strategy": "canary", "step_percent": 20, **FAST},
        {"strategy": "linear", "step_percent": 34, **FAST},
    ],
    ids=lambda one: one["strategy"],
)
def test_an_update_under_load_fails_no_request_and_ends_with_only_the_new_version(
    cloud: Cloud, rollout: dict[str, Any]
) -> None:
    id = cloud.up(spec(deployment(1), rollout=rollout))
    load = Load(cloud.port(id))
    time.sleep(0.5)
    cloud.update(id, spec(deployment(2), rollout=rollout))
    done = time.monotonic()
    time.sleep(0.5)
    load.stop()
    assert load.failures == []
    assert set(load.versions()) == {"1", "2"}
    assert set(load.versions(done)) == {"2"}
    assert [name for name in cloud.services(id) if ".main-" in name].__len__() == 1


def test_a_canary_gets_its_share_and_no_more(cloud: Cloud) -> None:
    rollout = {"strategy": "canary", "step_percent": 20, "step_seconds": 3, "bake_seconds": 0}
    id = cloud.up(spec(deployment(1), rollout=rollout))
    load = Load(cloud.port(id))
    thread = threading.Thread(target=cloud.update, args=(id, spec(deployment(2), rollout=rollout)))
    thread.start()
    eventually(lambda: sorted(cloud.record(id)["weights"].values()) == [20.0, 80.0], what="the canary")
    began = time.monotonic() + 0.3
    time.sleep(2)
    seen = load.versions(began)
    thread.join()
    load.stop()
    assert load.failures == []
    total = sum(seen.values())
    assert total > 200
    assert chisquare([seen["1"], seen["2"]], [0.8 * total, 0.2 * total]).pvalue > 0.001


def test_two_deployments_share_the_traffic_as_their_weights_say(cloud: Cloud) -> None:
    id = cloud.up(spec(deployment(1, "a", weight=70), deployment(2, "b", weight=30)))
    load = Load(cloud.port(id))
    time.sleep(3)
    load.stop()
    seen = load.versions()
    total = sum(seen.values())
    assert load.failures == []
    assert chisquare([seen["1"], seen["2"]], [0.7 * total, 0.3 * total]).pvalue > 0.001


def test_a_change_of_weights_restarts_no_server(cloud: Cloud) -> None:
    id = cloud.up(spec(deployment(1, "a", weight=70), deployment(2, "b", weight=30)))
    before = {name: one["pid"] for name, one in cloud.services(id).items()}
    state = cloud.update(id, spec(deployment(1, "a", weight=0), deployment(2, "b", weight=100)))
    assert {name: one["pid"] for name, one in cloud.services(id).items()} == before
    assert [one.weight for one in state.deployments] == [0, 100]
    assert {ask(cloud.port(id))[1]["x-model-version"] for _ in range(10)} == {"2"}


@pytest.mark.parametrize(
    ("told", "rules", "reason"),
    [
        ({"fail_after": "5"}, {}, r"requests failed \(.* %, the limit is 5 %\)"),
        ({"fail": "100"}, {}, r"answers /predict with 500: .*told to fail"),
        ({"delay": "0.3"}, {"max_latency_ms": 100}, r"takes \d+ ms at best for one row \(the limit is 100 ms\)"),
        ({"crash": "ValueError: model.onnx is damaged"}, {}, r"exited with code 3; .*\n.*model.onnx is damaged"),
        ({"ready_after": "60"}, {"ready_seconds": 1}, r"was not ready within 1 s"),
        ({"fail_after": "99999", "crash_after": "30"}, {"bake_seconds": 5}, r"(requests failed|exited with code 3)"),
    ],
    ids=["5xx under load", "5xx at once", "slow", "crash at start", "never ready", "crash under load"],
)
def test_a_bad_version_is_rolled_back_with_the_reason_and_the_old_one_never_stopped(
    cloud: Cloud, told: dict[str, str], rules: dict[str, Any], reason: str
) -> None:
    cloud.told[2] = told
    id = cloud.up(spec(deployment(1)))
    pid = pid_of(cloud, id)
    load = Load(cloud.port(id))
    time.sleep(0.2)
    with pytest.raises(RolledBack, match=f"(?s)was rolled back: .*{reason}"):
        cloud.update(id, spec(deployment(2), rollout=rules))
    done = time.monotonic()
    time.sleep(0.3)
    load.stop()
    assert set(load.versions(done)) == {"1"}
    assert pid_of(cloud, id) == pid
    found = cloud.kind.read(id)
    assert found is not None
    inputs, state = found
    assert inputs == spec(deployment(1))
    assert state.status == "healthy"
    assert [one.version for one in state.deployments] == [1]
    assert len(cloud.services(id)) == 2


def test_a_version_that_only_gets_slow_under_load_is_rolled_back_by_its_p99(cloud: Cloud) -> None:
    cloud.told[2] = {"delay": "0.3", "fail_after": "99999"}  # no smoke prediction: only the load can tell
    rules = {"max_latency_ms": 150, "strategy": "canary", "step_percent": 20, "step_seconds": 5}
    id = cloud.up(spec(deployment(1)))
    load = Load(cloud.port(id))
    with pytest.raises(RolledBack, match=r"p99 latency \d+ ms over \d+ requests \(the limit is 150 ms\)"):
        cloud.update(id, spec(deployment(2), rollout=rules))
    load.stop()
    assert load.failures == []


def test_a_version_that_never_answers_counts_as_slow_while_it_hangs(cloud: Cloud) -> None:
    cloud.told[2] = {"delay": "6", "fail_after": "99999"}
    id = cloud.up(spec(deployment(1)))
    load = Load(cloud.port(id), rate=50)
    with pytest.raises(RolledBack, match="p99 latency"):
        cloud.update(id, spec(deployment(2), rollout={"max_latency_ms": 500, "bake_seconds": 1.5}))
    for process, name in cloud.processes().items():
        if ".main-" in name and name not in cloud.services(id):
            kill(process)
    load._stop.set()


def test_a_rolled_back_update_can_be_followed_by_a_good_one(cloud: Cloud) -> None:
    cloud.told[2] = {"crash": "broken"}
    id = cloud.up(spec(deployment(1)))
    with pytest.raises(RolledBack):
        cloud.update(id, spec(deployment(2)))
    assert cloud.update(id, spec(deployment(3))).status == "healthy"
    assert ask(cloud.port(id))[1]["x-model-version"] == "3"


def test_a_cancelled_update_is_turned_back_within_a_second(cloud: Cloud) -> None:
    rollout = {"strategy": "canary", "step_seconds": 60}
    id = cloud.up(spec(deployment(1), rollout=rollout))
    context = cloud.context()
    threading.Timer(1.0, context.cancel.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled) as stopped:
        cloud.kind.update(id, {}, spec(deployment(2), rollout=rollout), context)
    assert stopped.value.id == id
    assert time.monotonic() - began < 4
    eventually(lambda: cloud.record(id)["operation"] is None)
    assert list(cloud.record(id)["weights"].values()) == [100.0]
    assert ask(cloud.port(id))[1]["x-model-version"] == "1"


def test_another_update_takes_the_place_of_one_under_way(cloud: Cloud) -> None:
    rollout = {"strategy": "canary", "step_seconds": 60}
    id = cloud.up(spec(deployment(1), rollout=rollout))
    errors: list[Exception] = []

    def first() -> None:
        try:
            cloud.update(id, spec(deployment(2), rollout=rollout))
        except MooringError as error:
            errors.append(error)

    thread = threading.Thread(target=first)
    thread.start()
    eventually(lambda: (cloud.record(id)["operation"] or {}).get("phase") == "shifting")
    cloud.update(id, spec(deployment(3)))
    thread.join()
    assert len(errors) == 1
    assert ask(cloud.port(id))[1]["x-model-version"] == "3"


def test_the_port_moves_and_requests_under_way_on_the_old_one_are_answered(cloud: Cloud) -> None:
    cloud.told[1] = {"delay": "2", "fail_after": "99999"}
    first, second = ports.choose(), ports.choose()
    id = cloud.up(spec(deployment(1), port=first))
    codes: list[int] = []
    slow = threading.Thread(target=lambda: codes.append(ask(first)[0]))
    slow.start()
    time.sleep(0.3)
    state = cloud.update(id, spec(deployment(1), port=second))
    assert state.url == f"http://127.0.0.1:{second}"
    slow.join()
    assert codes == [200]
    assert ask(second)[0] == 200
    assert ports.is_free(first)


PHASES = ["starting", "smoke", "shifting", "baking", "finishing"]


@pytest.mark.parametrize("phase", PHASES)
def test_a_supervisor_killed_in_any_phase_is_followed_by_the_same_end(cloud: Cloud, phase: str) -> None:
    cloud.told[1] = {"delay": "0.02"}
    cloud.told[2] = {"ready_after": "0.5", "delay": "0.02"}
    rollout = {"strategy": "canary", "step_percent": 30, "step_seconds": 0.6, "bake_seconds": 0.4}
    id = cloud.up(spec(deployment(1), rollout=rollout))
    load = Load(cloud.port(id))
    ended: list[Any] = []
    thread = threading.Thread(target=lambda: ended.append(cloud.update(id, spec(deployment(2), rollout=rollout))))
    thread.start()
    supervisor = client.ensure(cloud.home)
    eventually(lambda: (cloud.record(id)["operation"] or {"phase": ""})["phase"] == phase, 20, phase)
    kill(supervisor)
    thread.join(40)  # its client starts the next supervisor and goes on waiting
    done = time.monotonic()
    time.sleep(0.3)
    load.stop()
    assert [one.status for one in ended] == ["healthy"]
    assert load.failures == []
    assert set(load.versions(done)) == {"2"}
    assert len(cloud.processes()) == 2 == len(cloud.services(id))


def test_a_supervisor_killed_while_turning_back_is_followed_by_one_that_turns_back(cloud: Cloud) -> None:
    cloud.told[1] = {"delay": "0.02"}
    cloud.told[2] = {"fail_after": "5", "delay": "0.5"}
    id = cloud.up(spec(deployment(1)))
    load = Load(cloud.port(id))
    errors: list[str] = []

    def update() -> None:
        try:
            cloud.update(id, spec(deployment(2), rollout={"bake_seconds": 3}))
        except RolledBack as error:
            errors.append(str(error))

    thread = threading.Thread(target=update)
    thread.start()
    eventually(lambda: (cloud.record(id)["operation"] or {"phase": ""})["phase"] == "reverting", 20)
    kill(client.ensure(cloud.home))
    thread.join(40)
    done = time.monotonic()
    time.sleep(0.3)
    load.stop()
    assert len(errors) == 1
    assert "requests failed" in errors[0]
    assert set(load.versions(done)) == {"1"}
    assert len(cloud.processes()) == 2


def test_a_killed_command_leaves_a_rollout_that_the_next_one_joins(cloud: Cloud) -> None:
    rollout = {"strategy": "canary", "step_seconds": 1.5}
    id = cloud.up(spec(deployment(1), rollout=rollout))
    begun = cloud.kind._resolve(cloud.home, deployment(2), cloud.context())
    wanted = spec(deployment(2), rollout=rollout)
    arguments = {
        "id": id, "slots": [begun], "rollout": wanted.rollout.model_dump(), "autoscaling": None, "port": None,
        "owner": cloud.record(id)["owner"], "spec": wanted.to_wire(),
    }  # fmt: skip
    operation = client.call(cloud.home, "endpoint.apply", **arguments)  # and then this command is gone
    eventually(lambda: cloud.record(id)["operation"]["phase"] == "shifting")
    assert cloud.update(id, wanted).status == "healthy"
    assert cloud.record(id)["last"]["id"] == operation
