"""Parts of running a user's script: a process, its code, its metrics, the platforms' forms."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from training_support import KIT

from training.errors import TrainingError
from training.jobs.scripts import sagemaker_code as code
from training.jobs.scripts.azureml_run import AzureJob, command_of
from training.jobs.scripts.metrics import LogMetrics, read_file
from training.jobs.scripts.mlflow_server import MLflowServer
from training.jobs.scripts.process import Command, Ended, exit_code, run
from training.jobs.scripts.script import bring, link_channel, search_path, visible_environment
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
            ("webhooks/create", {"name": "m"}, 501),
        ):
            with pytest.raises(urllib.error.HTTPError) as refused:
                call(server, path, body)
            assert refused.value.code == status
    finally:
        server.stop()


def test_a_model_of_mlflow_3_lands_in_the_outputs_by_its_name_and_may_be_registered(tmp_path: Path) -> None:
    server = MLflowServer("run-1", tmp_path)

    def ask(method: str, path: str, body: dict[str, Any]) -> Any:
        status, reply = server.answer(path, body, method)
        assert status == 200, reply
        return reply

    made = ask("POST", "logged-models", {"experiment_id": "0", "name": "clf", "source_run_id": "run-1"})["model"][
        "info"
    ]
    assert made["artifact_uri"] == (tmp_path / "clf").as_uri()
    assert server.models.last() is None  # not whole yet
    ask("PATCH", f"logged-models/{made['model_id']}", {"status": "LOGGED_MODEL_READY"})
    assert server.models.last() == tmp_path / "clf"
    again = ask("POST", "logged-models", {"name": "clf"})["model"]["info"]
    assert again["artifact_uri"] == (tmp_path / "clf-2").as_uri()
    ask("POST", "runs/outputs", {"run_id": "run-1", "models": [{"model_id": made["model_id"]}]})
    ask("POST", "runs/log-inputs", {"run_id": "run-1", "datasets": []})
    ask("POST", "registered-models/create", {"name": "best"})
    version = ask("POST", "model-versions/create", {"name": "best", "source": made["artifact_uri"]})["model_version"]
    assert (version["version"], version["status"]) == ("1", "READY")
    assert server.answer("logged-models/m-9", {}, "GET")[0] == 404


def test_a_run_inside_the_run_keeps_its_metrics_to_itself(tmp_path: Path) -> None:
    server = MLflowServer("run-1", tmp_path)
    nested = {"tags": [{"key": "mlflow.parentRunId", "value": "run-1"}], "run_name": "try"}
    inner = server.answer("runs/create", nested)[1]["run"]["info"]
    server.answer("runs/log-metric", {"run_id": inner["run_id"], "key": "acc", "value": 0.1})
    server.answer("runs/log-metric", {"run_id": "run-1", "key": "acc", "value": 0.9})
    assert (inner["run_name"], server.metrics()) == ("try", {"acc": 0.9})
    assert server.answer("runs/get", {"run_id": inner["run_id"]})[1]["run"]["data"]["metrics"][0]["value"] == 0.1
    assert len(server.answer("runs/search", {})[1]["runs"]) == 2


def test_a_script_sees_nothing_of_moorings() -> None:
    seen = visible_environment({"PATH": "/bin", "PYTHONPATH": "/kit", "MOORING_MODEL_DIR": "/m", "COLOUR": "red"})
    assert seen == {"PATH": "/bin", "COLOUR": "red"}
    assert str(KIT) not in search_path(Path("/code")).split(":")
    assert search_path(Path("/code"), None).startswith("/code:")


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
