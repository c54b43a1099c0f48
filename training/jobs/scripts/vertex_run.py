"""A script in a Vertex AI custom job: its arguments, its variables, and buckets as folders."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from training.jobs import vertex
from training.jobs.scripts.install import install
from training.jobs.scripts.metrics import read_file
from training.jobs.scripts.process import Command, Ended
from training.jobs.scripts.script import Script, Session, bring, link_channel, search_path
from training.jobs.scripts.source import copy_source

BUCKET = "stack"
"""The bucket of a job whose user named none."""
PORT = 2222


@dataclass(frozen=True)
class VertexJob:
    """One replica of a custom job: a container's `command` and `args`, or a `module` of Python `packages`.

    `base_output` is the baseOutputDirectory (`gs://…`); `mount` is where its bucket is seen as a folder.
    """

    code: Path
    mount: Path
    command: Sequence[str] = ()
    args: Sequence[str] = ()
    module: str = ""
    packages: Sequence[str] = ()
    base_output: str = ""
    name: str = "0"
    project: str = ""
    region: str = ""
    trial: str = ""
    pools: Mapping[str, int] = field(default_factory=lambda: {"workerpool0": 1})
    pool: str = "workerpool0"
    index: int = 0
    metric_file: str = ""

    def variables(self) -> dict[str, str]:
        """The variables that Vertex AI sets."""
        base = self.base_output.rstrip("/") + (f"/{self.trial}" if self.trial and self.base_output else "")
        places = {"AIP_MODEL_DIR": "model", "AIP_CHECKPOINT_DIR": "checkpoints", "AIP_TENSORBOARD_LOG_DIR": "logs"}
        found = {name: f"{base}/{folder}/" for name, folder in places.items()} if base else {}
        found |= {"CLOUD_ML_JOB_ID": self.name, "CLUSTER_SPEC": json.dumps(self.cluster_spec())}
        found |= {"TF_CONFIG": json.dumps(self.tf_config())} if sum(self.pools.values()) > 1 else {}
        optional = {
            "CLOUD_ML_PROJECT_ID": self.project,
            "CLOUD_ML_REGION": self.region,
            "CLOUD_ML_TRIAL_ID": self.trial,
            "CLOUD_ML_HP_METRIC_FILE": self.metric_file,
        }
        return found | {name: value for name, value in optional.items() if value}

    def cluster_spec(self) -> dict[str, object]:
        """`CLUSTER_SPEC`: all replicas by pool, and which of them this is."""
        task = {"type": self.pool, "index": self.index, **({"trial": self.trial} if self.trial else {})}
        return {"cluster": self._hosts(), "environment": "cloud", "task": task, "job": self.name}

    def tf_config(self) -> dict[str, object]:
        """`TF_CONFIG`: the first pool is the chief, the second the workers, then parameter servers, an evaluator."""
        roles = dict(zip(sorted(self.pools), ("chief", "worker", "ps", "evaluator"), strict=False))
        cluster = {roles[pool]: hosts for pool, hosts in self._hosts().items() if pool in roles}
        return {"cluster": cluster, "task": {"type": roles[self.pool], "index": self.index}, "environment": "cloud"}

    def _hosts(self) -> dict[str, list[str]]:
        return {
            pool: [f"cmle-training-{pool}-{self.name}-{index}:{PORT}" for index in range(count)]
            for pool, count in sorted(self.pools.items())
        }

    def command_line(self, environment: Mapping[str, str], target: Path | None = None) -> Command:
        """What runs; packages are installed first. Raises TrainingError with pip's reason where they cannot be."""
        if self.packages:
            files = [str(vertex.mounted(name, {vertex.MOUNT_VARIABLE: str(self.mount)})) for name in self.packages]
            install(files, self.code, environment, target)
        words = [sys.executable, "-m", self.module] if self.module else list(self.command)
        variables = {**environment, **self.variables(), "PYTHONPATH": search_path(target)}
        return Command((*words, *self.args), self.code, variables)


class VertexSession(Session):
    """The platform's side. Channels come as `--<channel> PATH`, then the hyperparameters; metrics are those reported
    for tuning, or `metrics.json` beside or in the model.

    The buckets' folder is not `/gcs` but one below the job's own, so the addresses of the outputs are given as paths:
    a script that turns `gs://` into `/gcs/` leaves them as they are.
    """

    def __init__(self, script: Script, definitions: Mapping[str, str]) -> None:
        super().__init__(script, definitions)
        self.mount = script.workspace / "gcs"
        self.output = self.mount / BUCKET / "output"
        self.metric_file = script.workspace / "hypertune" / "output.metrics"

    def prepare(self) -> Command:
        """Copy the code, link channels and checkpoints into the bucket."""
        script, job = self.script, self.script.job
        code = script.workspace / "code"
        copy_source(script.source, code)
        data = self.mount / BUCKET / "data"
        paths: list[str] = []
        for name, path in job.channels.items():
            link_channel(path, data / name)
            paths += [f"--{name}", str(data / name / path.name if path.is_file() else data / name)]
        (self.output / "model").mkdir(parents=True)
        if job.checkpoint_dir is not None:
            job.checkpoint_dir.mkdir(parents=True, exist_ok=True)
            (self.output / "checkpoints").symlink_to(job.checkpoint_dir.absolute(), target_is_directory=True)
        program = ["/bin/sh"] if script.entry_point.endswith(".sh") else [sys.executable]
        replica = VertexJob(
            code=code,
            mount=self.mount,
            command=[*program, script.entry_point],
            args=[*paths, *script.arguments],
            base_output=str(self.output),
            name=job.run or "0",
            metric_file=str(self.metric_file),
        )
        return replica.command_line(script.environment, script.packages)

    def finish(self, ended: Ended) -> dict[str, float]:
        """The model when it went well or was stopped; what lies beside it, such as TensorBoard's logs, in any case."""
        model = self.output / "model"
        found = read_file(self.output, model) | self.log.found | tuned(self.metric_file) if not ended.code else {}
        if not ended.code or ended.stopped:
            bring(model, self.script.job.model_dir)
        bring(self.output, self.script.job.output_dir, without=("model", "checkpoints"))
        return found


def tuned(file: Path) -> dict[str, float]:
    """The last value of each metric in a file of cloudml-hypertune; none without the file."""
    about = {"timestamp", "trial", "global_step", "checkpoint_path"}
    if not file.is_file():
        return {}
    found: dict[str, float] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        found |= {name: float(value) for name, value in entry.items() if name not in about}
    return found
