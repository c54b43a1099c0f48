"""One script (examples/same-script), unchanged, under the four contracts: model, metrics, failure, checkpoints.

`run_script` starts it as the local cloud does; the last tests give the script what each platform itself would.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import pytest

KIT = Path(__file__).resolve().parents[2]
SOURCE = KIT / "examples" / "same-script" / "source"
IRIS = KIT / "data" / "iris.csv"
CONTRACTS = ("local", "sagemaker", "azureml", "vertex")
PLAIN = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": str(KIT)}


class Place:
    """One job's folders, as the local cloud makes them, and its script's process."""

    def __init__(self, folder: Path, checkpoints: Path) -> None:
        self.folder, self.model, self.checkpoints = folder, folder / "model", checkpoints
        folder.mkdir()

    def start(self, contract: str, hyperparameters: dict[str, object]) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "training.jobs.run_script", "--contract", contract]
        command += ["--source", str(SOURCE), "--entry", "train.py", "--metric", r"loss=loss=([0-9.]+);"]
        environment = {
            **PLAIN,
            "HOME": str(self.folder),
            "MOORING_CHANNEL_TRAIN": str(IRIS),
            "MOORING_MODEL_DIR": str(self.model),
            "MOORING_OUTPUT_DIR": str(self.folder / "output"),
            "MOORING_METRICS_FILE": str(self.folder / "metrics.json"),
            "MOORING_CHECKPOINT_DIR": str(self.checkpoints),
            "MOORING_JOB_ID": "job-7",
            "MOORING_HYPERPARAMETERS": json.dumps(hyperparameters),
        }
        return subprocess.Popen(
            command,
            env=environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def accuracy(self) -> float:
        """Of the model that was written, on all complete rows."""
        rows = [row for line in IRIS.read_text().splitlines()[1:] if all(row := line.split(","))]
        features = [[float(cell) for cell in row[:-1]] for row in rows]
        return float(joblib.load(self.model / "model.joblib").score(features, [row[-1] for row in rows]))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """Metrics of a run that nobody interrupts."""
    base = tmp_path_factory.mktemp("undisturbed")
    place = Place(base / "job", base / "checkpoints")
    out, errors = place.start("local", {"target": "species", "epochs": 6.0}).communicate(timeout=60)
    metrics = json.loads((place.folder / "metrics.json").read_text())
    assert metrics["accuracy"] > 0.8, out + errors
    return {**metrics, "of_all": place.accuracy()}


@pytest.mark.slow
@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_killed_script_goes_on_from_its_checkpoint_to_the_same_model(
    tmp_path: Path, contract: str, undisturbed: dict[str, float]
) -> None:
    number = signal.SIGKILL if contract in ("local", "vertex") else signal.SIGTERM
    first = Place(tmp_path / "first", tmp_path / "checkpoints")
    process = first.start(contract, {"target": "species", "epochs": 6, "pause": 30})
    wait_for(first.checkpoints / "checkpoint.joblib", process)
    script = children(process.pid)
    assert script, "the script runs as a process of its own"
    os.kill(process.pid, number)
    process.communicate(timeout=30)
    assert process.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 143)
    wait_gone(script)
    assert not list(first.folder.rglob("failure")), "a job that was stopped has not failed"
    assert not (first.folder / "metrics.json").exists()

    second = Place(tmp_path / "second", tmp_path / "checkpoints")
    process = second.start(contract, {"target": "species", "epochs": 6, "pause": 0})
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "going on after epoch 1" in out
    assert json.loads((second.folder / "metrics.json").read_text()) == {
        name: undisturbed[name] for name in ("accuracy", "loss")
    }
    assert second.accuracy() == undisturbed["of_all"]


@pytest.mark.slow
@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_script_that_fails_tells_its_reason_and_ends_with_its_code(tmp_path: Path, contract: str) -> None:
    place = Place(tmp_path / "job", tmp_path / "checkpoints")
    process = place.start(contract, {"target": "sort"})
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    reason = "ValueError: there is no column 'sort' in iris.csv; it has sepal_length"
    assert reason in errors.splitlines()[-1]
    assert 'train.py", line' in errors
    assert not (place.folder / "metrics.json").exists()
    assert not place.model.exists() or not list(place.model.iterdir())
    if contract == "sagemaker":
        failure = (place.folder / "platform" / "opt" / "ml" / "output" / "failure").read_text()
        assert failure.startswith("ExecuteUserScriptError:\nExitCode 1\n")
        assert reason in failure


@pytest.mark.slow
def test_under_azure_mls_own_command_and_vertex_ais_own_variables(tmp_path: Path) -> None:
    """As the platforms' back ends, or their emulators, start it: a command with references, a bucket's address."""
    data = tmp_path / "gcs" / "bucket" / "data"
    data.mkdir(parents=True)
    (data / "iris.csv").write_bytes(IRIS.read_bytes())
    arguments = "--target species --epochs 2"
    azure = {
        "command": f"python train.py --train ${{{{inputs.flowers}}}} --model_dir ${{{{outputs.model}}}} {arguments} "
        "&& test -d outputs && echo $AZUREML_RUN_ID $AZURE_ML_INPUT_flowers > outputs/seen.txt",
        "code": str(copy(SOURCE, tmp_path / "wd")),
        "inputs": {"flowers": str(data)},
        "outputs": {"model": str(tmp_path / "azure")},
        "name": "run-1",
    }
    vertex = {
        "code": str(copy(SOURCE, tmp_path / "code")),
        "mount": str(tmp_path / "gcs"),
        "command": [sys.executable, "train.py"],
        "args": ["--train", str(data / "iris.csv"), *arguments.split()],
        "base_output": str(tmp_path / "gcs" / "bucket" / "out"),
        "trial": "3",
        "metric_file": str(tmp_path / "hypertune"),
    }
    for contract, job in (("azureml", azure), ("vertex", vertex)):
        file = tmp_path / f"{contract}.json"
        file.write_text(json.dumps(job))
        done = subprocess.run(
            [sys.executable, "-m", "training.jobs.run_script", "--contract", contract, "--job", str(file)],
            env=PLAIN | {"PATH": f"{Path(sys.executable).parent}:{os.defpath}"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "azure" / "model.joblib").is_file()
    assert (tmp_path / "wd" / "outputs" / "seen.txt").read_text().split() == ["run-1", str(data)]
    assert (tmp_path / "gcs" / "bucket" / "out" / "3" / "model" / "model.joblib").is_file()


def copy(source: Path, target: Path) -> Path:
    target.mkdir()
    (target / "train.py").write_bytes((source / "train.py").read_bytes())
    return target


def wait_for(path: Path, process: subprocess.Popen[str], timeout: float = 60) -> None:
    deadline = time.monotonic() + timeout
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the script wrote no checkpoint"
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_gone(pids: list[int], timeout: float = 20) -> None:
    deadline = time.monotonic() + timeout
    while any(Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids):
        assert time.monotonic() < deadline, "the script outlived its runner"
        time.sleep(0.02)
