"""The contract on this machine."""

from __future__ import annotations

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
import psutil
import pytest
from contract.adapter_contract import AdapterContract, Cloud
from contract.provider_calls import Engine
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from providers.codec import to_struct
from providers.contract import KINDS, Ownership
from providers.local import create

KIT = Path(__file__).resolve().parents[2]

FAILING = """
import os, sys
print("token", os.environ.get("TOKEN"), flush=True)
raise ValueError("no such flower")
"""

SLOW = "import time\ntime.sleep(60)\n"


class LocalChain:
    """Inputs of each kind; what they need of each other is made when it is first asked for."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._made: dict[str, dict[str, Any]] = {}

    def outputs(self, type_name: str) -> dict[str, Any]:
        """The outputs of the one resource of a kind that others build on."""
        if type_name not in self._made:
            self._made[type_name] = self._engine.create(type_name, self.inputs(type_name), name="base").outputs
            self._engine.cancel()
        return self._made[type_name]

    def inputs(self, type_name: str) -> dict[str, Any]:
        base: dict[str, Any] = {"cloud": "local", "name": "flowers"}
        if type_name == "Dataset":
            return {**base, "source": "iris.csv"}
        if type_name == "Model":
            return base
        base["model"] = "flowers"
        if type_name in ("TrainingRun", "TuningRun"):
            return {**base, **self._run(), **(self._search() if type_name == "TuningRun" else {})}
        if type_name == "ModelVersion":
            run = self.outputs("TrainingRun")
            return {**base, "artifact": run["artifact"], "digest": run["digest"]}
        self.outputs("Model")
        digest = self.outputs("ModelVersion")["digest"]
        if type_name == "BatchPrediction":
            return {**base, "digest": digest, "input": {"uri": self.outputs("Dataset")["uri"]}}
        return {
            "cloud": "local",
            "name": "flowers",
            "deployments": [{"name": "main", "model": "flowers", "digest": digest}],
        }

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
def home() -> Iterator[Path]:
    """A home for the whole module; what still runs in it at the end is stopped by its own pid."""
    folder = Path(tempfile.mkdtemp(prefix="moor-"))
    yield folder
    for process in psutil.process_iter(["cmdline", "environ"]):
        told = [*(process.info["cmdline"] or ()), *(process.info["environ"] or {}).values()]
        if process.pid != os.getpid() and any(str(folder) in part for part in told):
            process.kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
class TestLocal(AdapterContract):
    """Local has every kind."""

    @pytest.fixture(scope="class")
    @classmethod
    def cloud(cls, home: Path) -> Cloud:
        root = home / "project"
        root.mkdir()
        shutil.copy(KIT / "data" / "iris.csv", root / "iris.csv")
        failing, slow = script(root, "failing", FAILING), script(root, "slow", SLOW)
        adapter = create(home=home / "local")
        source = root / "iris.csv"
        chain = LocalChain(Engine({"local": adapter}, root))
        run = partial(chain.inputs, "TrainingRun")
        return Cloud("local", adapter, root, source, chain.inputs, lambda: run() | failing, lambda: run() | slow)

    def test_a_create_that_was_killed_is_taken_up_by_another_process(self, cloud: Cloud, home: Path) -> None:
        inputs = cloud.engine().check("TrainingRun", cloud.inputs("TrainingRun"), "killed").inputs
        urn = cloud.engine().urn("TrainingRun", "killed")
        environment = {**os.environ, "MOORING_HOME": str(home), "MOORING_PROJECT": str(cloud.root)}
        command = [sys.executable, "-m", "providers.plugin", "--attach"]
        process = subprocess.Popen(command, cwd=KIT, env=environment, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        stub = provider_pb2_grpc.ResourceProviderStub(
            grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}")
        )
        lost = stub.Create.future(provider_pb2.CreateRequest(urn=urn, properties=to_struct(inputs)))
        end = time.monotonic() + 60
        while not self.found(cloud, urn, "TrainingRun"):
            assert time.monotonic() < end
            time.sleep(0.01)
        process.kill()
        process.wait(timeout=10)
        process.stdout.close()
        assert lost.exception(timeout=10) is not None
        (begun,) = self.found(cloud, urn, "TrainingRun")
        engine = cloud.engine()
        held = engine.create("TrainingRun", cloud.inputs("TrainingRun"), name="killed")
        assert held.id == f"local:{begun}"
        assert held.outputs["status"] == "succeeded"
        assert self.found(cloud, urn, "TrainingRun") == [begun]
        engine.cancel()
        engine.delete(held)

    def test_after_everything_is_deleted_nothing_is_left(self, cloud: Cloud) -> None:
        engine: Engine = cloud.engine()
        for type_name in (
            "Endpoint",
            "BatchPrediction",
            "ModelVersion",
            "TuningRun",
            "TrainingRun",
            "Dataset",
            "Model",
        ):
            kind = self.required(cloud, type_name)
            for found in kind.find(Ownership("proj", "test", "", "")):
                kind.delete(found.id, engine.servicer._context(engine.urn(type_name, "x"), {}))
        for type_name in KINDS:
            assert self.required(cloud, type_name).find(Ownership("proj", "test", "", "")) == []
