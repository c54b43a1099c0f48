"""The kit's own plugin and the local cloud under the real Pulumi CLI."""

from __future__ import annotations

import json
import shutil
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from contract.cli_project import KIT, CliProject

pytestmark = [pytest.mark.pulumi_cli, pytest.mark.slow]

WHOLE = """
data = Dataset("iris", cloud="local", source="iris.csv")
model = Model("iris", cloud="local")
own = pulumi.ResourceOptions(depends_on=[model])
run = TrainingRun("iris", own, cloud="local", model="iris",
                  channels={"train": {"uri": data.uri, "version": data.version}},
                  hyperparameters={"target": "species", "n_estimators": %d})
version = ModelVersion("iris", own, cloud="local", model="iris", artifact=run.artifact, digest=run.digest)
endpoint = Endpoint("iris", cloud="local", deployments=[{"name": "iris", "model": "iris", "digest": version.digest}])
"""

ROW = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


def predict(url: str, columns: list[str]) -> Any:
    row = dict(zip(columns, ROW.values(), strict=True))
    body = json.dumps({"instances": [row]}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.load(reply)


def test_a_trained_model_answers_is_retrained_and_goes_away(tmp_path: Path, private_places: Path) -> None:
    shutil.copy(KIT / "data" / "iris.csv", tmp_path / "iris.csv")
    columns = (tmp_path / "iris.csv").read_text().splitlines()[0].split(",")[:4]
    project = CliProject(tmp_path, KIT / "providers" / "plugin")
    project.environment["MOORING_HOME"] = str(private_places)
    try:
        project.program(WHOLE % 5)
        project.run("preview")
        project.up()
        project.no_changes()
        first = project.resources()
        answer = predict(first["Endpoint/iris"]["outputs"]["predictUrl"], columns)
        assert "setosa" in str(answer["predictions"])
        project.program(WHOLE % 7)
        project.up()
        project.no_changes()
        project.run("refresh", "--yes", "--expect-no-changes")
        second = project.resources()
        assert second["Endpoint/iris"]["id"] == first["Endpoint/iris"]["id"]
        assert second["ModelVersion/iris"]["outputs"]["version"] == 2
        assert predict(second["Endpoint/iris"]["outputs"]["predictUrl"], columns)["predictions"]
    finally:
        project.run("destroy", "--yes", "--skip-preview")
    assert project.resources() == {}
