"""The contract on AWS: the adapter that a real account gets, against the emulator."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from contract.adapter_contract import AdapterContract, Cloud
from contract.provider_calls import Engine
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from providers.codec import to_struct
from providers.contract import KINDS, Adapter, Ownership

KIT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(KIT / "tests" / "providers" / "aws"))

if any(importlib.util.find_spec(name) is None for name in ("boto3", "moto", "flask", "flask_cors")):
    pytest.skip("the emulator of AWS needs mooring[aws]", allow_module_level=True)

from running_emulator import RunningEmulator  # noqa: E402
from training_requests import make_role  # noqa: E402

from providers.aws import session  # noqa: E402

REGION, BUCKET = "eu-central-1", "proj-test-contract"
FAILING = """
import os, sys
print("token", os.environ.get("TOKEN"), flush=True)
raise ValueError("no such flower")
"""
SLOW = "import time\ntime.sleep(60)\n"
OF_A_STACK = (
    "Endpoint",
    "BatchPrediction",
    "ModelVersion",
    "TuningRun",
    "TrainingRun",
    "Dataset",
    "Model",
)
"""All kinds in the order in which a stack's things are deleted."""


def adapter(home: Path) -> Adapter:
    """The kinds of AWS, with `home` for what is done on this machine."""
    from providers.aws.batch import BatchKind
    from providers.aws.endpoints import EndpointKind
    from providers.aws.models import ModelKind
    from providers.aws.storage import DatasetKind
    from providers.aws.training import TrainingKind
    from providers.aws.tuning import TuningKind
    from providers.aws.versions import ModelVersionKind

    return Adapter(
        cloud="aws",
        dataset=DatasetKind(home),
        training_run=TrainingKind(home),
        tuning_run=TuningKind(home),
        model=ModelKind(home),
        model_version=ModelVersionKind(home),
        endpoint=EndpointKind(home),
        batch_prediction=BatchKind(home),
    )


class AwsChain:
    """Inputs of each kind; what they need of each other is made when it is first asked for."""

    def __init__(self, engine: Engine, role: str) -> None:
        self._engine, self._role = engine, role
        self._made: dict[str, dict[str, Any]] = {}

    def outputs(self, type_name: str) -> dict[str, Any]:
        """The outputs of the one resource of a kind that others build on."""
        if type_name not in self._made:
            self._made[type_name] = self._engine.create(type_name, self.inputs(type_name), name="base").outputs
            self._engine.cancel()
        return self._made[type_name]

    def inputs(self, type_name: str) -> dict[str, Any]:
        base: dict[str, Any] = {"cloud": "aws", "region": REGION, "name": "flowers", "container": BUCKET}
        if type_name == "Dataset":
            return {**base, "source": "iris.csv"}
        if type_name == "Model":
            return base
        if type_name == "ModelVersion":
            run = self.outputs("TrainingRun")
            return {**base, "model": "flowers", "artifact": run["artifact"], "digest": run["digest"]}
        base["identity"] = {"principal": self._role}
        if type_name in ("TrainingRun", "TuningRun"):
            return {**base, "model": "flowers", **self._run(), **(self._search() if type_name == "TuningRun" else {})}
        self.outputs("Model")
        digest = self.outputs("ModelVersion")["digest"]
        if type_name == "BatchPrediction":
            return {**base, "model": "flowers", "digest": digest, "input": {"uri": self.outputs("Dataset")["uri"]}}
        return {**base, "deployments": [{"name": "main", "model": "flowers", "digest": digest}]}

    def _run(self) -> dict[str, Any]:
        data = self.outputs("Dataset")
        return {
            "channels": {"train": {"uri": data["uri"], "version": data["version"]}},
            "hyperparameters": {"target": "species", "n_estimators": 3},
        }

    def _search(self) -> dict[str, Any]:
        return {
            "space": {"max_depth": {"type": "int", "low": 1, "high": 3}},
            "objective": {"metric": "accuracy"},
            "trials": 2,
        }


def script(root: Path, name: str, text: str) -> dict[str, Any]:
    """Inputs of a run of a script; the data it gets is the chain's."""
    folder = root / name
    folder.mkdir()
    (folder / "train.py").write_text(text)
    return {"name": name, "code": {"source": name, "entryPoint": "train.py"}, "hyperparameters": {}}


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder for the whole module."""
    folder = Path(tempfile.mkdtemp(prefix="moor-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def running() -> Iterator[RunningEmulator]:
    """An emulator, which whatever this module's process and its children ask of AWS goes to."""
    with RunningEmulator() as emulator, pytest.MonkeyPatch.context() as patch:
        patch.setenv(session.ENDPOINT, emulator.url)
        patch.setenv("AWS_REGION", REGION)
        yield emulator
        session.close()


@pytest.mark.slow
class TestAws(AdapterContract):
    """AWS has every kind."""

    @pytest.fixture(autouse=True)
    def _emulated(self, private_places: Path, running: RunningEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(session.ENDPOINT, running.url)  # `private_places` has just removed it

    @pytest.fixture(scope="class")
    @classmethod
    def cloud(cls, place: Path, running: RunningEmulator) -> Cloud:
        root = place / "project"
        root.mkdir()
        shutil.copy(KIT / "data" / "iris.csv", root / "iris.csv")
        s3 = running.client("s3", REGION)
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        tags = {"mooring:project": "proj", "mooring:stack": "test"}
        s3.put_bucket_tagging(
            Bucket=BUCKET, Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}
        )
        running.client("ecr", REGION).create_repository(repositoryName=BUCKET)
        role = make_role(running, "proj-test-contract", "*")
        failing, slow = script(root, "failing", FAILING), script(root, "slow", SLOW)
        found = adapter(place / "local")
        chain = AwsChain(Engine({"aws": found}, root), role)
        run = partial(chain.inputs, "TrainingRun")
        source = root / "iris.csv"
        return Cloud("aws", found, root, source, chain.inputs, lambda: run() | failing, lambda: run() | slow)

    def test_a_create_that_was_killed_is_taken_up_by_another_process(self, cloud: Cloud, place: Path) -> None:
        inputs = cloud.engine().check("TrainingRun", cloud.inputs("TrainingRun"), "killed").inputs
        urn = cloud.engine().urn("TrainingRun", "killed")
        environment = {**os.environ, "MOORING_HOME": str(place), "MOORING_PROJECT": str(cloud.root)}
        command = [sys.executable, "-m", "providers.plugin", "--attach"]
        process = subprocess.Popen(command, cwd=KIT, env=environment, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        port = int(process.stdout.readline())
        stub = provider_pb2_grpc.ResourceProviderStub(grpc.insecure_channel(f"127.0.0.1:{port}"))
        lost = stub.Create.future(provider_pb2.CreateRequest(urn=urn, properties=to_struct(inputs)))
        try:
            end = time.monotonic() + 60
            while not self.found(cloud, urn, "TrainingRun"):
                assert time.monotonic() < end
                assert not lost.done(), lost.exception()
                time.sleep(0.01)
        finally:
            process.kill()
            process.wait(timeout=10)
            process.stdout.close()
        assert lost.exception(timeout=10) is not None
        (begun,) = self.found(cloud, urn, "TrainingRun")
        engine = cloud.engine()
        held = engine.create("TrainingRun", cloud.inputs("TrainingRun"), name="killed")
        assert held.id == f"aws:{begun}"
        assert held.outputs["status"] == "succeeded"
        assert self.found(cloud, urn, "TrainingRun") == [begun]
        engine.cancel()
        engine.delete(held)

    def test_after_everything_is_deleted_nothing_is_left(self, cloud: Cloud, running: RunningEmulator) -> None:
        engine: Engine = cloud.engine()
        for type_name in OF_A_STACK:
            kind = self.required(cloud, type_name)
            for found in kind.find(Ownership("proj", "test", "", "")):
                kind.delete(found.id, engine.servicer._context(engine.urn(type_name, "x"), {}))
        for type_name in KINDS:
            assert self.required(cloud, type_name).find(Ownership("proj", "test", "", "")) == []
        sagemaker = running.client("sagemaker", REGION)
        assert sagemaker.list_training_jobs()["TrainingJobSummaries"] == []
        assert sagemaker.list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"] == []
        kept = running.client("s3", REGION).list_objects_v2(Bucket=BUCKET).get("Contents", [])
        below = {item["Key"].split("/")[3] for item in kept}
        assert below <= {"code", "kit"}, [item["Key"] for item in kept]
