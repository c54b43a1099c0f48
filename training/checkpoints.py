"""What an interrupted training leaves, and a repeated one goes on from.

The folder (MOORING_CHECKPOINT_DIR) holds `<sha256>.model.skops`, a pipeline fitted in whole or in part, and
`checkpoint.json`, which names it and the key of what it belongs to: data, options, code, packages. One with another
key is not looked at. The last one stays until the next is whole. A skops file runs no code, whoever wrote it.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.artifact import records
from training.artifact.digest import file_digest, tree_digest
from training.jobs.job import Job

EVERY = "MOORING_CHECKPOINT_SECONDS"
"""Variable: seconds between two checkpoints; what took less is done again rather than kept."""
SECONDS = 2.0
RECORD, MODEL = "checkpoint.json", ".model.skops"


@dataclass(frozen=True)
class Kept:
    """A pipeline out of a checkpoint; `whole` when nothing is left to fit, else `done` of `total` parts are."""

    model: Any
    whole: bool
    done: int = 0
    total: int = 0


@dataclass
class Checkpoint:
    """The checkpoint of one training."""

    folder: Path
    key: str
    done: int = 0
    total: int = 0
    every: float = field(default_factory=lambda: float(os.environ.get(EVERY) or SECONDS))
    saved: float = field(default_factory=time.monotonic)

    def load(self) -> Kept | None:
        """What is kept of this very training; None where there is nothing, or nothing whole."""
        from training.forms import skops_form

        try:
            record = json.loads((self.folder / RECORD).read_bytes())
            data = (self.folder / f"{record['sha256']}{MODEL}").read_bytes()
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if record.get("key") != self.key:
            return None
        if record.get("sha256") != hashlib.sha256(data).hexdigest():
            return None
        try:
            model = skops_form.loads(data)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, the training can be done again
            return None
        self.done, self.total = int(record["done"]), int(record["total"])
        return Kept(model, bool(record["whole"]), self.done, self.total)

    def save_part(self, pipeline: Any, done: int, total: int) -> None:
        """Keep a pipeline whose model has `done` of `total` parts, unless the last one is fresh."""
        self._save(pipeline, whole=False, done=done, total=total)

    def save(self, pipeline: Any) -> None:
        """Keep a fitted pipeline, unless it was fitted as fast as it could be loaded."""
        self._save(pipeline, whole=True, done=self.total, total=self.total)

    def remove(self) -> None:
        """The training is done."""
        (self.folder / RECORD).unlink(missing_ok=True)
        self._clean()

    def _clean(self, kept: str = "") -> None:
        """Remove the models of earlier checkpoints, and what a kill left half-written."""
        for path in [*self.folder.glob(f"*{MODEL}"), *self.folder.glob(f"*{MODEL}.part")]:
            if path.name != f"{kept}{MODEL}":
                path.unlink(missing_ok=True)

    def _save(self, pipeline: Any, **facts: Any) -> None:
        from training.forms import skops_form

        if time.monotonic() - self.saved < self.every:
            return
        data = skops_form.dumps(pipeline)
        self.folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(data).hexdigest()
        _write(self.folder / f"{name}{MODEL}", data)
        _write(self.folder / RECORD, (json.dumps({"key": self.key, "sha256": name, **facts}) + "\n").encode())
        self._clean(name)
        self.saved = time.monotonic()


def checkpoint_of(job: Job) -> Checkpoint | None:
    """The checkpoint of a job: data, hyperparameters, code and packages are its key. None where it has no folder."""
    if job.checkpoint_dir is None:
        return None
    data = job.train
    parts: list[Any] = [tree_digest(data) if data.is_dir() else file_digest(data), dict(job.hyperparameters)]
    parts += [records.code_digest(), records.package_versions("xgboost", "lightgbm")]
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return Checkpoint(job.checkpoint_dir, key)


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    partial = path.with_name(path.name + ".part")
    with partial.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)
