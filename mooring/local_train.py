"""Training on this machine without a stack: the kit's trainer on a file, a folder or an address."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mooring import local_fetch, local_run, output_folder
from mooring.artifact import Artifact
from mooring.local_run import require_data, scratch
from mooring.local_run_display import Progress
from mooring.trainer_options import in_own_words
from providers.errors import JobFailed

KEPT_DAYS = 30
"""Days that an interrupted training's checkpoints wait for the same command."""


@dataclass(frozen=True)
class Wanted:
    """What is trained: on `data`, with these hyperparameters, into the folder `output`.

    Where `data` is an address, `source` says how it is asked (`query`; `headers`, `items`, `paging`), and
    `requirements` are packages that this takes, such as a database's driver.
    """

    data: str
    output: Path
    hyperparameters: Mapping[str, str]
    force: bool = False
    estimator: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)
    requirements: tuple[str, ...] = ()

    @property
    def image(self) -> str:
        """The image that has the estimator's package."""
        from providers.local.environments.image_lists import image_of_estimator

        return image_of_estimator(self.estimator)

    @property
    def is_address(self) -> bool:
        """Whether the data is fetched from somewhere."""
        return "://" in self.data


def train(wanted: Wanted, progress: Progress) -> Artifact:
    """Train and put the artifact at its place. Raises what `local_run.run` and `output_folder.fresh` raise.

    An interrupted training leaves no output; its checkpoint is kept, and the same command goes on from it.
    """
    if not wanted.is_address:
        require_data(Path(wanted.data), "--data")
    with output_folder.fresh(wanted.output, force=wanted.force) as building, scratch() as work:
        data = Path(wanted.data).resolve()
        if wanted.is_address:
            data = local_fetch.fetch(wanted.data, wanted.source, wanted.requirements, work, progress)
        owner = _owner(wanted)
        child = local_run.Child(
            "training",
            [f"--{name}={value}" for name, value in sorted(wanted.hyperparameters.items())],
            wanted.image,
            variables={
                "MOORING_CHANNEL_TRAIN": str(data),
                "MOORING_MODEL_DIR": str(building),
                "MOORING_OUTPUT_DIR": str(work / "output"),
                "MOORING_METRICS_FILE": str(work / "metrics.json"),
                "MOORING_CHECKPOINT_DIR": str(_checkpoints(owner)),
                "MOORING_HYPERPARAMETERS": json.dumps(dict(wanted.hyperparameters), sort_keys=True),
                "MOORING_JOB_ID": "train",
            },
            prefix="training failed: ",
        )
        try:
            local_run.run(child, work, progress)
        except JobFailed as error:
            reason = in_own_words(error.reason, wanted.hyperparameters)
            raise JobFailed(reason, log_tail=error.log_tail) from error
        finally:
            if not can_go_on(wanted):
                _forget(owner)
    _forget(owner)
    return Artifact.read(wanted.output)


def _owner(wanted: Wanted) -> dict[str, str]:
    """Whose checkpoints they are: those of this very command."""
    told = json.dumps([wanted.data, str(wanted.output.resolve()), sorted(wanted.hyperparameters.items())])
    return {"project": "", "stack": "", "urn": "mooring train", "inputs": hashlib.sha256(told.encode()).hexdigest()}


def _checkpoints(owner: Mapping[str, str]) -> Path:
    from providers.local import records
    from providers.local.home import local_home
    from providers.local.jobs.checkpoints import checkpoint_folder

    oldest = time.time() - KEPT_DAYS * 86400
    for folder in records.entries(local_home() / "checkpoints"):
        held = records.read(folder / "owner.json") or {}
        if held.get("urn") == owner["urn"] and folder.stat().st_mtime < oldest:
            records.remove_tree(folder)
    return checkpoint_folder(local_home(), owner, "")


def can_go_on(wanted: Wanted) -> bool:
    """Whether an interrupted training left something that the same command goes on from."""
    return any(_checkpoints(_owner(wanted)).iterdir())


def _forget(owner: Mapping[str, str]) -> None:
    from providers.local.home import local_home
    from providers.local.jobs.checkpoints import forget

    forget(local_home(), owner)
