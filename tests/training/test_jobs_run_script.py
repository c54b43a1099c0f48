"""`python -m training.jobs.run_script` as a whole: signals, `/opt/ml`, requirements, bad input."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from training_support import KIT

from training.jobs import run_script
from training.jobs.job import Job
from training.jobs.scripts import mounts
from training.jobs.scripts.sagemaker_run import SageMakerSession
from training.jobs.scripts.script import Script


def test_a_stopped_runner_hands_the_signal_on_and_waits(tmp_path: Path) -> None:
    script = (
        "import pathlib, signal, sys, time\n"
        "def stop(number, frame):\n    pathlib.Path('saved').write_text('yes')\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\npathlib.Path('ready').touch()\ntime.sleep(60)\n"
    )
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text(script)
    environment = {"MOORING_CHANNEL_TRAIN": str(tmp_path), "MOORING_MODEL_DIR": str(tmp_path / "model")}
    process = start(tmp_path, environment, "--contract", "vertex", "--source", "code", "--entry", "train.py")
    ready = tmp_path / "platform" / "code" / "ready"
    deadline = time.monotonic() + 30
    while not ready.exists():
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 143
    assert (ready.parent / "saved").read_text() == "yes"


def start(folder: Path, environment: dict[str, str], *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "training.jobs.run_script", *words],
        env={"PATH": os.defpath, "PYTHONPATH": str(KIT), **environment},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--contract", "sagmaker", "--entry", "x.py"], "there is no 'sagmaker' (did you mean 'sagemaker'?)"),
        (["--contract", "vertex"], "--entry is missing"),
        (["--contract", "vertex", "--entry", "x.py", "--metric", "loss"], "--metric: 'loss' is not NAME=REGEX"),
        (["--contract", "vertex", "--entry", "x.py", "--metric", "loss=loss"], "has no group that holds the value"),
        (["--contract", "vertex", "--entry", "x.py", "--metric", "loss=(("], "is no regular expression"),
        (["--contract", "sagemaker", "--entry", "../x.py"], "no plain path inside the code"),
        (["--contract", "vertex", "--job", "empty.json"], "empty.json: 'code' is missing"),
        (["--contract", "azureml", "--job", "job.json"], "there is no field 'comand' (did you mean 'command'"),
    ],
)
def test_what_cannot_be_run_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOORING_CHANNEL_TRAIN", str(tmp_path))
    monkeypatch.setenv("MOORING_MODEL_DIR", str(tmp_path / "model"))
    (tmp_path / "empty.json").write_text("{}")
    (tmp_path / "job.json").write_text('{"comand": "x"}')
    (tmp_path / "code").mkdir()
    assert run_script.main([*words, "--source", "code"]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("the script could not be run: ")
    assert message in line


HARD_CODED = """
import json, os
assert os.getcwd() == "/opt/ml/code" == os.path.dirname(os.path.abspath(__file__))
given = json.load(open("/opt/ml/input/config/hyperparameters.json"))
rows = open("/opt/ml/input/data/train/a.csv").read().split()
open("/opt/ml/checkpoints/seen", "w").write(given["depth"])
open("/opt/ml/model/model.txt", "w").write(" ".join(rows))
"""


def test_a_script_may_name_opt_ml_in_its_text(tmp_path: Path) -> None:
    if not mounts.available("/opt/ml"):
        pytest.skip("this system lets nobody make a mount namespace")
    before = sorted(os.listdir("/opt"))
    done = sagemaker_job(tmp_path, HARD_CODED)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model" / "model.txt").read_text() == "x 1 2"
    assert (tmp_path / "checkpoints" / "seen").read_text() == "3"
    assert sorted(os.listdir("/opt")) == before, "nobody else sees it"


def test_an_entry_point_of_the_container_itself_runs_with_opt_ml_and_its_own_code(tmp_path: Path) -> None:
    base = tmp_path / "ml"
    base.mkdir()
    shown = mounts.available("/opt/ml")
    program = "test -e /opt/ml/here && exit 5" if shown else 'test -e "$SAGEMAKER_BASE_DIR/here" && exit 5'
    (base / "here").touch()
    process = start(tmp_path, {"SAGEMAKER_BASE_DIR": str(base)}, "--contract", "sagemaker", "--opt-ml", "--",
                    "/bin/sh", "-c", program)  # fmt: skip
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 5, errors
    assert not (base / "output").exists(), "what the job leaves is its own affair"


@pytest.mark.slow
def test_requirements_are_installed_for_the_job_and_nobody_else(tmp_path: Path) -> None:
    """By this Python's own pip, by the one that comes with it, or by uv; from a file, without a network."""
    source = tmp_path / "code"
    source.mkdir()
    script = "import os, probe_helper\nopen(os.environ['SM_MODEL_DIR'] + '/model.txt', 'w').write(probe_helper.value)\n"
    (source / "train.py").write_text(script)
    (source / "requirements.txt").write_text("./probe_helper-1.0-py3-none-any.whl\n")
    info = "probe_helper-1.0.dist-info"
    with zipfile.ZipFile(source / "probe_helper-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("probe_helper.py", "value = 'helped'\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: probe-helper\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    environment = {"MOORING_CHANNEL_TRAIN": str(source), "MOORING_MODEL_DIR": str(tmp_path / "model"),
                   "HOME": str(tmp_path), "PIP_NO_INDEX": "1", "UV_OFFLINE": "1",
                   "PATH": f"{Path(sys.executable).parent}:{os.defpath}"}  # fmt: skip
    words = ("--contract", "sagemaker", "--source", "code", "--entry", "train.py", "--packages", "packages")
    _, errors = (process := start(tmp_path, environment, *words)).communicate(timeout=120)
    assert process.returncode == 0, errors
    assert (tmp_path / "model" / "model.txt").read_text() == "helped"
    assert importlib.util.find_spec("probe_helper") is None
    (source / "requirements.txt").write_text("no-such-package-at-all==1.0\n")
    (tmp_path / "again").mkdir()
    environment["MOORING_MODEL_DIR"] = str(tmp_path / "again" / "model")
    _, errors = (process := start(tmp_path, environment, *words)).communicate(timeout=120)
    assert process.returncode == 1
    assert "pip install -r requirements.txt" in errors.strip().splitlines()[-1]


def test_without_mounts_the_base_folder_is_named_by_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounts, "available", lambda target: False)
    (tmp_path / "train.py").write_text("")
    job = Job({"train": tmp_path / "train.py"}, tmp_path / "model")
    session = SageMakerSession(Script(tmp_path, "train.py", job, tmp_path / "work"), {})
    command = session.prepare()
    base = tmp_path / "work" / "opt" / "ml"
    assert command.shown is None
    assert command.cwd == base / "code"
    assert command.environment["SAGEMAKER_BASE_DIR"] == str(base)
    assert command.environment["SM_MODEL_DIR"] == str(base / "model")


def sagemaker_job(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script under SageMaker's contract as the local cloud does."""
    (folder / "code").mkdir()
    (folder / "code" / "train.py").write_text(script)
    (folder / "a.csv").write_text("x\n1\n2\n")
    environment = {
        "MOORING_CHANNEL_TRAIN": str(folder / "a.csv"),
        "MOORING_MODEL_DIR": str(folder / "model"),
        "MOORING_CHECKPOINT_DIR": str(folder / "checkpoints"),
        "MOORING_HYPERPARAMETERS": '{"depth": 3.0}',
    }
    process = start(folder, environment, "--contract", "sagemaker", "--source", "code", "--entry", "train.py")
    out, errors = process.communicate(timeout=60)
    return subprocess.CompletedProcess([], process.returncode, out, errors)
