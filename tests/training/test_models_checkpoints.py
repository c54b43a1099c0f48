"""A training that was killed goes on where it was, and comes to the very model of an undisturbed one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_support import IRIS, KIT, RunTraining

from training import pipeline
from training.artifact.digest import tree_digest
from training.checkpoints import RECORD, Checkpoint
from training.data.read import read
from training.forms import skops_form
from training.options import parse_options

GROWING = [
    ("RandomForestClassifier", {"n_estimators": "20"}),
    ("ExtraTreesClassifier", {"n_estimators": "20"}),
    ("GradientBoostingClassifier", {"n_estimators": "20", "subsample": "0.7"}),
    ("HistGradientBoostingClassifier", {"max_iter": "20", "early_stopping": False}),
]


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize(("estimator", "parameters"), GROWING)
def test_an_ensemble_that_is_resumed_is_the_one_that_was_not_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, estimator: str, parameters: dict[str, Any]
) -> None:
    split = pipeline.prepare(read(IRIS), parse_options({"target": "species", "estimator": estimator}))
    undisturbed = skops_form.dumps(pipeline.fit(split, parameters, 0))
    keep = Checkpoint.save_part

    def killed(self: Checkpoint, model: Any, done: int, total: int) -> None:
        keep(self, model, done, total)
        if done >= 6:
            raise Killed

    monkeypatch.setattr(Checkpoint, "save_part", killed)
    with pytest.raises(Killed):
        pipeline.fit(split, parameters, 0, Checkpoint(tmp_path, "key", every=0))
    monkeypatch.setattr(Checkpoint, "save_part", keep)
    said: list[str] = []
    resumed = pipeline.fit(split, parameters, 0, Checkpoint(tmp_path, "key", every=0), said.append)
    assert said == ["going on from the checkpoint of an interrupted run: 6 of 20 done"]
    assert skops_form.dumps(resumed) == undisturbed


def test_a_job_killed_while_it_fits_ends_with_the_same_digest(run_training: RunTraining, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    lines = [
        ",".join(f"{value:.4f}" for value in row) + f",{'a' if row[0] > row[1] else 'b'}"
        for row in random.random((3000, 6))
    ]
    data = tmp_path / "d.csv"
    data.write_text("a,b,c,d,e,f,y\n" + "\n".join(lines) + "\n")
    kit = tmp_path / "kit"  # a copy, whose hash nobody's edits change meanwhile
    for package in ("training", "mooring_transforms"):
        shutil.copytree(KIT / package, kit / package, ignore=shutil.ignore_patterns("__pycache__"))
    arguments = ("--target", "y", "--n_estimators", "150")
    checkpoints = tmp_path / "checkpoint"
    variables = {
        "PATH": os.defpath,
        "PYTHONPATH": str(kit),
        "MOORING_CHANNEL_TRAIN": str(data),
        "MOORING_MODEL_DIR": str(tmp_path / "killed"),
        "MOORING_CHECKPOINT_DIR": str(checkpoints),
        "MOORING_CHECKPOINT_SECONDS": "0.01",
    }
    command = [sys.executable, "-m", "training", *arguments]
    with subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 100
        while not (checkpoints / RECORD).exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed").exists()
    resumed = run_training(
        data, *arguments, model="resumed", MOORING_CHECKPOINT_DIR=str(checkpoints), PYTHONPATH=str(kit)
    )
    assert resumed.returncode == 0, resumed.stderr
    assert "from the checkpoint of an interrupted run" in resumed.stdout
    assert not (checkpoints / RECORD).exists()
    undisturbed = run_training(data, *arguments, model="undisturbed", PYTHONPATH=str(kit))
    assert "checkpoint" not in undisturbed.stdout
    assert tree_digest(tmp_path / "resumed") == tree_digest(tmp_path / "undisturbed")


def test_a_fitted_model_is_not_fitted_again_when_the_rest_was_interrupted(
    train_here: RunTraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOORING_CHECKPOINT_DIR", str(tmp_path / "checkpoint"))
    monkeypatch.setenv("MOORING_CHECKPOINT_SECONDS", "0")
    arguments = ("--target", "species", "--estimator", "LogisticRegression")
    with monkeypatch.context() as broken:
        broken.setattr("training.workflow.evaluate", lambda *_: (_ for _ in ()).throw(OSError(28, "disk is full")))
        assert train_here(IRIS, *arguments).returncode == 1
    with monkeypatch.context() as once:
        once.setattr("sklearn.linear_model.LogisticRegression.fit", lambda *_, **__: pytest.fail("fitted again"))
        done = train_here(IRIS, *arguments)
    assert done.returncode == 0, done.stderr
    assert "the fitted model is taken from the checkpoint" in done.stdout


def test_a_checkpoint_of_other_data_options_or_bytes_is_not_looked_at(tmp_path: Path) -> None:
    split = pipeline.prepare(read(IRIS), parse_options({"target": "species"}))
    model = pipeline.fit(split, {"n_estimators": "3"}, 0)
    Checkpoint(tmp_path, "key", every=0).save(model)
    assert Checkpoint(tmp_path, "key").load() is not None
    assert Checkpoint(tmp_path, "other").load() is None
    record = json.loads((tmp_path / RECORD).read_text())
    (tmp_path / RECORD).write_text(json.dumps({**record, "sha256": "0" * 64}))
    assert Checkpoint(tmp_path, "key").load() is None
