"""The unmodified SageMaker SDK 3 against the emulator, as its users write it: train, tune, host, transform."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mooring.emulators import inside, private
from tests.e2e.support.toolkit import sdk_python

pytest.importorskip("moto", reason="the emulator of AWS needs moto (install mooring[aws])")
SCRIPTS = Path(__file__).parent / "sagemaker_sdk"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_sdk_trains_tunes_hosts_and_transforms(tmp_path: Path, kit: Path) -> None:
    python = sdk_python()
    with private("aws") as emulator:
        environment = inside(emulator.variables, os.environ) | {
            "EXAMPLE_SOURCE": str(kit / "examples" / "emulated-aws" / "source"),
            "EXAMPLE_DATA": str(kit / "data"),
            "PYTHONPATH": str(SCRIPTS),
            "HOME": str(tmp_path),
        }

        def run(script: str, *words: str) -> str:
            done = subprocess.run(
                [python, str(SCRIPTS / script), *words], cwd=tmp_path, env=environment,
                capture_output=True, text=True, timeout=280, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
            return done.stdout

        told = dict(
            line.split(" ", 1) for line in run("train_and_tune.py").splitlines() if line[:5] in ("MODEL", "BEST ")
        )
        assert 0.8 <= float(told["BEST"]) <= 1.0
        hosted = run("build_and_host.py", told["MODEL"])
        assert [word for word in ("CORE ok", "TRANSFORM ok", "BUILDER ok") if word not in hosted] == []
