"""`python -m training.jobs.run_script`: a user's own script, unchanged, as its platform would run it.

Three uses:

- `--contract NAME --source DIR --entry FILE`: a job of the local cloud (its variables, `training.jobs.local`) whose
  script expects another platform. The platform's folders are made beside the model's folder, and what the script
  leaves there ends where the local contract wants it. `--metric name=REGEX` finds a metric in the log.
- `--contract sagemaker` alone: what the `sagemaker-training` toolkit's `train` does in a container, from the files
  below `/opt/ml` or `SAGEMAKER_BASE_DIR`; with `-- WORDS`, the job's own entry point instead. `--opt-ml` shows that
  folder at `/opt/ml`, where the system allows it.
- `--contract azureml|vertex --job FILE`: one job as JSON, the fields of `AzureJob` or `VertexJob`.

`--packages DIR` receives the packages that the code brings along, where this Python is shared.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from training.errors import TrainingError, nearest
from training.jobs.contracts import CONTRACTS
from training.jobs.job import Job
from training.jobs.local import local_job
from training.jobs.sagemaker import BASE
from training.jobs.scripts.azureml_run import AzureJob, AzureSession
from training.jobs.scripts.local_run import LocalSession
from training.jobs.scripts.mounts import available
from training.jobs.scripts.process import Command, Ended, exit_code, run
from training.jobs.scripts.sagemaker_run import SageMakerSession, run_container
from training.jobs.scripts.script import Script, Session, typed_hyperparameters, visible_environment
from training.jobs.scripts.vertex_run import VertexJob, VertexSession

SESSIONS: Mapping[str, Callable[[Script, Mapping[str, str]], Session]] = {
    "local": LocalSession,
    "sagemaker": SageMakerSession,
    "azureml": AzureSession,
    "vertex": VertexSession,
}
WORKSPACE = "platform"
"""Name of the folder, beside that of the model, in which a platform's own folders are made."""
PATHS = ("code", "mount")
"""Fields of a job file that are folders."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script; the exit code: its own, 143 when it was stopped, 1 when it could not be run."""
    options = _parser().parse_args(arguments)
    try:
        if options.contract not in SESSIONS:
            raise TrainingError(f"--contract: there is no '{options.contract}'{nearest(options.contract, SESSIONS)}")
        if options.entry:
            ended = run_local(options)
        elif options.contract == "sagemaker":
            seen = Path(BASE) if options.opt_ml and available(BASE) else None
            return run_container(options.hyperparameters, seen=seen, packages=options.packages)
        elif options.job:
            ended = run(from_file(options.contract, options.job, options.packages))
        else:
            raise TrainingError("--entry is missing; it names the script in --source (or --job the job's file)")
    except (TrainingError, OSError) as error:
        print(f"the script could not be run: {error}", file=sys.stderr)
        return 1
    return exit_code(ended)


def run_local(options: argparse.Namespace) -> Ended:
    """Run the script of a local job under another platform's contract."""
    job = local_job(options.hyperparameters)
    workspace = (job.model_dir.parent / WORKSPACE).absolute()
    workspace.mkdir(parents=True, exist_ok=True)
    script = Script(
        source=options.source.absolute(),
        entry_point=options.entry,
        job=job,
        workspace=workspace,
        hyperparameters=typed_hyperparameters(os.environ, job.hyperparameters),
        environment=visible_environment(os.environ),
        packages=options.packages.absolute() if options.packages else None,
    )
    session = SESSIONS[options.contract](script, _definitions(options.metric))
    try:
        ended = run(session.prepare(), session.line)
        metrics = session.finish(ended)
    finally:
        session.close()
    if metrics:
        job.write_metrics(written(job) | metrics)
    return ended


def written(job: Job) -> dict[str, float]:
    """Metrics that the script itself wrote where the local contract wants them."""
    if job.metrics_file is None or not job.metrics_file.is_file():
        return {}
    found: dict[str, float] = json.loads(job.metrics_file.read_bytes())
    return found


def from_file(contract: str, file: Path, packages: Path | None = None) -> Command:
    """The command of a job in JSON. Raises TrainingError for a field that there is not."""
    kind: type[AzureJob] | type[VertexJob] = AzureJob if contract == "azureml" else VertexJob
    try:
        given: Any = json.loads(file.read_bytes())
    except ValueError as error:
        raise TrainingError(f"{file}: not JSON ({error})") from error
    known = [field.name for field in fields(kind)]
    if not isinstance(given, dict):
        raise TrainingError(f"{file.name}: a JSON object is expected")
    for name in given:
        if name not in known:
            raise TrainingError(f"{file.name}: there is no field '{name}'{nearest(name, known)}")
    for field in fields(kind):
        if field.default is MISSING and field.default_factory is MISSING and field.name not in given:
            raise TrainingError(f"{file.name}: '{field.name}' is missing")
    environment = visible_environment(os.environ)
    values: dict[str, Any] = {name: Path(value) if name in PATHS else value for name, value in given.items()}
    return kind(**values).command_line(environment, packages)


def _definitions(given: Sequence[str]) -> dict[str, str]:
    """`name=REGEX` words to a mapping."""
    pairs = [word.partition("=") for word in given]
    for name, equals, pattern in pairs:
        if not name or not equals or not pattern:
            raise TrainingError(f"--metric: '{name}{equals}{pattern}' is not NAME=REGEX")
    return {name: pattern for name, _, pattern in pairs}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.jobs.run_script", description=__doc__)
    parser.add_argument("--contract", required=True, help=", ".join(name for name in CONTRACTS if name in SESSIONS))
    parser.add_argument("--source", type=Path, default=Path(), help="folder of the script")
    parser.add_argument("--entry", default="", help="the script, below --source")
    parser.add_argument("--job", type=Path, help="a job of the platform as JSON")
    parser.add_argument("--metric", action="append", default=[], help="NAME=REGEX, with one group")
    parser.add_argument("hyperparameters", nargs="*", help="after `--`: --name value, as the script would get them")
    parser.add_argument("--opt-ml", action="store_true", help="show SAGEMAKER_BASE_DIR at /opt/ml")
    parser.add_argument("--packages", type=Path, help="folder for the packages that the code brings along")
    return parser


if __name__ == "__main__":
    sys.exit(main())
