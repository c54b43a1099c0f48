"""A model that exists is packaged, and hosted without training; what the endpoint says is what the model said."""

from __future__ import annotations

import json
from pathlib import Path

import joblib
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.e2e.support.project import Project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]

STACK = """\
config:
  mooring:cloud: local
  mooring:models:
    given: {file: MODEL}
  mooring:endpoints:
    given: {model: given}
"""


def deploy(project: Project, model: str) -> None:
    project.write_stack("files", STACK.replace("MODEL", model))
    project.run("up", "--stack", "files", "--yes")


def test_a_joblib_file_of_scikit_learns_is_packaged_hosted_inspected_and_asked(project: Project) -> None:
    features, target = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), RandomForestClassifier(10, random_state=0)).fit(features, target)
    joblib.dump(model, project.root / "model.joblib")
    columns = "sepal_length,sepal_width,petal_length,petal_width"
    words = ("package", "model.joblib", "--trust", "--columns", columns, "--output", "given")
    packaged = project.json(*words)
    project.write_stack("files", STACK.replace("MODEL", "given"))
    refused = project.run("preview", "--stack", "files", expect=1).stderr
    assert "given holds a joblib file, and loading it executes whatever code is in it; set trust: true" in refused

    deploy(project, "given, trust: true")
    expected = model.predict(features).tolist()
    rows = project.root / "rows.json"
    rows.write_text(json.dumps(features.tolist()))
    asked = project.json("predict", "--stack", "files", "--input", str(rows))
    assert asked["predictions"] == expected
    assert project.json("predict", "--model", "given", "--input", str(rows))["predictions"] == expected
    hosted = project.json("inspect", "given", "--stack", "files")
    assert hosted["digest"] == packaged["digest"]
    assert project.json("inspect", "given@1", "--stack", "files")["card"] == hosted["card"]
    (project.root / "given" / "metrics.json").write_text('{"changed": 1}\n')  # the folder, not the stack's model
    assert project.json("inspect", "given", "--stack", "files")["digest"] == packaged["digest"]
    assert "its SHA-256 is not" in project.run("inspect", "given", expect=1, MOORING_STACK="files").stderr
    refused = project.run("inspect", "given@7", "--stack", "files", expect=1).stderr
    assert "model given has no version '7'; it has v1" in refused
    project.run("destroy", "--stack", "files", "--yes")
    assert project.processes() == []


def test_an_xgboost_file_is_hosted_as_it_is(project: Project) -> None:
    xgboost = pytest.importorskip("xgboost")
    data = load_diabetes(as_frame=True)
    model = xgboost.XGBRegressor(n_estimators=8).fit(data.data, data.target)
    model.save_model(project.root / "model.ubj")
    deploy(project, "model.ubj")
    rows: Path = project.root / "rows.csv"
    data.data[:40].to_csv(rows, index=False)
    asked = project.json("predict", "--stack", "files", "--input", str(rows))["predictions"]
    assert asked == pytest.approx(model.predict(data.data[:40]).tolist(), rel=1e-4)
    project.run("destroy", "--stack", "files", "--yes")
    assert project.processes() == []
