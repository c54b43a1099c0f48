"""Azure Machine Learning's contract for a command job.

The platform writes the paths of inputs and outputs, mounted or downloaded, into the command where it says
`${{inputs.x}}` and `${{outputs.x}}`, so they arrive as arguments: `--train PATH` (or `--channel_<name> PATH`),
`--model_dir`, `--output_dir`, `--checkpoint_dir`. It also sets `AZURE_ML_INPUT_<name>` and `AZURE_ML_OUTPUT_<name>`,
which stand in where there is no argument. What is written below `./outputs` becomes part of the run. Metrics go to
MLflow (`MLFLOW_TRACKING_URI`, `MLFLOW_RUN_ID`). A failure is told by standard error and the exit code.

https://learn.microsoft.com/azure/machine-learning/how-to-train-model
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.jobs.job import CHANNELS, Job, parse_arguments, take_channels
from training.jobs.reporting import Reporter
from training.jobs.resources import Resources, as_count, cpu_count, gpu_count

NAME = "azureml"
INPUT = ("AZURE_ML_INPUT_", "AZUREML_DATAREFERENCE_")
OUTPUT = ("AZURE_ML_OUTPUT_", "AZUREML_DATAREFERENCE_")
OUTPUTS = Path("outputs")
"""Below the current folder; the platform uploads it."""
FOLDERS = ("model_dir", "output_dir", "checkpoint_dir")
NAMES = {"model_dir": ("model", "model_dir"), "output_dir": ("output", "output_dir"),
         "checkpoint_dir": ("checkpoint", "checkpoints", "checkpoint_dir")}  # fmt: skip
"""Names that an output of the job may have to be one of the folders without an argument."""


@dataclass(frozen=True)
class AzureReporter(Reporter):
    """Metrics go to the run in MLflow."""

    environment: Mapping[str, str]

    def metrics(self, metrics: Mapping[str, float]) -> None:
        """A run that cannot be reported is said, and is no failure: its metrics are in the outputs as well."""
        from training.jobs import mlflow_metrics  # an HTTP client, which no other platform needs

        try:
            mlflow_metrics.log(metrics, self.environment)
        except mlflow_metrics.Unreported as error:
            print(f"warning: metrics were not sent to MLflow: {error}", file=sys.stderr)


def applies(environment: Mapping[str, str]) -> bool:
    """Whether the environment is that of an Azure ML job."""
    return bool(environment.get("AZUREML_RUN_ID") or environment.get("AZUREML_ARM_WORKSPACE_NAME"))


def azureml_job(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Job:
    """The job as its arguments and Azure ML's variables describe it. Raises TrainingError for malformed arguments."""
    given = parse_arguments(arguments)
    channels = {name: Path(path) for name, path in take_channels(given).items()}
    for name in CHANNELS:
        if name not in channels and (path := _first(environment, INPUT, (name,))):
            channels[name] = Path(path)
    folders = {name: given.pop(name, "") or _first(environment, OUTPUT, NAMES[name]) for name in FOLDERS}
    output = Path(folders["output_dir"] or OUTPUTS)
    count = as_count(environment, "AZUREML_NODE_COUNT", 1)
    return Job(
        channels=channels,
        model_dir=Path(folders["model_dir"] or OUTPUTS / "model"),
        metrics_file=output / "metrics.json",
        checkpoint_dir=Path(folders["checkpoint_dir"]) if folders["checkpoint_dir"] else None,
        run=environment.get("AZUREML_RUN_ID", ""),
        hyperparameters=given,
        output_dir=output,
        resources=Resources(
            cpu_count(),
            gpu_count(),
            tuple(f"node-{number}" for number in range(count)),
            f"node-{as_count(environment, 'NODE_RANK', 0)}",
        ),
        contract=NAME,
        reporter=AzureReporter(environment),
    )


def _first(environment: Mapping[str, str], prefixes: Sequence[str], names: Sequence[str]) -> str:
    """The first variable that is set, of every prefix and name."""
    found = (environment.get(prefix + name, "") for prefix in prefixes for name in names)
    return next((value for value in found if value), "")
