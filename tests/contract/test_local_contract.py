"""The contract on this machine."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from contract.adapter_contract import AdapterContract, Cloud
from contract.provider_calls import Engine

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
@pytest.mark.xdist_group("local-contract")
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
