"""What a platform hands to a training job, in neutral form; read here from the local cloud's contract.

Environment: `MOORING_CHANNEL_TRAIN` (a CSV file, or a folder with one), `MOORING_MODEL_DIR` (the artifact is
written there), `MOORING_METRICS_FILE` (JSON of name to number), `MOORING_CHECKPOINT_DIR`, `MOORING_JOB_ID`.
Arguments: the hyperparameters as `--name value`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from training.errors import TrainingError


@dataclass(frozen=True)
class Job:
    """One run: where its inputs are, where its outputs go, and its hyperparameters as text."""

    train: Path
    model_dir: Path
    metrics_file: Path | None = None
    checkpoint_dir: Path | None = None
    run: str = ""
    hyperparameters: Mapping[str, str] = field(default_factory=dict)

    def write_metrics(self, metrics: Mapping[str, float]) -> None:
        """Leave the metrics where the platform looks for them; whole or not at all."""
        if self.metrics_file is None:
            return
        self.metrics_file.parent.mkdir(parents=True, exist_ok=True)
        partial = self.metrics_file.with_name(self.metrics_file.name + ".part")
        partial.write_text(json.dumps(dict(metrics), indent=2, sort_keys=True) + "\n", encoding="utf-8")
        partial.replace(self.metrics_file)


def local_job(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Job:
    """The job as the local cloud describes it. Raises TrainingError for what is missing or malformed."""

    def required(name: str, meaning: str) -> Path:
        if not environment.get(name):
            raise TrainingError(f"the environment variable {name} is not set; it must name {meaning}")
        return Path(environment[name])

    def optional(name: str) -> Path | None:
        return Path(environment[name]) if environment.get(name) else None

    return Job(
        train=find_csv(required("MOORING_CHANNEL_TRAIN", "the training data, a CSV file or a folder with one")),
        model_dir=required("MOORING_MODEL_DIR", "the folder that receives the model"),
        metrics_file=optional("MOORING_METRICS_FILE"),
        checkpoint_dir=optional("MOORING_CHECKPOINT_DIR"),
        run=environment.get("MOORING_JOB_ID", ""),
        hyperparameters=parse_arguments(arguments),
    )


def parse_arguments(arguments: Sequence[str]) -> dict[str, str]:
    """`--name value` and `--name=value` to a mapping; hyphens in names become underscores.

    A name without a value is a switch that is on. A negative number is a value, not a name.
    """
    found: dict[str, str] = {}
    pending = list(arguments)
    while pending:
        word = pending.pop(0)
        if not _is_name(word):
            raise TrainingError(f"'{word}': hyperparameters are given as --name value")
        name, equals, value = word[2:].partition("=")
        if not equals:
            value = pending.pop(0) if pending and not _is_name(pending[0]) else "true"
        name = name.replace("-", "_")
        if name in found:
            raise TrainingError(f"--{name} is given twice ('{found[name]}' and '{value}')")
        found[name] = value
    return found


def _is_name(word: str) -> bool:
    return len(word) > 2 and word.startswith("--")


def find_csv(path: Path) -> Path:
    """The CSV file that `path` is, or that the folder `path` holds. Raises TrainingError for none or several."""
    if path.is_file():
        return path
    if not path.is_dir():
        raise TrainingError(f"{path}: the training data does not exist")
    files = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))
    tables = [file for file in files if file.suffix.lower() == ".csv"]
    if len(tables) == 1:
        return tables[0]
    if not tables:
        names = ", ".join(file.name for file in files[:5]) or "nothing"
        raise TrainingError(f"{path.name}: no .csv file in the training channel (it holds {names})")
    names = ", ".join(str(file.relative_to(path)) for file in tables[:5])
    raise TrainingError(f"{path.name}: the training channel holds {len(tables)} CSV files ({names}); one is expected")
