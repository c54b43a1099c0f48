"""Five kinds of models, each from raw data to an endpoint by its example's stack file: what the endpoint answers for
the rows that were held out is what the artifact says was predicted for them, and that is good enough."""

from __future__ import annotations

import csv
import json
import shutil
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from providers.local.models import find_version
from tests.e2e.support.project import KIT, Project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]

Rows = list[dict[str, str]]


def deployed(project: Project, kind: str) -> tuple[Path, str]:
    """The example is deployed as it is; its artifact, and where it predicts."""
    example = KIT / "examples" / kind / f"Pulumi.{kind}.yaml"
    shutil.copy(example, project.root / "stacks")
    project.run("up", "--stack", kind, "--yes")
    outputs = project.json("outputs", "--stack", kind)
    ((model, version),) = outputs["models"].items()
    ((_, endpoint),) = outputs["endpoints"].items()
    return find_version(project.home / "local", model, version["digest"], kind).path, endpoint["predictUrl"]


def table(file: Path) -> Rows:
    with open(file, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def asked(url: str, instances: list[Any]) -> list[Any]:
    body = json.dumps({"instances": instances}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        found: list[Any] = json.load(reply)["predictions"]
    return found


def held_out(artifact: Path, data: Rows, without: str) -> tuple[Rows, list[dict[str, Any]]]:
    """What was predicted of the rows held out, and those rows as a client sends them."""
    told = table(artifact / "evaluation" / "predictions.csv")
    rows = [data[int(one["row"])] for one in told]
    return told, [{name: cell or None for name, cell in row.items() if name != without} for row in rows]


def numeric(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: cell if cell is None else float(cell) for name, cell in row.items()} for row in rows]


def test_a_number_is_predicted(project: Project) -> None:
    artifact, url = deployed(project, "regression")
    told, rows = held_out(artifact, table(project.root / "data" / "diabetes.csv"), "progression")
    answers = np.array(asked(url, numeric(rows)))
    assert np.allclose(answers, [float(one["prediction"]) for one in told], rtol=1e-4)
    truth = np.array([float(one["truth"]) for one in told])
    metrics = json.loads((artifact / "metrics.json").read_bytes())
    assert np.sqrt(np.mean((answers - truth) ** 2)) == pytest.approx(metrics["rmse"], rel=1e-4)
    assert np.corrcoef(answers, truth)[0, 1] > 0.6
    assert len(project.run("predict", "--stack", "regression", "--input", "data/new_patients.csv").stdout.split()) == 5


def test_text_is_classified(project: Project) -> None:
    artifact, url = deployed(project, "text")
    told, rows = held_out(artifact, table(project.root / "data" / "reviews.csv"), "sentiment")
    answers = asked(url, rows)
    assert answers == [one["prediction"] for one in told]
    assert np.mean([answer == one["truth"] for answer, one in zip(answers, told, strict=True)]) > 0.9
    shown = project.run("predict", "--stack", "text", "--input", "data/new_reviews.csv").stdout.split()
    assert shown == ["positive", "negative", "positive", "negative"]


def test_pictures_are_told_apart(project: Project) -> None:
    artifact, url = deployed(project, "digits")
    with np.load(project.root / "data" / "digits.npz") as data:
        images, labels = data["images"], data["labels"]
    told = table(artifact / "evaluation" / "predictions.csv")
    rows = [int(one["row"]) for one in told]
    answers = asked(url, [{"image": images[row].tolist()} for row in rows])
    assert answers == [int(one["prediction"]) for one in told]
    assert [int(one["truth"]) for one in told] == labels[rows].tolist()
    assert np.mean(np.array(answers) == labels[rows]) > 0.93
    assert len(project.run("predict", "--stack", "digits", "--input", "data/new_digits.json").stdout.split()) == 5


def test_things_are_recommended(project: Project) -> None:
    artifact, url = deployed(project, "recommendation")
    told = table(artifact / "evaluation" / "predictions.csv")
    users = sorted({one["user"] for one in told})
    lists = [[entry["item"] for entry in found] for found in asked(url, [{"user": user} for user in users])]
    assert all(len(found) == len(set(found)) == 5 for found in lists)
    recommended = dict(zip(users, lists, strict=True))
    for one in told:
        found = recommended[one["user"]]
        assert one["rank"] == (str(found.index(one["item"]) + 1) if one["item"] in found else "")
    liked_from = json.loads((artifact / "evaluation" / "evaluation.json").read_bytes())["liked_from"]
    liked = [one for one in told if float(one["weight"]) >= liked_from]
    hits = {one["user"] for one in liked if one["rank"]}
    metrics = json.loads((artifact / "metrics.json").read_bytes())
    assert len(hits) / len({one["user"] for one in liked}) == pytest.approx(metrics["hit_rate_at_k"], abs=1e-6)
    data = table(project.root / "data" / "ratings.csv")
    learnt = {(one["user"], one["film"]) for one in data} - {(one["user"], one["item"]) for one in told}
    assert not {(user, item) for user, found in recommended.items() for item in found} & learnt
    (popular,) = asked(url, [{"user": "somebody-new", "k": 3}])
    assert len(popular) == 3


def test_flowers_are_told_apart(project: Project) -> None:
    shutil.copy(project.root / "stacks" / "templates" / "local.yaml", project.root / "stacks" / "Pulumi.local.yaml")
    project.run("up", "--stack", "local", "--yes")
    outputs = project.json("outputs", "--stack", "local")
    digest = outputs["models"]["iris"]["digest"]
    artifact = find_version(project.home / "local", "iris", digest, "local").path
    told, rows = held_out(artifact, table(project.root / "data" / "iris.csv"), "species")
    answers = asked(outputs["endpoints"]["iris"]["predictUrl"], numeric(rows))
    assert answers == [one["prediction"] for one in told]
    assert np.mean([answer == one["truth"] for answer, one in zip(answers, told, strict=True)]) > 0.85
