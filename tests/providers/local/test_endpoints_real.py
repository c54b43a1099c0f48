"""Endpoints with real model servers: a model trained by the kit, served by `serving/` in its own environment."""

from __future__ import annotations

import csv
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from cloud_support import World
from local_cloud import Cloud, Load, eventually, kill

from providers.errors import InvalidInput, RolledBack
from providers.local.endpoints import EndpointKind
from providers.local.models import find_version
from providers.local.supervisor import client
from providers.paths import KIT
from providers.values import Channel, Deployment, EndpointSpec, TrainingSpec

pytestmark = pytest.mark.slow


class Served:
    """Two versions of an iris model, and an endpoint kind to serve them."""

    def __init__(self, world: World, kit: Path) -> None:
        self.world = world
        self.kind = EndpointKind(world.home)
        (world.root / "iris.csv").write_bytes((kit / "data" / "iris.csv").read_bytes())
        _, data = world.dataset((world.root / "iris.csv").read_text(), "iris")
        world.model("iris")
        self.versions = [self._version(data.uri, depth) for depth in (1, 5)]

    def _version(self, uri: str, depth: int) -> Any:
        wanted = TrainingSpec(
            cloud="local",
            name="iris",
            model="iris",
            channels={"train": Channel(uri=uri)},
            hyperparameters={"target": "species", "n_estimators": 10, "max_depth": depth},
        )
        _, run = self.world.make(self.world.adapter.training_run, wanted, f"r:{depth}")
        return self.world.make(self.world.adapter.model_version, self.world.version(run, "iris"), f"v:{depth}")[1]

    def spec(self, version: int, **fields: Any) -> EndpointSpec:
        deployment = Deployment(name="main", model="iris", digest=self.versions[version - 1].digest)
        return EndpointSpec(cloud="local", name="iris", deployments=[deployment], **fields)

    def folder(self, version: int) -> Path:
        return find_version(self.world.home, "iris", self.versions[version - 1].digest, "dev").path


@pytest.fixture
def served(private_places: Path, tmp_path: Path, kit: Path) -> Iterator[Served]:
    cloud = Cloud(private_places / "local")
    try:
        yield Served(World(private_places, tmp_path), kit)
    finally:
        cloud.close()


def rows(count: int) -> list[dict[str, float]]:
    names = next(csv.reader((KIT / "data" / "iris.csv").open(encoding="utf-8")))[:-1]
    source = random.Random(1)
    return [{name: round(source.uniform(0.1, 7.0), 2) for name in names} for _ in range(count)]


def test_a_trained_model_is_served_updated_under_load_and_turned_back_when_it_is_damaged(served: Served) -> None:
    context = served.world.context("e")
    id, state = served.world.make(served.kind, served.spec(1), "e")
    assert state.status == "healthy"
    sample = rows(30)
    offline = _offline(served, sample)
    assert served.kind.predict(id, sample)["predictions"] == offline[1]
    assert served.kind.predict(id, sample)["model_version"] in ("1", 1)
    with pytest.raises(InvalidInput, match="refused the rows"):
        served.kind.predict(id, [{"nonsense": 1}])

    bodies = [json.dumps({"instances": [row]}).encode() for row in sample]
    load = Load(int(state.url.rpartition(":")[2]), bodies=bodies)
    time.sleep(0.5)
    served.kind.update(id, {}, served.spec(2), context)
    done = time.monotonic()
    time.sleep(0.5)
    load.stop()
    assert load.failures == []
    assert set(load.versions()) == {"1", "2"}
    assert set(load.versions(done)) == {"2"}
    for index, version, body in load.answers:
        assert json.loads(body)["predictions"] == [offline[int(version)][index]]

    damaged = served.folder(1) / "model.onnx"
    os.chmod(damaged, 0o644)
    damaged.write_bytes(damaged.read_bytes()[:-100])
    with pytest.raises(RolledBack, match=r"(?s)exited with code 1.*model\.onnx"):
        served.kind.update(id, {}, served.spec(1), context)
    assert served.kind.predict(id, sample)["predictions"] == offline[2]

    for process in Cloud(served.world.home).processes():
        kill(process)
    kill(client.ensure(served.world.home))
    assert served.kind.predict(id, sample)["predictions"] == offline[2]
    served.kind.delete(id, context)
    eventually(lambda: Cloud(served.world.home).processes() == {})


def _offline(served: Served, sample: list[dict[str, float]]) -> dict[int, list[Any]]:
    from serving.predictor import Predictor

    predictors = {number: Predictor(served.folder(number)) for number in (1, 2)}
    return {number: [str(value) for value in one.predict(sample).values] for number, one in predictors.items()}
