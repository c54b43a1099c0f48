"""Running a user's script: signals and output, where its code comes from, metrics out of its log, bad input."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest
from training_support import KIT

from training.errors import TrainingError
from training.jobs import run_script
from training.jobs.job import Job
from training.jobs.scripts import mounts
from training.jobs.scripts import sagemaker_code as code
from training.jobs.scripts.azureml_run import AzureJob, command_of
from training.jobs.scripts.metrics import LogMetrics, read_file
from training.jobs.scripts.mlflow_server import MLflowServer
from training.jobs.scripts.process import Command, Ended, exit_code, run
from training.jobs.scripts.sagemaker_run import SageMakerSession
from training.jobs.scripts.script import Script, bring, link_channel, search_path, visible_environment
from training.jobs.scripts.vertex_run import VertexJob, tuned


def python(program: str, folder: Path) -> Command:
    return Command((sys.executable, "-c", program), folder, {"PATH": os.defpath})


def test_output_is_passed_on_and_seen_line_by_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []
    program = "import sys; print('one'); print('two', end=''); print('three', file=sys.stderr)"
    ended = run(python(program, tmp_path), seen.append)
    assert (ended.code, ended.stopped, sorted(seen)) == (0, False, ["one", "three", "two"])
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("one\ntwo", "three\n")


def test_a_process_that_leaves_one_behind_with_its_pipe_is_not_waited_for(tmp_path: Path) -> None:
    left = "import os, pathlib, time; time.sleep(30)"
    program = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {left!r}]).pid)"
    seen: list[str] = []
    assert run(python(program, tmp_path), seen.append).code == 0
    os.kill(int(seen[0]), 9)  # it still holds the pipe: nobody waited for its end


@pytest.mark.parametrize(
    ("program", "code", "reason"),
    [
        ("raise KeyError('y')", 1, "KeyError: 'y'"),
        ("import sys; sys.exit('no data')", 1, "no data"),
        ("import sys; sys.exit(4)", 4, "the script ended with exit code 4 and wrote no error"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9, "killed by SIGKILL: out of memory?"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", -11, "killed by SIGSEGV"),
    ],
)
def test_the_reason_of_a_failure_is_the_scripts_own(tmp_path: Path, program: str, code: int, reason: str) -> None:
    ended = run(python(program, tmp_path))
    assert ended.code == code
    assert reason in ended.reason


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


@pytest.mark.parametrize("name", ["../x.py", "/etc/passwd", "-m", "a b.py", "x;y.sh", "a/./b.py", "a//b.py", ""])
def test_an_entry_point_outside_of_the_code_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(TrainingError, match="entry point"):
        code.command(tmp_path, name, [])


def test_a_link_that_leads_out_of_the_code_is_refused(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "secret.py").write_text("")
    (tmp_path / "code" / "train.py").symlink_to(tmp_path / "secret.py")
    with pytest.raises(TrainingError, match="leads out of the code"):
        code.command(tmp_path / "code", "train.py", [])


def test_an_archive_that_would_write_elsewhere_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "code.tar.gz", "w:gz") as tar:
        entry = tarfile.TarInfo("../escaped.py")
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b"x"))
    with pytest.raises(TrainingError, match="cannot be unpacked"):
        code.fetch(str(tmp_path / "code.tar.gz"), tmp_path / "code", {})
    assert not (tmp_path / "escaped.py").exists()
    with pytest.raises(TrainingError, match="does not exist"):
        code.fetch(str(tmp_path / "absent"), tmp_path / "code", {})


def test_metrics_are_the_last_finite_ones_of_the_log() -> None:
    log = LogMetrics({"loss": r"loss: (\S+)", "accuracy": r"acc=([\d.]+)%?"})
    for line in ("loss: 0.5 acc=10", "loss: 0.25", "loss: nan", "loss: high", "[metric] f1=0.75;", "[metric] loss=9;"):
        log.line(line)
    assert log.found == {"loss": 0.25, "accuracy": 10.0, "f1": 0.75}


@pytest.mark.parametrize("content", ["[1]", '{"accuracy": "high"}', "{", "3"])
def test_a_metrics_file_that_is_none_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(TrainingError, match="one JSON object of name to number"):
        read_file(tmp_path / "absent", tmp_path)


def test_azures_references_are_resolved_and_unknown_ones_told(tmp_path: Path) -> None:
    command = "python train.py --train ${{inputs.flowers}} --lr ${{ search_space.lr }} --out ${{outputs.model}}"
    job = AzureJob(command, tmp_path, {"flowers": "/mnt/f"}, {"model": "/mnt/m"}, {"lr": "0.1"})
    assert job.resolved() == "python train.py --train /mnt/f --lr 0.1 --out /mnt/m"
    with pytest.raises(TrainingError, match=r"inputs\.flower, which there is not \(did you mean 'flowers'\?\)"):
        AzureJob("x ${{inputs.flower}}", tmp_path, {"flowers": "/mnt/f"}).resolved()
    assert command_of("run it.sh", ["train"], ["model_dir"], ["--a", "b c"]) == (
        "bash 'run it.sh' --train ${{inputs.train}} --model_dir ${{outputs.model_dir}} --a 'b c'"
    )


def test_vertex_ais_variables_name_the_outputs_and_the_machines(tmp_path: Path) -> None:
    job = VertexJob(tmp_path, tmp_path, base_output="gs://b/out", name="7", trial="2",
                    pools={"workerpool0": 1, "workerpool1": 2}, pool="workerpool1", index=1)  # fmt: skip
    variables = job.variables()
    assert variables["AIP_MODEL_DIR"] == "gs://b/out/2/model/"
    cluster = json.loads(variables["CLUSTER_SPEC"])
    assert cluster["task"] == {"type": "workerpool1", "index": 1, "trial": "2"}
    assert [len(hosts) for hosts in cluster["cluster"].values()] == [1, 2]
    assert json.loads(variables["TF_CONFIG"])["task"] == {"type": "worker", "index": 1}
    assert "TF_CONFIG" not in VertexJob(tmp_path, tmp_path).variables()
    assert "AIP_MODEL_DIR" not in VertexJob(tmp_path, tmp_path).variables()
    (tmp_path / "output.metrics").write_text('{"accuracy": "0.5", "trial": "0"}\n{"accuracy": "0.75", "trial": "0"}\n')
    assert tuned(tmp_path / "output.metrics") == {"accuracy": 0.75}


def call(server: MLflowServer, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(f"{server.address}/api/2.0/mlflow/{path}", data, timeout=10) as reply:
        found: dict[str, Any] = json.loads(reply.read())
        return found


def test_the_tracking_server_keeps_the_last_value_and_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    server = MLflowServer("run-1", tmp_path)
    server.start()
    try:
        for step, value in ((0, 0.1), (2, 0.3), (1, 0.2)):
            call(server, "runs/log-metric", {"run_id": "run-1", "key": "acc", "value": value, "step": step})
        batch = {"metrics": [{"key": "loss", "value": 2}], "params": [{"key": "lr", "value": "0.1"}]}
        call(server, "runs/log-batch", {"run_id": "run-1", **batch})
        assert server.metrics() == {"acc": 0.3, "loss": 2.0}
        run = call(server, "runs/get?run_id=run-1")["run"]
        assert (run["info"]["run_id"], run["info"]["artifact_uri"]) == ("run-1", tmp_path.as_uri())
        assert {"key": "lr", "value": "0.1"} in run["data"]["params"]
        for path, body, status in (
            ("runs/get?run_id=other", None, 404),
            ("registered-models/create", {"name": "m"}, 501),
        ):
            with pytest.raises(urllib.error.HTTPError) as refused:
                call(server, path, body)
            assert refused.value.code == status
    finally:
        server.stop()


def test_a_script_sees_nothing_of_moorings() -> None:
    seen = visible_environment({"PATH": "/bin", "PYTHONPATH": "/kit", "MOORING_MODEL_DIR": "/m", "COLOUR": "red"})
    assert seen == {"PATH": "/bin", "COLOUR": "red"}
    assert str(KIT) not in search_path(Path("/code")).split(":")
    assert search_path(Path("/code"), None).startswith("/code:")


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


def test_channels_are_folders_and_results_are_moved(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a")
    link_channel(tmp_path / "a.csv", tmp_path / "ml" / "train")
    link_channel(tmp_path / "ml" / "train", tmp_path / "ml" / "again")
    assert (tmp_path / "ml" / "again" / "a.csv").read_text() == "a"
    (tmp_path / "written" / "deep").mkdir(parents=True)
    (tmp_path / "written" / "model.onnx").write_text("new")
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "deep").write_text("kept")
    bring(tmp_path / "written", tmp_path / "target")
    assert sorted(path.name for path in (tmp_path / "target").iterdir()) == ["deep", "model.onnx"]
    assert (tmp_path / "target" / "deep").read_text() == "kept"
    assert exit_code(Ended(-9, False, "")) == 137
