"""A model that misses its thresholds is not registered: `up` says why, and the endpoint serves what it served."""

from __future__ import annotations

import pytest

from tests.e2e.support.project import Project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]

STACK = """\
config:
  mooring:cloud: local
  mooring:datasets:
    flowers: data/iris.csv
  mooring:models:
    flowers:
      training:
        dataset: flowers
        target: species
        estimator: sklearn.tree.DecisionTreeClassifier
        parameters: {max_depth: DEPTH}
        slices: [sepal_length]
      thresholds: {accuracy: 0.85, log_loss: {max: 20}, recall_class_setosa: 0.9}
  mooring:endpoints:
    flowers: {model: flowers}
"""
ROW = '[{"sepal_length": 5.0, "sepal_width": 3.4, "petal_length": 1.5, "petal_width": 0.2}]'


def test_a_worse_model_is_refused_with_metric_value_and_limit_and_the_endpoint_stays(project: Project) -> None:
    (project.root / "rows.json").write_text(ROW)
    project.write_stack("gate", STACK.replace("DEPTH", "3"))
    project.run("up", "--stack", "gate", "--yes")
    before = project.json("inspect", "flowers", "--stack", "gate")

    project.write_stack("gate", STACK.replace("DEPTH", "1"))
    refused = project.run("up", "--stack", "gate", "--yes", expect=1)
    told = refused.stdout + refused.stderr
    assert "model 'flowers' was not registered: accuracy is 0.6" in told
    assert "below its threshold of 0.85" in told
    assert project.json("predict", "--stack", "gate", "--input", "rows.json")["predictions"] == ["setosa"]
    assert project.json("inspect", "flowers", "--stack", "gate")["digest"] == before["digest"]

    project.write_stack("gate", STACK.replace("DEPTH", "3").replace("accuracy: 0.85", "acuracy: 0.85"))
    refused = project.run("preview", "--stack", "gate", expect=1)
    said = "models.flowers.thresholds.acuracy: is no metric that the trainer measures (did you mean 'accuracy'?)"
    assert said in refused.stdout + refused.stderr
    project.run("destroy", "--stack", "gate", "--yes")
    assert project.processes() == []
