"""SageMaker's contract for a training container.

Below `/opt/ml` (or `SAGEMAKER_BASE_DIR`): `input/config/hyperparameters.json` (name to text, which the SDK writes as
JSON), `inputdataconfig.json` (the channels), `resourceconfig.json` (the machines); `input/data/<channel>/`;
`model/`, which becomes model.tar.gz; `output/data/`, which becomes output.tar.gz; `output/failure`, whose first 1024
characters are the job's FailureReason; `checkpoints/`, kept in sync with S3 where the job asks for it. Metrics are
found in the log by regular expressions.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.jobs.job import Job, parse_arguments, take_channels
from training.jobs.reporting import Reporter, write_whole
from training.jobs.resources import Resources, as_count, cpu_count, gpu_count

NAME = "sagemaker"
BASE = "/opt/ml"
BASE_VARIABLE = "SAGEMAKER_BASE_DIR"
METRICS_FILE = "metrics.json"
"""In the output folder: all metrics, besides the lines in the log."""
LONGEST_REASON = 1024
"""Characters of the failure file that SageMaker shows."""
RESERVED = ("_tuning_objective_metric", "default_user_module_name")
"""Hyperparameters of the platform, besides those that begin with `sagemaker_`."""


def metric_line(name: str, value: float) -> str:
    """The line of the log that reports one metric."""
    return f"[metric] {name}={float(value)!r};"


def metric_regex(name: str) -> str:
    """The regular expression that finds it, for the training job's MetricDefinitions."""
    return re.escape(f"[metric] {name}=") + r"([-+0-9.eE]+|nan|inf);"


@dataclass(frozen=True)
class SageMakerReporter(Reporter):
    """Metrics as lines of the log, the reason of a failure in `output/failure`."""

    output: Path

    def metrics(self, metrics: Mapping[str, float]) -> None:
        """One line each."""
        for name, value in metrics.items():
            print(metric_line(name, value), flush=True)

    def failure(self, reason: str) -> None:
        """The first reason stays: what comes after is its consequence."""
        if not (self.output / "failure").exists():
            write_whole(self.output / "failure", reason[:LONGEST_REASON])


def reporter(environment: Mapping[str, str]) -> SageMakerReporter:
    """The reporter of the job that the environment describes."""
    return SageMakerReporter(base_dir(environment) / "output")


def applies(environment: Mapping[str, str]) -> bool:
    """Whether the environment is that of a SageMaker training job."""
    named = environment.get(BASE_VARIABLE) or environment.get("SM_MODEL_DIR") or environment.get("TRAINING_JOB_NAME")
    return bool(named) or (base_dir(environment) / "input" / "config" / "hyperparameters.json").is_file()


def base_dir(environment: Mapping[str, str]) -> Path:
    """The folder that holds everything."""
    return Path(environment.get(BASE_VARIABLE) or BASE)


def sagemaker_job(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Job:
    """The job as SageMaker describes it; arguments, if there are any, win over hyperparameters.json.

    Raises TrainingError for a configuration file that is not what it should be.
    """
    base = base_dir(environment)
    config = base / "input" / "config"
    hyperparameters = {
        name.replace("-", "_"): as_text(value)
        for name, value in read_config(config / "hyperparameters.json").items()
        if not is_reserved(name)
    }
    given = parse_arguments(arguments)
    channels = {name: base / "input" / "data" / name for name in read_config(config / "inputdataconfig.json")}
    channels |= {name: Path(path) for name, path in take_channels(given).items()}
    resources = read_config(config / "resourceconfig.json")
    host = str(resources.get("current_host") or "algo-1")
    checkpoints = base / "checkpoints"
    return Job(
        channels=channels,
        model_dir=base / "model",
        metrics_file=base / "output" / "data" / METRICS_FILE,
        checkpoint_dir=checkpoints if checkpoints.is_dir() else None,
        run=environment.get("TRAINING_JOB_NAME", ""),
        hyperparameters=hyperparameters | given,
        output_dir=base / "output" / "data",
        resources=Resources(
            as_count(environment, "SM_NUM_CPUS", cpu_count()),
            as_count(environment, "SM_NUM_GPUS", gpu_count()),
            tuple(resources.get("hosts") or (host,)),
            host,
        ),
        contract=NAME,
        reporter=reporter(environment),
    )


def is_reserved(name: str) -> bool:
    """Whether a hyperparameter is one of the platform and none of the script."""
    return name.startswith("sagemaker_") or name in RESERVED


def as_text(value: Any) -> str:
    """A hyperparameter as neutral text: the SDK writes texts in quotes, as JSON, the console as they are."""
    decoded = decoded_value(value)
    if isinstance(decoded, str):
        return decoded
    return value if isinstance(value, str) else json.dumps(value)


def decoded_value(value: Any) -> Any:
    """The value that JSON text stands for; what is not JSON stands for itself."""
    try:
        return json.loads(value)
    except (ValueError, TypeError):
        return value


def read_config(path: Path) -> dict[str, Any]:
    """One of the platform's configuration files; empty where it is absent, as for a job without hyperparameters."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise TrainingError(f"{path}: not JSON ({error})") from error
    if not isinstance(found, dict):
        raise TrainingError(f"{path}: a JSON object is expected, and it holds {type(found).__name__}")
    return found
