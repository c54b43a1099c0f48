"""A user's script and the job it is to do, before any platform's form is given to it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.jobs.job import Job
from training.jobs.scripts.metrics import LogMetrics
from training.jobs.scripts.process import Command, Ended
from training.space import as_arguments

KIT = Path(__file__).resolve().parents[3]
"""The folder that this package came from, which no script may see."""

MARK = "MOORING_JOB_FOLDER"
"""The variable by which the local cloud finds the processes of a job whose runner was killed."""


@dataclass(frozen=True)
class Script:
    """The code, what it gets, and an empty folder in which a platform's own folders are made.

    `hyperparameters` have their types; `environment` is what the script may see of this process's. `packages` is the
    folder that the code's own requirements go to, None for this Python itself.
    """

    source: Path
    entry_point: str
    job: Job
    workspace: Path
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    packages: Path | None = None

    @property
    def arguments(self) -> list[str]:
        """The hyperparameters as sorted `--name value`."""
        return as_arguments(self.hyperparameters)


class Session:
    """A script under one platform's contract: `prepare` before it runs, `line` for each line of its output,
    `finish` after it, which returns the metrics that the platform learned of.

    `definitions` are metrics in the log, name to regular expression.
    """

    def __init__(self, script: Script, definitions: Mapping[str, str]) -> None:
        self.script, self.log = script, LogMetrics(definitions)

    def prepare(self) -> Command:
        """Make the platform's folders and say what to run. Raises TrainingError for code that cannot be run."""
        raise NotImplementedError

    def line(self, text: str) -> None:
        """One line of output: metrics are in the log."""
        self.log.line(text)

    def finish(self, ended: Ended) -> dict[str, float]:
        """Bring what was written to where the job wants it."""
        raise NotImplementedError

    def close(self) -> None:
        """End what `prepare` started."""


def visible_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What a script sees of the environment of this process: nothing of Mooring's but `MARK`."""
    return {
        name: value
        for name, value in environment.items()
        if name == MARK or not (name.startswith("MOORING_") or name in ("PYTHONPATH", "PYTHONHOME"))
    }


def search_path(*first: Path | None) -> str:
    """PYTHONPATH for a script: `first`, then where this Python searches, without the kit."""
    own = [str(path) for path in first if path is not None]
    hidden = {"", str(KIT), os.getcwd()}
    return os.pathsep.join(
        own + [path for path in sys.path if path not in hidden and os.path.realpath(path) not in hidden]
    )


def link_channel(path: Path, folder: Path) -> None:
    """Have `folder` show a channel: a folder as it is, a file inside of it, as platforms do."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        folder.symlink_to(path.absolute(), target_is_directory=True)
        return
    folder.mkdir()
    (folder / path.name).symlink_to(path.absolute())


def bring(written: Path, target: Path | None, without: Sequence[str] = ()) -> None:
    """Move what a folder holds, but the names `without`, to another one; what is there already stays."""
    if target is None or not written.is_dir() or (target.exists() and target.samefile(written)):
        return
    target.mkdir(parents=True, exist_ok=True)
    for entry in sorted(written.iterdir()):
        if entry.name not in without and not (target / entry.name).exists():
            shutil.move(entry, target / entry.name)


def whole(value: Any) -> Any:
    """A whole number without a point: Pulumi has only floats."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def typed_hyperparameters(environment: Mapping[str, str], texts: Mapping[str, str]) -> dict[str, Any]:
    """The hyperparameters with their types, from `MOORING_HYPERPARAMETERS` (JSON) where it is set."""
    if given := environment.get("MOORING_HYPERPARAMETERS"):
        return {name: whole(value) for name, value in json.loads(given).items() if value is not None}
    return dict(texts)
