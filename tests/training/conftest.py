"""Jobs and existing models for the tests of training."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from training_support import KIT, RunTraining

from training.__main__ import main


@pytest.fixture
def run_training(tmp_path: Path) -> RunTraining:
    """Runs `python -m training` as a job does: only its own environment, its own working folder."""

    def run(data: Path, *arguments: str, model: str = "model", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "training", *arguments],
            env={
                "PATH": os.defpath,
                "PYTHONPATH": str(KIT),
                "MOORING_CHANNEL_TRAIN": str(data),
                "MOORING_MODEL_DIR": str(tmp_path / model),
                "MOORING_METRICS_FILE": str(tmp_path / f"{model}-metrics.json"),
                **environment,
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.fixture
def train_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunTraining:
    """The same in this process, which has scikit-learn imported already: for the many refusals."""

    def run(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setenv("MOORING_CHANNEL_TRAIN", str(data))
        monkeypatch.setenv("MOORING_MODEL_DIR", str(tmp_path / "model"))
        monkeypatch.setenv("MOORING_METRICS_FILE", str(tmp_path / "model-metrics.json"))
        code = main(list(arguments))
        printed = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, printed.out, printed.err)

    return run
