"""Jobs and existing models for the tests of training."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from training_support import KIT, RunTraining


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
