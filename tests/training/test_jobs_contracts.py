"""Each platform's environment read into one neutral job, and how the platform is told of metrics and failures."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from training.errors import TrainingError
from training.jobs import azureml, mlflow_metrics, sagemaker, vertex
from training.jobs.contracts import contract_of, current_job
from training.jobs.job import Job, single_file
from training.jobs.local import local_job, variables, with_all_folders
from training.jobs.resources import Resources, gpu_count


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({}, "local"),
        ({"MOORING_MODEL_DIR": "m"}, "local"),
        ({"SAGEMAKER_BASE_DIR": "/x"}, "sagemaker"),
        ({"TRAINING_JOB_NAME": "j"}, "sagemaker"),
        ({"AZUREML_RUN_ID": "r"}, "azureml"),
        ({"CLOUD_ML_JOB_ID": "1"}, "vertex"),
        ({"AIP_MODEL_DIR": "gs://b/m"}, "vertex"),
        ({"AZUREML_RUN_ID": "r", "MOORING_MODEL_DIR": "m"}, "local"),
        ({"AZUREML_RUN_ID": "r", "MOORING_CONTRACT": "vertex"}, "vertex"),
    ],
)
def test_the_environment_tells_the_contract_and_a_variable_decides_it(environment: dict[str, str], name: str) -> None:
    assert contract_of(environment).name == name


def test_an_unknown_contract_is_told_with_the_near_one() -> None:
    with pytest.raises(TrainingError, match="did you mean 'sagemaker'"):
        contract_of({"MOORING_CONTRACT": "sagemakr"})


def opt_ml(base: Path, **hyperparameters: str) -> dict[str, str]:
    """A SageMaker tree of two machines and two channels."""
    files = {
        "hyperparameters": hyperparameters,
        "inputdataconfig": {"train": {"TrainingInputMode": "File"}, "my-data": {}},
        "resourceconfig": {"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]},
    }
    (base / "input" / "config").mkdir(parents=True)
    for name, content in files.items():
        (base / "input" / "config" / f"{name}.json").write_text(json.dumps(content))
    return {"SAGEMAKER_BASE_DIR": str(base), "TRAINING_JOB_NAME": "job-1", "SM_NUM_GPUS": "4"}


def test_a_sagemaker_job_is_read_from_its_files(tmp_path: Path) -> None:
    given = {
        "target": '"species"', "seed": "7", "max-depth": '"3"', "plain": "text", "empty": '""', "on": "true",
        "preprocessing": '{"defaults": {"number": {"scale": "none"}}}', "sagemaker_program": '"x.py"',
        "_tuning_objective_metric": '"accuracy"',
    }  # fmt: skip
    environment = opt_ml(tmp_path, **given)
    job = sagemaker.sagemaker_job(["--seed", "8"], environment)
    assert job.hyperparameters == {
        "target": "species", "seed": "8", "max_depth": "3", "plain": "text", "empty": "", "on": "true",
        "preprocessing": '{"defaults": {"number": {"scale": "none"}}}',
    }  # fmt: skip
    assert job.channels == {name: tmp_path / "input" / "data" / name for name in ("train", "my-data")}
    assert (job.model_dir, job.output_dir) == (tmp_path / "model", tmp_path / "output" / "data")
    assert (job.run, job.resources.gpus, job.resources.rank, job.checkpoint_dir) == ("job-1", 4, 1, None)
    (tmp_path / "checkpoints").mkdir()
    assert sagemaker.sagemaker_job([], environment).checkpoint_dir == tmp_path / "checkpoints"


def test_sagemaker_is_told_by_lines_of_the_log_and_the_failure_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import re

    job = sagemaker.sagemaker_job([], opt_ml(tmp_path))
    job.write_metrics({"accuracy": 0.975, "rmse": 1e-9})
    lines = capsys.readouterr().out
    found = {name: re.search(sagemaker.metric_regex(name), lines) for name in ("accuracy", "rmse")}
    assert {name: float(match[1]) for name, match in found.items() if match} == {"accuracy": 0.975, "rmse": 1e-9}
    assert json.loads((tmp_path / "output" / "data" / "metrics.json").read_text()) == {"accuracy": 0.975, "rmse": 1e-9}
    job.reporter.failure("first " + "x" * 2000)
    job.reporter.failure("second")
    failure = (tmp_path / "output" / "failure").read_text()
    assert failure.startswith("first x")
    assert len(failure) == 1024


def test_a_configuration_that_is_no_json_is_named(tmp_path: Path) -> None:
    environment = opt_ml(tmp_path)
    (tmp_path / "input" / "config" / "hyperparameters.json").write_text("{")
    with pytest.raises(TrainingError, match=r"hyperparameters\.json: not JSON"):
        current_job([], environment)


def test_an_azure_job_is_read_from_arguments_and_stands_in_variables() -> None:
    environment = {
        "AZUREML_RUN_ID": "run-1", "AZUREML_NODE_COUNT": "2", "NODE_RANK": "1",
        "AZURE_ML_INPUT_validation": "/mnt/v", "AZURE_ML_OUTPUT_model": "/mnt/out",
    }  # fmt: skip
    job = azureml.azureml_job(["--train", "/mnt/t", "--channel_other-data", "/mnt/o", "--target=y"], environment)
    assert job.channels == {"train": Path("/mnt/t"), "other_data": Path("/mnt/o"), "validation": Path("/mnt/v")}
    assert (job.model_dir, job.output_dir, job.checkpoint_dir) == (Path("/mnt/out"), Path("outputs"), None)
    assert (job.run, job.resources.rank, job.hyperparameters) == ("run-1", 1, {"target": "y"})
    folders = ["--model-dir", "/m", "--output_dir", "/o", "--checkpoint_dir", "/c"]
    told = azureml.azureml_job(folders, environment)
    assert (told.model_dir, told.output_dir, told.checkpoint_dir) == (Path("/m"), Path("/o"), Path("/c"))
    assert told.metrics_file == Path("/o/metrics.json")


def test_a_vertex_job_maps_buckets_to_their_mount(tmp_path: Path) -> None:
    spec = {"cluster": {"workerpool0": ["a:1"], "workerpool1": ["b:1", "c:1"]},
            "task": {"type": "workerpool1", "index": 1}}  # fmt: skip
    environment = {
        "AIP_MODEL_DIR": "gs://bucket/out/model/", "AIP_CHECKPOINT_DIR": "gs://bucket/out/checkpoints/",
        "AIP_VALIDATION_DATA_URI": "gs://bucket/v.csv", "CLOUD_ML_JOB_ID": "42", "CLUSTER_SPEC": json.dumps(spec),
    }  # fmt: skip
    job = vertex.vertex_job(["--train=/gcs/bucket/t.csv", "--target", "y"], environment)
    assert job.channels == {"train": Path("/gcs/bucket/t.csv"), "validation": Path("/gcs/bucket/v.csv")}
    assert (job.model_dir, job.checkpoint_dir) == (Path("/gcs/bucket/out/model"), Path("/gcs/bucket/out/checkpoints"))
    assert (job.output_dir, job.run) == (Path("/gcs/bucket/out/output"), "42")
    assert (job.resources.hosts, job.resources.rank) == (("a:1", "b:1", "c:1"), 2)
    moved = vertex.vertex_job(["--train=/gcs/bucket/t.csv"], environment | {"MOORING_GCS_MOUNT": str(tmp_path)})
    assert (moved.channels["train"], moved.model_dir) == (tmp_path / "bucket/t.csv", tmp_path / "bucket/out/model")


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"CLOUD_ML_JOB_ID": "1"}, "AIP_MODEL_DIR is not set"),
        ({"AIP_MODEL_DIR": "gs://b/m", "CLUSTER_SPEC": '{"cluster": {}}'}, "CLUSTER_SPEC is not what Vertex AI writes"),
    ],
)
def test_a_vertex_environment_that_says_too_little_is_told(environment: dict[str, str], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        vertex.vertex_job([], environment)


def test_vertex_is_told_of_metrics_as_by_cloudml_hypertune(tmp_path: Path) -> None:
    file = tmp_path / "hypertune" / "output.metrics"
    environment = {"AIP_MODEL_DIR": str(tmp_path / "out" / "model"), "CLOUD_ML_TRIAL_ID": "3"}
    job = vertex.vertex_job([], environment | {"CLOUD_ML_HP_METRIC_FILE": str(file)})
    job.write_metrics({"accuracy": 0.5})
    (entry,) = map(json.loads, file.read_text().splitlines())
    assert {**entry, "timestamp": 0} == {
        "timestamp": 0, "trial": "3", "accuracy": "0.5", "global_step": "0", "checkpoint_path": "",
    }  # fmt: skip
    assert json.loads((tmp_path / "out" / "output" / "metrics.json").read_text()) == {"accuracy": 0.5}


class Tracking(HTTPServer):
    """A tracking server that refuses as often as it is told to, and keeps what it gets."""

    def __init__(self, refusals: list[int]) -> None:
        self.refusals, self.got = refusals, []  # type: ignore[var-annotated]
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.got.append((self.path, self.headers.get("Authorization"), body))
                self.send_response(server.refusals.pop(0) if server.refusals else 200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def environment(self) -> dict[str, str]:
        return {
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{self.server_address[1]}/mlflow/v1.0/",
            "MLFLOW_RUN_ID": "run-1",
            "MLFLOW_TRACKING_TOKEN": "secret",
        }


@pytest.fixture
def without_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mlflow", None)


@pytest.mark.usefixtures("without_mlflow")
def test_azure_is_told_of_metrics_through_mlflows_api_where_the_package_is_absent() -> None:
    with Tracking([503]) as server:
        mlflow_metrics.log({"accuracy": 0.5, "undefined": float("nan")}, server.environment())
        server.shutdown()
    assert len(server.got) == 2, "a server that is busy is asked again"
    path, token, body = server.got[1]
    assert (path, token, body["run_id"]) == ("/mlflow/v1.0/api/2.0/mlflow/runs/log-batch", "Bearer secret", "run-1")
    assert [(metric["key"], metric["value"]) for metric in body["metrics"]] == [("accuracy", 0.5)]


@pytest.mark.usefixtures("without_mlflow")
def test_metrics_that_mlflow_does_not_take_are_a_warning_and_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Tracking([403]) as server:
        environment = {"AZUREML_RUN_ID": "r", **server.environment()}
        job = azureml.azureml_job(["--output_dir", str(tmp_path)], environment)
        job.write_metrics({"accuracy": 0.5})
        server.shutdown()
    assert "warning: metrics were not sent to MLflow: HTTP 403" in capsys.readouterr().err
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"accuracy": 0.5}
    with pytest.raises(mlflow_metrics.Unreported, match="needs the packages mlflow and azureml-mlflow"):
        mlflow_metrics.log({"a": 1.0}, {"MLFLOW_TRACKING_URI": "azureml://x", "MLFLOW_RUN_ID": "r"})


def test_any_job_can_be_handed_on_under_the_local_contract(tmp_path: Path) -> None:
    job = with_all_folders(sagemaker.sagemaker_job(["--target", "y"], opt_ml(tmp_path)))
    passed_on = local_job(["--target", "y"], variables(job))
    for name in ("model_dir", "output_dir", "metrics_file", "checkpoint_dir", "run"):
        assert getattr(passed_on, name) == getattr(job, name)
    assert passed_on.channels == {name.replace("-", "_"): path for name, path in job.channels.items()}
    assert contract_of({"SAGEMAKER_BASE_DIR": "/x", **variables(job)}).name == "local"


def test_the_training_channel_is_its_one_file_or_the_folder(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / ".hidden").write_text("")
    with pytest.raises(TrainingError, match="empty folder"):
        single_file(tmp_path)
    (tmp_path / "part" / "a.csv").write_text("a\n1\n")
    assert single_file(tmp_path) == tmp_path / "part" / "a.csv"
    (tmp_path / "b.csv").write_text("a\n1\n")
    assert single_file(tmp_path) == tmp_path
    assert Job({"training": tmp_path, "test": tmp_path}, tmp_path).train == tmp_path
    with pytest.raises(TrainingError, match=r"no channel 'train'.*\(its channels: a, b\)"):
        Job({"a": tmp_path, "b": tmp_path}, tmp_path).train  # noqa: B018


def test_resources_are_counted_from_the_machine(tmp_path: Path) -> None:
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert gpu_count(tmp_path) == 2
    assert (Resources().rank, Resources().cpus > 0) == (0, True)
