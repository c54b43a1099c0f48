"""A script in a SageMaker training job: the platform's files, and the run as `sagemaker-training` does it."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.jobs import sagemaker
from training.jobs.scripts import mounts
from training.jobs.scripts import sagemaker_code as code
from training.jobs.scripts.install import install
from training.jobs.scripts.metrics import read_file
from training.jobs.scripts.process import Command, Ended, exit_code, run
from training.jobs.scripts.sagemaker_environment import GROUP, Toolkit
from training.jobs.scripts.script import Script, Session, bring, link_channel, search_path, visible_environment


class SageMakerSession(Session):
    """The platform's side: `opt/ml` in the workspace before the run, its results after it.

    The script sees it at `/opt/ml` where the system allows that, else where it is, by `SAGEMAKER_BASE_DIR`.
    """

    def __init__(self, script: Script, definitions: Mapping[str, str]) -> None:
        super().__init__(script, definitions)
        self.base = script.workspace / "opt" / "ml"

    def prepare(self) -> Command:
        """Write the files, link the channels, and have the toolkit's part done."""
        script, job = self.script, self.script.job
        lay_out(self.base, script.hyperparameters, script.entry_point, script.source)
        for name, path in job.channels.items():
            link_channel(path, self.base / "input" / "data" / name)
        config = {name: {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated",
                         "RecordWrapperType": "None"} for name in sorted(job.channels)}  # fmt: skip
        (self.base / "input" / "config" / "inputdataconfig.json").write_text(json.dumps(config))
        if job.checkpoint_dir is not None:
            job.checkpoint_dir.mkdir(parents=True, exist_ok=True)
            (self.base / "checkpoints").symlink_to(job.checkpoint_dir.absolute(), target_is_directory=True)
        environment = {**script.environment, sagemaker.BASE_VARIABLE: str(self.base)}
        environment |= {"TRAINING_JOB_NAME": job.run} if job.run else {}
        seen = Path(sagemaker.BASE) if mounts.available(sagemaker.BASE) else None
        return prepare(Toolkit.read(environment, seen), script.packages)

    def finish(self, ended: Ended) -> dict[str, float]:
        """Model and output are taken when it went well or was stopped, output alone when it failed."""
        model, output = self.base / "model", self.base / "output" / "data"
        found = read_file(output, model) | self.log.found if not ended.code else {}
        if not ended.code or ended.stopped:
            bring(model, self.script.job.model_dir)
        bring(output, self.script.job.output_dir)
        report(self.base, ended)
        return found


def lay_out(base: Path, hyperparameters: Mapping[str, Any], entry_point: str, source: Path) -> None:
    """The folders and configuration files of a job on one machine; hyperparameters as JSON, as the SDK sends them."""
    config = base / "input" / "config"
    for folder in (config, base / "input" / "data", base / "model", base / "output" / "data"):
        folder.mkdir(parents=True, exist_ok=True)
    own = {"sagemaker_program": entry_point, "sagemaker_submit_directory": str(source.absolute())}
    given = {name: json.dumps(value) for name, value in {**hyperparameters, **own}.items()}
    (config / "hyperparameters.json").write_text(json.dumps(given, indent=1))
    host = "algo-1"
    group = {"instance_group_name": GROUP, "instance_type": "local", "hosts": [host]}
    resources = {
        "current_host": host,
        "current_instance_type": "local",
        "current_group_name": GROUP,
        "hosts": [host],
        "instance_groups": [group],
        "network_interface_name": "lo",
    }
    (config / "resourceconfig.json").write_text(json.dumps(resources, indent=1))
    (config / "inputdataconfig.json").write_text("{}")


def prepare(toolkit: Toolkit, packages: Path | None = None) -> Command:
    """What the toolkit does before it runs the script: fetch the code, install what it brings, make the command."""
    folder = toolkit.code_dir
    code.fetch(toolkit.submitted, folder, toolkit.environ)
    code.checked(folder, toolkit.entry_point)
    requirements = ["-r", "requirements.txt"] if (folder / "requirements.txt").is_file() else []
    kind = code.kind_of(folder, toolkit.entry_point)
    environment = {**visible_environment(toolkit.environ), **toolkit.variables()}
    if kind is code.Kind.PACKAGE:
        install([".", *requirements], folder, environment, packages)
    elif kind is code.Kind.PROGRAM and requirements:
        install(requirements, folder, environment, packages)
    argv = code.command(folder, toolkit.entry_point, toolkit.arguments())
    if toolkit.seen == toolkit.base:
        return Command(argv, folder, environment | {"PYTHONPATH": search_path(folder, packages)})
    environment.pop(sagemaker.BASE_VARIABLE, None)
    environment["PYTHONPATH"] = search_path(toolkit.seen / "code", packages)
    return Command(argv, folder, environment, (toolkit.base, str(toolkit.seen)))


def report(base: Path, ended: Ended) -> None:
    """Leave `output/success`, or `output/failure` with the reason; a stopped job leaves neither."""
    if not ended.code:
        (base / "output").mkdir(parents=True, exist_ok=True)
        (base / "output" / "success").touch()
    elif not ended.stopped:
        reason = f'ExecuteUserScriptError:\nExitCode {ended.code}\nErrorMessage "{ended.reason}"'
        sagemaker.SageMakerReporter(base / "output").failure(reason)


def run_container(
    words: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
    seen: Path | None = None,
    packages: Path | None = None,
) -> int:
    """What a container does: the toolkit's `train`, or the job's own entry point, `words`; the process's exit code.

    `seen` is the path at which all processes see the base folder. Of `train` the code is 0, or 1 for whatever the
    script's own was; of an entry point its own; 143 when the platform stopped the job. `packages` receives what the
    code brings along, where this Python is shared; a pip that the script itself calls installs there as well.
    """
    base = sagemaker.base_dir(environment)
    try:
        if words:
            command = entry_point(words, base, environment, seen, packages)
        else:
            command = prepare(Toolkit.read(environment, seen), packages)
        ended = run(command)
    except (TrainingError, OSError) as error:
        sagemaker.SageMakerReporter(base / "output").failure(str(error))
        print(f"the script could not be run: {error}", file=sys.stderr)
        return 1
    if ended.stopped:
        return 128 + signal.SIGTERM
    if words:
        return exit_code(ended)
    report(base, ended)
    if ended.code:
        print(f"the script failed: {ended.reason}", file=sys.stderr)
    return 1 if ended.code else 0


def entry_point(
    words: Sequence[str],
    base: Path,
    environment: Mapping[str, str],
    seen: Path | None,
    packages: Path | None = None,
) -> Command:
    """The command of a container that has an entry point of its own (`ContainerEntrypoint`): nothing but `/opt/ml`."""
    variables = visible_environment(environment) | {"PYTHONPATH": search_path(packages)}
    variables |= {"PIP_TARGET": str(packages)} if packages is not None else {}
    if seen is None or seen == base:
        return Command(tuple(words), base, variables)
    variables.pop(sagemaker.BASE_VARIABLE, None)
    return Command(tuple(words), base, variables, (base, str(seen)))
