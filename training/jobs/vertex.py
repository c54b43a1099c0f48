"""Vertex AI's contract for a custom job.

`AIP_MODEL_DIR`, `AIP_CHECKPOINT_DIR`, `AIP_TENSORBOARD_LOG_DIR` are addresses in Cloud Storage (`gs://BUCKET/…`),
which the container sees as files below `/gcs/BUCKET/…`. There are no channels: data comes as arguments
(`--train gs://… or /gcs/…`, `--channel_<name>`), or from a managed dataset as `AIP_TRAINING_DATA_URI`,
`AIP_VALIDATION_DATA_URI`, `AIP_TEST_DATA_URI`. `CLUSTER_SPEC` says which machines there are, `CLOUD_ML_JOB_ID`,
`CLOUD_ML_TRIAL_ID` who the job is. The objective of a tuning is read from the file `CLOUD_ML_HP_METRIC_FILE`, one JSON
object a line, as the package cloudml-hypertune writes it. A failure is told by standard error and the exit code.

https://cloud.google.com/vertex-ai/docs/training/code-requirements
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.jobs.job import Job, parse_arguments, take_channels
from training.jobs.reporting import Reporter, write_whole
from training.jobs.resources import Resources, cpu_count, gpu_count

NAME = "vertex"
MOUNT = "/gcs"
MOUNT_VARIABLE = "MOORING_GCS_MOUNT"
"""Where the buckets are mounted, if not at `/gcs`."""
MANAGED = {
    "train": "AIP_TRAINING_DATA_URI",
    "validation": "AIP_VALIDATION_DATA_URI",
    "test": "AIP_TEST_DATA_URI",
}
METRIC_FILE = "/tmp/hypertune/output.metrics"
"""Where cloudml-hypertune writes when no variable says otherwise."""


@dataclass(frozen=True)
class VertexReporter(Reporter):
    """Metrics in the file that hyperparameter tuning reads."""

    environment: Mapping[str, str]

    def metrics(self, metrics: Mapping[str, float]) -> None:
        """One JSON object a line, the form of cloudml-hypertune 0.1; nothing where nobody reads it."""
        file, trial = self.environment.get("CLOUD_ML_HP_METRIC_FILE"), self.environment.get("CLOUD_ML_TRIAL_ID")
        if not file and not trial:
            return
        about = {"timestamp": time.time(), "trial": trial or "0", "global_step": "0", "checkpoint_path": ""}
        lines = [json.dumps({**about, name: str(value)}, sort_keys=True) for name, value in metrics.items()]
        write_whole(Path(file or METRIC_FILE), "".join(line + "\n" for line in lines))


def applies(environment: Mapping[str, str]) -> bool:
    """Whether the environment is that of a Vertex AI custom job."""
    return any(environment.get(name) for name in ("CLOUD_ML_JOB_ID", "AIP_MODEL_DIR", "CLUSTER_SPEC"))


def vertex_job(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Job:
    """The job as its arguments and Vertex AI's variables describe it.

    Raises TrainingError for malformed arguments, or when nothing says where the model goes.
    """
    given = parse_arguments(arguments)
    channels = take_channels(given)
    for name, variable in MANAGED.items():
        if name not in channels and environment.get(variable):
            channels[name] = environment[variable]
    model = given.pop("model_dir", "") or environment.get("AIP_MODEL_DIR", "")
    if not model:
        raise TrainingError("AIP_MODEL_DIR is not set: give the job a baseOutputDirectory, or --model_dir")
    checkpoints = given.pop("checkpoint_dir", "") or environment.get("AIP_CHECKPOINT_DIR", "")
    model_dir = mounted(model, environment)
    output = given.pop("output_dir", "")
    output_dir = mounted(output, environment) if output else model_dir.parent / "output"
    return Job(
        channels={name: mounted(path, environment) for name, path in channels.items()},
        model_dir=model_dir,
        metrics_file=output_dir / "metrics.json",
        checkpoint_dir=mounted(checkpoints, environment) if checkpoints else None,
        run=environment.get("CLOUD_ML_JOB_ID", ""),
        hyperparameters=given,
        output_dir=output_dir,
        resources=_resources(environment.get("CLUSTER_SPEC", "")),
        contract=NAME,
        reporter=VertexReporter(environment),
    )


def mounted(address: str, environment: Mapping[str, str]) -> Path:
    """The file below the mount that `gs://…` or `/gcs/…` names; any other path as it is."""
    base = environment.get(MOUNT_VARIABLE) or MOUNT
    for prefix in ("gs://", MOUNT + "/"):
        if address.startswith(prefix):
            return Path(base, address.removeprefix(prefix))
    return Path(address)


def _resources(cluster_spec: str) -> Resources:
    """The machines of the job: all of the pools `workerpool0`, `workerpool1`, … in this order."""
    if not cluster_spec:
        return Resources(cpu_count(), gpu_count())
    try:
        spec: Any = json.loads(cluster_spec)
        pools, task = spec["cluster"], spec["task"]
        hosts = tuple(host for pool in sorted(pools) for host in pools[pool])
        return Resources(cpu_count(), gpu_count(), hosts, pools[task["type"]][int(task["index"])])
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise TrainingError(f"CLUSTER_SPEC is not what Vertex AI writes ({error!r}): {cluster_spec[:200]}") from error
