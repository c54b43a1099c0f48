"""The supervisor scales a slot without a rollout, to none and back, and turns a rollout back for a reason."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from local_cloud import Cloud, Load, ask, deployment, eventually, running, spec

from providers.errors import ConflictError, NotFound, RolledBack
from providers.local.supervisor import client


@pytest.fixture
def cloud(private_places: Path) -> Iterator[Cloud]:
    with running(private_places) as made:
        yield made


def slot_of(cloud: Cloud, id: str) -> str:
    return str(cloud.record(id)["live"][0])


def scale(cloud: Cloud, id: str, replicas: int) -> None:
    client.call(cloud.home, "endpoint.scale", id=id, slot=slot_of(cloud, id), replicas=replicas)


def test_a_slot_grows_shrinks_sleeps_and_wakes(cloud: Cloud) -> None:
    id = cloud.up(spec(deployment(1)))
    port = cloud.port(id)
    scale(cloud, id, 3)
    eventually(lambda: len({json.loads(ask(port)[2])["pid"] for _ in range(12)}) == 3)
    load = Load(port, rate=100)
    scale(cloud, id, 1)
    load.stop()
    assert load.failures == []
    scale(cloud, id, 0)
    assert ask(port)[0] == 503
    assert cloud.record(id)["scale"] == {slot_of(cloud, id): 0}
    scale(cloud, id, 1)
    assert eventually(lambda: ask(port)[0] == 200)


def test_only_a_slot_that_is_live_and_at_rest_is_scaled(cloud: Cloud) -> None:
    id = cloud.up(spec(deployment(1)))
    with pytest.raises(NotFound, match="serves nothing by the slot 'other'"):
        client.call(cloud.home, "endpoint.scale", id=id, slot="other", replicas=1)
    rollout = {"strategy": "canary", "step_percent": 50, "step_seconds": 30, "bake_seconds": 1}
    failure: list[str] = []

    def update() -> None:
        try:
            cloud.update(id, spec(deployment(2), rollout=rollout))
        except RolledBack as error:
            failure.append(str(error))

    thread = threading.Thread(target=update, daemon=True)
    thread.start()
    eventually(lambda: (cloud.record(id)["operation"] or {}).get("phase") == "shifting")
    with pytest.raises(ConflictError, match="is being changed"):
        scale(cloud, id, 2)
    client.call(cloud.home, "endpoint.abort", id=id, reason="an alarm went off")
    thread.join(20)
    assert "an alarm went off" in failure[0]
    assert cloud.record(id)["last"]["reason"] == "an alarm went off"


def test_a_slot_says_how_long_its_servers_may_take(cloud: Cloud) -> None:
    id = cloud.up(spec(deployment(1)))
    facts = {**cloud.record(id)["slots"][slot_of(cloud, id)], "slot": "main-slow", "timeout": 90.0}
    record = cloud.record(id)
    client.call(
        cloud.home, "endpoint.apply", id=id, slots=[facts], rollout={**_ROLLOUT, "ready_seconds": 20.0},
        autoscaling=None, port=None, owner=record["owner"], spec=record["spec"],
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while cloud.record(id)["live"] != ["main-slow"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    eventually(lambda: cloud.record(id)["operation"] is None)
    routes = json.loads((cloud.home / "endpoints" / id / "routes.json").read_text())
    assert routes["timeout"] == 90.0


_ROLLOUT = {"strategy": "all-at-once", "step_percent": 100, "step_seconds": 0, "bake_seconds": 0,
            "max_error_percent": 100.0, "max_latency_ms": None}  # fmt: skip
