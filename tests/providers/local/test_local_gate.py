"""The gate in front of the registry: metrics of classes and slices count too, and a refusal names value and limit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from providers.errors import JobFailed
from providers.local.versions import ALL_METRICS, gate
from providers.values import ModelVersionSpec


def spec(thresholds: dict[str, Any]) -> ModelVersionSpec:
    given = {"cloud": "local", "name": "m", "model": "m", "artifact": "local://x", "thresholds": thresholds}
    return ModelVersionSpec.model_validate(given)


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    """An artifact's folder with metrics by class and slice."""
    (tmp_path / "evaluation").mkdir()
    metrics = {"recall_class_ill": 0.6, "mae[city=Rome]": 4.0, "accuracy": 0.1}
    (tmp_path / ALL_METRICS).write_text(json.dumps(metrics))
    return tmp_path


def test_a_class_and_a_slice_can_be_held_to_a_threshold(artifact: Path) -> None:
    gate(spec({"recall_class_ill": 0.5, "mae[city=Rome]": 5}), {"accuracy": 0.9}, artifact, "j")
    with pytest.raises(JobFailed) as caught:
        gate(spec({"recall_class_ill": 0.7, "mae[city=Rome]": 3.5}), {"accuracy": 0.9}, artifact, "j")
    told = str(caught.value)
    assert "model 'm' was not registered" in told
    assert "recall_class_ill is 0.6, below its threshold of 0.7" in told
    assert "mae[city=Rome] is 4, above its threshold of 3.5" in told


def test_the_metrics_of_the_run_come_before_those_of_the_artifact(artifact: Path) -> None:
    gate(spec({"accuracy": 0.5, "recall_class_ill": 0.5}), {"accuracy": 0.9}, artifact, "j")


def test_an_artifact_without_an_evaluation_says_what_was_measured(tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match=r"roc_auc has a threshold of 0.5 and was not measured \(measured: accuracy\)"):
        gate(spec({"roc_auc": 0.5}), {"accuracy": 0.9}, tmp_path, "j")
