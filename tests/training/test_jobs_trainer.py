"""Mooring's own trainer and tuner under every platform's contract."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from training_support import IRIS, KIT

from training.__main__ import main
from training.artifact.manifest import verify

OPTIONS = {"target": "species", "n_estimators": "4", "seed": "3"}


def platform(name: str, base: Path) -> tuple[dict[str, str], list[str], Path]:
    """The environment, the arguments and the model's folder of a job of one platform."""
    words = [word for option, value in OPTIONS.items() for word in (f"--{option}", value)]
    data = base / "data"
    data.mkdir(parents=True)
    shutil.copy(IRIS, data)
    if name == "sagemaker":
        config = base / "input" / "config"
        config.mkdir(parents=True)
        (base / "input" / "data").mkdir()
        data.rename(base / "input" / "data" / "train")
        encoded = {option: json.dumps(value) for option, value in OPTIONS.items()}
        (config / "hyperparameters.json").write_text(json.dumps(encoded))
        (config / "inputdataconfig.json").write_text('{"train": {}}')
        (config / "resourceconfig.json").write_text('{"current_host": "algo-1", "hosts": ["algo-1"]}')
        return {"SAGEMAKER_BASE_DIR": str(base)}, [], base / "model"
    if name == "azureml":
        paths = ["--train", str(data), "--model_dir", str(base / "out"), "--output_dir", str(base / "outputs")]
        return {"AZUREML_RUN_ID": "run-1"}, [*paths, *words], base / "out"
    if name == "vertex":
        bucket = base / "gcs" / "bucket"
        bucket.mkdir(parents=True)
        data.rename(bucket / "data")
        environment = {"AIP_MODEL_DIR": "gs://bucket/run/model/", "MOORING_GCS_MOUNT": str(base / "gcs")}
        return environment, ["--train", "gs://bucket/data", *words], bucket / "run" / "model"
    environment = {"MOORING_CHANNEL_TRAIN": str(data), "MOORING_MODEL_DIR": str(base / "model")}
    return environment, words, base / "model"


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No platform's variables but those that a test sets."""
    for name in list(os.environ):
        if name.startswith(("SM_", "SAGEMAKER", "AZUREML", "AIP_", "CLOUD_ML", "CLUSTER_SPEC", "MLFLOW")):
            monkeypatch.delenv(name)
    return monkeypatch


def test_the_trainer_gives_one_digest_on_every_platform(tmp_path: Path, only: pytest.MonkeyPatch) -> None:
    digests = {}
    for name in ("local", "sagemaker", "azureml", "vertex"):
        environment, arguments, model = platform(name, tmp_path / name)
        with only.context() as patched:
            for variable, value in environment.items():
                patched.setenv(variable, value)
            assert main(arguments) == 0, name
        manifest = verify(model)
        digests[name] = manifest["files"]
    for name, files in digests.items():
        assert files == digests["local"], name


@pytest.mark.parametrize("name", ["sagemaker", "azureml", "vertex"])
def test_a_failure_is_told_in_the_platforms_way(
    tmp_path: Path, only: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    environment, arguments, model = platform(name, tmp_path)
    for variable, value in environment.items():
        only.setenv(variable, value)
    arguments = [word for word in arguments if word not in ("--seed", "3")]
    assert main([*arguments, "--seed", "x"]) == 1
    reason = "training failed: --seed: 'x' is not a whole number"
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith(reason)
    assert not (model / "mooring-model.json").exists()
    if name == "sagemaker":
        assert (tmp_path / "output" / "failure").read_text().startswith(reason)


def test_of_several_machines_only_the_first_trains(
    tmp_path: Path, only: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment, arguments, model = platform("sagemaker", tmp_path)
    machines = '{"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]}'
    (tmp_path / "input" / "config" / "resourceconfig.json").write_text(machines)
    only.setenv("SAGEMAKER_BASE_DIR", environment["SAGEMAKER_BASE_DIR"])
    assert main(arguments) == 0
    assert "the trainer runs on algo-1 alone" in capsys.readouterr().out
    assert not model.exists()


@pytest.mark.slow
def test_the_tuner_runs_as_a_sagemaker_job(tmp_path: Path) -> None:
    environment, _, model = platform("sagemaker", tmp_path)
    space = {"max_depth": {"type": "categorical", "choices": [1, 4]}}
    tuning = {"space": space, "objective": {"metric": "accuracy", "direction": "maximize"},
              "strategy": "grid", "trials": 2}  # fmt: skip
    file = tmp_path / "input" / "config" / "hyperparameters.json"
    given = json.loads(file.read_text()) | {"tuning": json.dumps(tuning)}
    file.write_text(json.dumps(given))
    done = subprocess.run(
        [sys.executable, "-m", "training.tune"],
        env={"PATH": os.defpath, "PYTHONPATH": str(KIT), **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert verify(model)["origin"] == "training"
    assert "[metric] accuracy=" in done.stdout
    summary = json.loads((tmp_path / "output" / "data" / "tuning.json").read_text())
    assert summary["best_parameters"] == {"max_depth": 4}
    assert summary["completed_trials"] == 2
