"""A script in an Azure ML command job: the command with its paths written in, the current folder, the variables."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from training.errors import TrainingError, nearest
from training.jobs.scripts.metrics import read_file
from training.jobs.scripts.mlflow_server import MLflowServer
from training.jobs.scripts.process import Command, Ended
from training.jobs.scripts.script import Script, Session, bring, search_path
from training.jobs.scripts.source import copy_source

_REFERENCE = re.compile(r"\$\{\{\s*(inputs|outputs|search_space)\.([A-Za-z_][\w]*)\s*\}\}")
MLFLOW_3 = (
    "warning: the script logged a model with MLflow 3; Azure ML's own tracking server may have only MLflow 2's API: "
    "pin mlflow<3 for a script that is to run there"
)


@dataclass(frozen=True)
class AzureJob:
    """A command job, its inputs and outputs resolved to paths (or to the text of a literal input)."""

    command: str
    code: Path
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    search_space: Mapping[str, str] = field(default_factory=dict)
    name: str = "job"
    experiment: str = "Default"
    nodes: int = 1
    rank: int = 0
    tracking_uri: str = ""

    def resolved(self) -> str:
        """The command with each `${{inputs.x}}` in its place. Raises TrainingError for a name there is not."""
        known = {"inputs": self.inputs, "outputs": self.outputs, "search_space": self.search_space}

        def value(match: re.Match[str]) -> str:
            kind, name = match.groups()
            if name not in known[kind]:
                raise TrainingError(
                    f"the command refers to {kind}.{name}, which there is not{nearest(name, known[kind])}"
                )
            return known[kind][name]

        return _REFERENCE.sub(value, self.command)

    def variables(self) -> dict[str, str]:
        """The variables that Azure ML sets."""
        return {
            "AZUREML_RUN_ID": self.name,
            "AZUREML_ROOT_RUN_ID": self.name,
            "AZUREML_EXPERIMENT_NAME": self.experiment,
            "AZUREML_NODE_COUNT": str(self.nodes),
            "NODE_RANK": str(self.rank),
            "MLFLOW_RUN_ID": self.name,
            "MLFLOW_EXPERIMENT_NAME": self.experiment,
            **({"MLFLOW_TRACKING_URI": self.tracking_uri} if self.tracking_uri else {}),
            **{f"AZURE_ML_INPUT_{name}": value for name, value in self.inputs.items()},
            **{f"AZURE_ML_OUTPUT_{name}": value for name, value in self.outputs.items()},
        }

    def command_line(self, environment: Mapping[str, str], packages: Path | None = None) -> Command:
        """What runs: the command in bash, in the folder of the code, which also gets `outputs` and `logs`."""
        for folder in ("outputs", "logs"):
            (self.code / folder).mkdir(parents=True, exist_ok=True)
        for path in self.outputs.values():
            Path(path).mkdir(parents=True, exist_ok=True)
        variables = {**environment, **self.variables(), "PYTHONPATH": search_path(packages)}
        return Command(("/bin/bash", "-c", self.resolved()), self.code, variables)


class AzureSession(Session):
    """The platform's side. Channels come as `--<channel> PATH`, the model's folder as `--model_dir PATH`, then the
    hyperparameters; metrics are those that were logged to MLflow, or `metrics.json` in the outputs."""

    def __init__(self, script: Script, definitions: Mapping[str, str]) -> None:
        super().__init__(script, definitions)
        self.code = script.workspace / "wd"
        self.server = MLflowServer(script.job.run or "job", self.code / "outputs")
        self.model = script.workspace / "outputs" / "model"

    def prepare(self) -> Command:
        """Copy the code, name the paths, start the tracking server."""
        script, job = self.script, self.script.job
        copy_source(script.source, self.code)
        self.server.start()
        outputs = {"model_dir": str(self.model)}
        if job.checkpoint_dir is not None:
            outputs["checkpoint_dir"] = str(job.checkpoint_dir.absolute())
        azure = AzureJob(
            command=command_of(script.entry_point, list(job.channels), list(outputs), script.arguments),
            code=self.code,
            inputs={name: str(path.absolute()) for name, path in job.channels.items()},
            outputs=outputs,
            name=job.run or "job",
            tracking_uri=self.server.address,
        )
        return azure.command_line(script.environment, script.packages)

    def finish(self, ended: Ended) -> dict[str, float]:
        """The model from its output, else the one logged to MLflow, else from `outputs/model` or `outputs` itself."""
        outputs, job = self.code / "outputs", self.script.job
        places = [self.model, self.server.models.last(), *_mlflow_folder(outputs), outputs / "model"]
        model = next((folder for folder in places if folder and any(folder.glob("*"))), outputs)
        found = read_file(outputs, model) | self.log.found | self.server.metrics() if not ended.code else {}
        if not ended.code or ended.stopped:
            bring(model, job.model_dir)
        bring(outputs, job.output_dir)
        if self.server.models.models:
            print(MLFLOW_3, file=sys.stderr)
        return found

    def close(self) -> None:
        """End the tracking server."""
        self.server.stop()


def _mlflow_folder(outputs: Path) -> list[Path]:
    """The folder of the one MLflow model among the outputs, as MLflow 2 logs it; none of several."""
    found = [path.parent for path in outputs.rglob("MLmodel")] if not (outputs / "model").exists() else []
    return found if len(found) == 1 else []


def command_of(entry_point: str, channels: list[str], outputs: list[str], arguments: list[str]) -> str:
    """The command of a job whose user named a script and nothing else."""
    program = "bash" if entry_point.endswith(".sh") else shlex.quote(sys.executable)
    paths = [f"--{name} ${{{{inputs.{name}}}}}" for name in channels]
    paths += [f"--{name} ${{{{outputs.{name}}}}}" for name in outputs if name == "model_dir"]
    return " ".join([program, shlex.quote(entry_point), *paths, *map(shlex.quote, arguments)])
