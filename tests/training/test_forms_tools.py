"""The ONNX form is made in processes beside the job, which end with it, and whose faults are told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from training_support import KIT

START = f"""
import os, signal, sys
sys.path.insert(0, {str(KIT)!r})
import numpy as np
from sklearn.linear_model import LogisticRegression
from training.errors import TrainingError
from training.forms.onnx_form import Input
from training.forms.onnx_tools import Beside, Elsewhere, Here
from training.forms.sklearn_forms import grouped, make_forms
rows = np.arange(40.0).reshape(20, 2)
model = LogisticRegression().fit(rows, rows[:, 0] > 20)
layout = grouped(["a", "b"], [])
"""


def run(code: str) -> list[str]:
    """The lines that a process of its own prints: a fork of a test's, which has threads, is not what is tested."""
    done = subprocess.run(
        [sys.executable, "-c", START + code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_what_is_made_beside_is_what_is_made_here() -> None:
    assert run(
        "with Beside() as tools:\n"
        "    beside = make_forms(model, layout, rows, range(20), tools=tools)\n"
        "here = make_forms(model, layout, rows, range(20))\n"
        "print(beside == here, sorted(here.files))"
    ) == ["True ['model.onnx', 'model.skops']"]


def test_what_cannot_be_converted_beside_is_told_as_here() -> None:
    told = run(
        "from sklearn.neighbors import NearestCentroid\n"
        "odd = NearestCentroid().fit(rows, rows[:, 0] > 20)\n"
        "with Beside() as tools:\n"
        "    print(make_forms(odd, layout, rows, range(20), tools=tools).entries['parity'])\n"
        "print(make_forms(odd, layout, rows, range(20)).entries['parity'])\n"
    )
    assert told[0] == told[1]
    assert "it cannot be converted (MissingShapeCalculator" in told[0]


def test_a_process_that_the_kernel_ended_fails_the_job_instead_of_leaving_the_form_out() -> None:
    told = run(
        "with Beside() as tools:\n"
        "    os.kill(tools._converter.process.pid, signal.SIGKILL)\n"
        "    try:\n"
        "        make_forms(model, layout, rows, range(20), tools=tools)\n"
        "    except TrainingError as error:\n"
        "        print(error)\n"
    )
    assert told == [
        "the process that makes the ONNX form ended with exit code -9; -9 is the kernel's where memory is short"
    ]


def test_the_processes_end_with_the_job_however_that_ends(tmp_path: Path) -> None:
    code = (
        "tools = Beside().__enter__()\n"
        "print(tools._converter.process.pid, tools._runner.process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    with (tmp_path / "out").open("w") as out:
        done = subprocess.run([sys.executable, "-c", START + code], stdout=out, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL
    pids = [int(word) for word in (tmp_path / "out").read_text().split()]
    assert len(pids) == 2
    assert all(gone(pid) for pid in pids)


def gone(pid: int) -> bool:
    """Whether a process ends within a while."""
    import time

    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False
