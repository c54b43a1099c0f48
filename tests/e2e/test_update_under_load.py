"""A model is replaced while 200 requests/s arrive, with rows that vary."""

from __future__ import annotations

import csv
import random
import time
from collections import Counter
from typing import Any

import pytest

from providers.local.models import find_version
from serving.predictor import Predictor
from tests.e2e.support.open_load import OpenLoad, Reply
from tests.e2e.support.project import Project
from tests.e2e.support.stacks import iris

pytestmark = pytest.mark.slow

RATE = 200


def rows_of(project: Project) -> list[dict[str, Any]]:
    """300 rows like the training data, each a little different."""
    chance = random.Random(3)
    with open(project.root / "data" / "iris.csv", newline="") as file:
        found = [
            {name: float(value) + chance.uniform(-0.2, 0.2) if value else None for name, value in row.items()}
            for row in ({k: v for k, v in full.items() if k != "species"} for full in csv.DictReader(file))
        ]
    return found + [{name: value and value * 1.01 for name, value in row.items()} for row in found]


def offline(project: Project, outputs: dict[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    """What the version in these outputs predicts, without a server."""
    digest = outputs["models"]["iris"]["digest"]
    predictor = Predictor(find_version(project.home / "local", "iris", digest, "local").path)
    return [str(predictor.predict([row]).values[0]) for row in rows]


def check(replies: list[Reply], expected: dict[str, list[str]]) -> None:
    failed = [reply for reply in replies if reply.error or reply.status != 200]
    assert not failed, failed[:5]
    wrong = [r for r in replies if str(r.body["predictions"][0]) != expected[r.version][r.row]]
    assert not wrong, wrong[:5]


def test_an_update_under_load_fails_no_request_and_every_reply_is_its_versions_own(project: Project) -> None:
    project.write_stack("local", iris(trees=5, depth=2))
    project.run("up", "--stack", "local", "--yes")
    first = project.json("outputs", "--stack", "local")
    rows = rows_of(project)
    url = first["endpoints"]["iris"]["predictUrl"]
    with OpenLoad(url, rows, rate=RATE) as load:
        project.write_stack("local", iris(trees=25, depth=6))
        began = load.now
        project.run("up", "--stack", "local", "--yes")
        ended = load.now
        time.sleep(1.5)
        replies = load.stop()
    second = project.json("outputs", "--stack", "local")
    old, new = (str(document["models"]["iris"]["version"]) for document in (first, second))
    assert old != new
    assert second["endpoints"]["iris"]["url"] == first["endpoints"]["iris"]["url"]
    check(replies, {old: offline(project, first, rows), new: offline(project, second, rows)})
    assert {r.version for r in replies if began <= r.sent <= ended} == {old, new}
    assert {r.version for r in replies if r.sent > ended} == {new}
    assert len(replies) >= 0.95 * RATE * (ended + 1.5)
    project.run("destroy", "--stack", "local", "--yes")


SHARED = """\
config:
  mooring:cloud: local
  mooring:datasets:
    iris: {path: data/iris.csv}
  mooring:models:
    shallow:
      training: {dataset: iris, target: species, parameters: {n_estimators: 5, max_depth: 1}}
    deep:
      training: {dataset: iris, target: species, parameters: {n_estimators: 20, max_depth: 6}}
  mooring:endpoints:
    iris:
      models: {shallow: 30, deep: 70}
"""


def test_shares_of_the_traffic_fit_the_weights(project: Project) -> None:
    from scipy.stats import chisquare

    project.write_stack("local", SHARED)
    project.run("up", "--stack", "local", "--yes")
    url = project.json("outputs", "--stack", "local")["endpoints"]["iris"]["predictUrl"]
    with OpenLoad(url, rows_of(project), rate=RATE, limit=10) as load:
        time.sleep(8)
        replies = load.stop()
    assert not [reply for reply in replies if reply.status != 200]
    shares = Counter(reply.deployment for reply in replies)
    assert set(shares) == {"shallow", "deep"}
    total = len(replies)
    assert total > 1400
    assert chisquare([shares["shallow"], shares["deep"]], [0.3 * total, 0.7 * total]).pvalue > 0.001
    project.run("destroy", "--stack", "local", "--yes")
