"""What a job of the local cloud finds: its folders, its environment, its command line.

The contract with the script (the same for the kit's trainer and a user's own):

- `MOORING_CHANNEL_<NAME>`: path of each input, read-only. `MOORING_MODEL_DIR`: the model is written there.
  `MOORING_OUTPUT_DIR`: anything else. `MOORING_CHECKPOINT_DIR`: survives an interrupted job.
  `MOORING_METRICS_FILE`: JSON of name to number. `MOORING_JOB_ID`.
- A script of another platform (`contract`) finds that platform's instead (docs/training-contract.md).
- Hyperparameters as sorted `--name value` arguments, and whole in `MOORING_HYPERPARAMETERS` (JSON).
- `HOME` is the job's own folder, `PATH` the environment's and the system's; nothing else is inherited.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from providers.values import Machine

MANIFEST = "mooring-model.json"
"""The file that makes a folder a model artifact (docs/model-format.md)."""


LARGEST_COPY = 256 << 20
"""Bytes of a channel up to which a job of root gets a copy."""


@dataclass(frozen=True)
class Layout:
    """The folders of one job below its job folder."""

    folder: Path

    @property
    def source(self) -> Path:
        """The user's code, copied."""
        return self.folder / "source"

    @property
    def work(self) -> Path:
        """HOME, and the current folder where there is no source."""
        return self.folder / "work"

    @property
    def temporary(self) -> Path:
        """TMPDIR."""
        return self.folder / "temporary"

    @property
    def model(self) -> Path:
        """MOORING_MODEL_DIR."""
        return self.folder / "model"

    @property
    def artifact(self) -> Path:
        """Where a model that is no artifact yet is packaged to."""
        return self.folder / "artifact"

    @property
    def output(self) -> Path:
        """MOORING_OUTPUT_DIR."""
        return self.folder / "output"

    @property
    def metrics(self) -> Path:
        """MOORING_METRICS_FILE."""
        return self.folder / "metrics.json"

    @property
    def platform(self) -> Path:
        """What a script under another platform's contract takes for that platform's folders."""
        return self.folder / "platform"

    @property
    def inputs(self) -> Path:
        """Private copies of channels."""
        return self.folder / "inputs"

    def private_input(self, channel: str, source: Path) -> Path:
        """Where the job reads a channel: in the store, whose content is read-only, or in a copy of its own.

        Permissions do not hold root back, so its jobs get a copy, up to a size where that would be felt.
        """
        if os.geteuid() or _size(source) > LARGEST_COPY:
            return source
        return self.inputs / channel / source.name

    def made(self) -> tuple[str, ...]:
        """The folders that the job needs from its start."""
        return tuple(map(str, (self.work, self.temporary, self.model, self.output)))

    def spent(self) -> tuple[Path, ...]:
        """What is of no use once the results are in the store."""
        return (self.work, self.temporary, self.model, self.artifact, self.source, self.inputs, self.platform)

    def finished_artifact(self) -> Path | None:
        """The artifact folder that the job left, None without one."""
        return next((folder for folder in (self.artifact, self.model) if (folder / MANIFEST).is_file()), None)


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in ([path] if path.is_file() else path.rglob("*")))


def copy_input(source: Path, target: Path) -> None:
    """Copy a file or folder of the store."""
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)


def process_environment(id: str, layout: Layout, python: Path, machine: Machine | None) -> dict[str, str]:
    """The variables that every job's process has, and no others."""
    variables = {
        "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(layout.work),
        "TMPDIR": str(layout.temporary),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",  # a traceback is the last thing in the log then
        "PYTHONHASHSEED": "0",  # the same inputs, the same model
        "MOORING_JOB_ID": id,
    }
    if machine is not None:
        variables["OMP_NUM_THREADS"] = str(max(1, math.ceil(machine.vcpus)))
    return variables


def runs_with(environment: Mapping[str, str], python: Path) -> bool:
    """Whether a job with this environment (`process_environment`) was made for this interpreter."""
    return environment["PATH"].startswith(f"{python.parent}:")


def training_environment(
    layout: Layout, checkpoints: Path, channels: Mapping[str, Path], hyperparameters: Mapping[str, Any]
) -> dict[str, str]:
    """The variables of the training contract."""
    from providers.local.checks import channel_variable

    return {
        "MOORING_MODEL_DIR": str(layout.model),
        "MOORING_OUTPUT_DIR": str(layout.output),
        "MOORING_METRICS_FILE": str(layout.metrics),
        "MOORING_CHECKPOINT_DIR": str(checkpoints),
        "MOORING_HYPERPARAMETERS": json.dumps(dict(hyperparameters), sort_keys=True),
        **{channel_variable(name): str(path) for name, path in channels.items()},
    }
