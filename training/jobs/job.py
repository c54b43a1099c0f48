"""What a platform hands to a training job, in neutral form.

The contracts of the platforms (`local`, `sagemaker`, `azureml`, `vertex`) are read in modules of these names, each
to a `Job`; `contracts.current_job` finds out which one holds. docs/training-contract.md tells them side by side.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from training.errors import TrainingError
from training.jobs.reporting import Reporter, write_whole
from training.jobs.resources import Resources

CHANNELS = ("train", "validation", "test")
"""Names that are channels wherever a channel can only come as an argument: `--train PATH`."""
CHANNEL_PREFIX = "channel_"
"""`--channel_<name> PATH` is a channel of any other name."""


@dataclass(frozen=True)
class Job:
    """One run: where its inputs are, where its outputs go, its hyperparameters as text, and what it runs on.

    `channels` are files or folders, read-only. `checkpoint_dir` outlives an interrupted run, and `metrics_file`
    takes a JSON object of name to number; each None where the platform has none. What is nested in
    `hyperparameters` is JSON text.
    """

    channels: Mapping[str, Path]
    model_dir: Path
    metrics_file: Path | None = None
    checkpoint_dir: Path | None = None
    run: str = ""
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    output_dir: Path | None = None
    resources: Resources = field(default_factory=Resources)
    contract: str = "local"
    reporter: Reporter = field(default_factory=Reporter)

    @property
    def train(self) -> Path:
        """The training data: the channel `train`, else `training`, else the only one there is. See `single_file`.

        Raises TrainingError when there is no such channel, or nothing at its path.
        """
        names = [name for name in ("train", "training") if name in self.channels] or list(self.channels)
        if not names or (len(self.channels) > 1 and names[0] not in ("train", "training")):
            have = ", ".join(self.channels) or "none"
            raise TrainingError(f"the job has no channel 'train' with the training data (its channels: {have})")
        return single_file(self.channels[names[0]])

    def write_metrics(self, metrics: Mapping[str, float]) -> None:
        """Leave the metrics where the platform looks for them; the file is whole or absent."""
        if self.metrics_file is not None:
            write_whole(self.metrics_file, json.dumps(dict(metrics), indent=2, sort_keys=True) + "\n")
        self.reporter.metrics(metrics)


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


def take_channels(arguments: dict[str, str]) -> dict[str, str]:
    """Remove the channels from arguments (`CHANNELS`, `CHANNEL_PREFIX`) and return them by name."""
    taken = {name: name for name in CHANNELS if name in arguments}
    taken |= {name: name.removeprefix(CHANNEL_PREFIX) for name in arguments if name.startswith(CHANNEL_PREFIX)}
    return {channel: arguments.pop(name) for name, channel in taken.items()}


def single_file(path: Path) -> Path:
    """The one file that the folder `path` holds, else `path` as it is: platforms hand over folders.

    Raises TrainingError when there is nothing.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        raise TrainingError(f"{path}: the training data does not exist")
    files = [file for file in path.rglob("*") if file.is_file() and not file.name.startswith(".")]
    if not files:
        raise TrainingError(f"{path.name}: the training channel is an empty folder")
    return files[0] if len(files) == 1 else path


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
