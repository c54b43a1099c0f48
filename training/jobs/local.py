"""The local cloud's contract.

Environment: `MOORING_CHANNEL_<NAME>` (a file or a folder), `MOORING_MODEL_DIR` (the model is written there),
`MOORING_OUTPUT_DIR` (anything else), `MOORING_METRICS_FILE` (JSON of name to number), `MOORING_CHECKPOINT_DIR`,
`MOORING_JOB_ID`. Arguments: the hyperparameters as `--name value`. A failure is told by the last line of standard
error and an exit code other than 0.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from training.errors import TrainingError
from training.jobs.job import Job, parse_arguments, take_channels
from training.jobs.resources import Resources, as_count, cpu_count, gpu_count

NAME = "local"
PREFIX = "MOORING_CHANNEL_"


def applies(environment: Mapping[str, str]) -> bool:
    """Whether the environment is that of a local job."""
    return bool(environment.get("MOORING_MODEL_DIR"))


def local_job(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Job:
    """The job as the local cloud describes it. Raises TrainingError for what is missing or malformed.

    A channel may be an argument too (`--train PATH`), for a run by hand.
    """
    given = parse_arguments(arguments)
    channels = channels_of(environment) | {name: Path(path) for name, path in take_channels(given).items()}
    if not channels:
        raise TrainingError(
            "the environment variable MOORING_CHANNEL_TRAIN is not set; it must name the training data, "
            "a file or a folder"
        )
    if not environment.get("MOORING_MODEL_DIR"):
        raise TrainingError(
            "the environment variable MOORING_MODEL_DIR is not set; it must name the folder that receives the model"
        )
    return Job(
        channels=channels,
        model_dir=Path(environment["MOORING_MODEL_DIR"]),
        metrics_file=_path(environment, "MOORING_METRICS_FILE"),
        checkpoint_dir=_path(environment, "MOORING_CHECKPOINT_DIR"),
        run=environment.get("MOORING_JOB_ID", ""),
        hyperparameters=given,
        output_dir=_path(environment, "MOORING_OUTPUT_DIR"),
        resources=Resources(as_count(environment, "OMP_NUM_THREADS", cpu_count()), gpu_count()),
    )


def channels_of(environment: Mapping[str, str]) -> dict[str, Path]:
    """The channels that the environment names, their names in lower case."""
    return {
        name.removeprefix(PREFIX).lower(): Path(path)
        for name, path in environment.items()
        if name.startswith(PREFIX) and path
    }


def variables(job: Job) -> dict[str, str]:
    """The variables by which a process finds this job under the local contract, whatever contract it came by."""
    paths = {
        "MOORING_MODEL_DIR": job.model_dir,
        "MOORING_OUTPUT_DIR": job.output_dir,
        "MOORING_METRICS_FILE": job.metrics_file,
        "MOORING_CHECKPOINT_DIR": job.checkpoint_dir,
        **{PREFIX + name.upper().replace("-", "_"): path for name, path in job.channels.items()},
    }
    found = {name: str(path.absolute()) for name, path in paths.items() if path is not None}
    return found | {"MOORING_CONTRACT": NAME} | ({"MOORING_JOB_ID": job.run} if job.run else {})


def with_all_folders(job: Job) -> Job:
    """The job with the folders and the metrics file that its platform has none for, in a temporary folder."""
    if job.output_dir and job.checkpoint_dir and job.metrics_file:
        return job
    import tempfile

    spare = Path(tempfile.mkdtemp(prefix="job-"))
    output = job.output_dir or spare / "output"
    complete = replace(
        job,
        output_dir=output,
        checkpoint_dir=job.checkpoint_dir or spare / "checkpoints",
        metrics_file=job.metrics_file or output / "metrics.json",
    )
    for folder in (complete.model_dir, output, complete.checkpoint_dir):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    return complete


def _path(environment: Mapping[str, str], name: str) -> Path | None:
    return Path(environment[name]) if environment.get(name) else None
