"""Training on this machine without a stack: the kit's trainer on a file, a folder or an address."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mooring import local_run, output_folder
from mooring.artifact import Artifact
from mooring.local_run_display import Progress
from providers.errors import InvalidInput, JobFailed, NotFound, did_you_mean

KEPT_DAYS = 30
"""Days that an interrupted training's checkpoints wait for the same command."""


@dataclass(frozen=True)
class Wanted:
    """What is trained: on `data`, with these hyperparameters, into the folder `output`."""

    data: str
    output: Path
    hyperparameters: Mapping[str, str]
    force: bool = False
    estimator: str = ""
    ingest: Mapping[str, str] = field(default_factory=dict)

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
        data = fetch(wanted, work, progress) if wanted.is_address else Path(wanted.data).resolve()
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


def require_data(path: Path, option: str) -> None:
    """Raise `NotFound` with the nearest name for a file or folder that is not there."""
    if not path.exists():
        near = did_you_mean(path.name, sorted(entry.name for entry in path.parent.glob("*")))
        raise NotFound(f"{option} {path}: no such file or folder{near if 'did you mean' in near else ''}")


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for a child's HOME and temporary files, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="mooring-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def fetch(wanted: Wanted, work: Path, progress: Progress) -> Path:
    """Fetch what an address names into a folder: a file, an HTTP API page by page, or the rows of a query."""
    folder = work / "data"
    options = [f"--{name}={value}" for name, value in wanted.ingest.items()]
    child = local_run.Child(
        "training.ingest",
        [f"--source={wanted.data}", *options, f"--output={folder}"],
        wanted.image,
        network=True,
        prefix="ingestion failed: ",
    )
    local_run.run(child, work, progress)
    return folder


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


def parameters(given: Sequence[str]) -> dict[str, str]:
    """`--param` words as the estimator's parameters. Raises `InvalidInput` for a name of the trainer's own."""
    from training.options import OWN

    found = pairs(given, "--param", "n_estimators=50")
    for name in found:
        if name in OWN:
            raise InvalidInput(f"--param {name}: this is no parameter of the estimator; use {option_of(name)}")
    return found


def further(given: Sequence[str]) -> dict[str, str]:
    """`--option` words as the trainer's own. Raises `InvalidInput` for a name that it does not have."""
    from training.options import OWN

    found = pairs(given, "--option", "slices=region")
    for name in found:
        if name not in OWN:
            near = did_you_mean(name, OWN)
            raise InvalidInput(f"--option {name}: the trainer has no such option{near}; --param is for the estimator's")
        if name in OPTIONS:
            raise InvalidInput(f"--option {name}: use {OPTIONS[name]}")
    return found


def pairs(given: Sequence[str], option: str, example: str) -> dict[str, str]:
    """`name=value` words. Raises `InvalidInput` for a word without `=`, and for a name that is given twice."""
    found: dict[str, str] = {}
    for word in given:
        name, equals, value = word.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name:
            raise InvalidInput(f"{option} {word}: write it as name=value, such as {option} {example}")
        if name in found:
            raise InvalidInput(f"{option} {name} is given twice ('{found[name]}' and '{value}')")
        found[name] = value
    return found


OPTIONS = {
    "target": "--target",
    "seed": "--seed",
    "test_size": "--test-size",
    "estimator": "--estimator",
    "task": "--task",
    "categorical": "--categorical",
    "drop": "--drop",
    "preprocessing": "--preprocessing",
    "split": "--split",
    "cross_validation": "--cv",
    "class_weight": "--class-weight",
    "early_stopping": "--early-stopping",
    "user": "--user",
    "item": "--item",
}
"""The trainer's own names that have an option of their own; `--option` takes the others."""


def option_of(name: str) -> str:
    """How one of the trainer's names is given to `mooring train`."""
    from training.options import OWN

    return OPTIONS.get(name) or (f"--option {name}=…" if name in OWN else f"--param {name}=…")


def in_own_words(reason: str, hyperparameters: Mapping[str, str]) -> str:
    """The trainer's reason with the options of `mooring train` instead of its own: `--test-size` for `--test_size`."""

    def said(match: re.Match[str]) -> str:
        name = match[1]
        return option_of(name).removesuffix("=…") if name in OPTIONS or name in hyperparameters else match[0]

    return re.sub(r"(?<!\S)--([A-Za-z_][A-Za-z0-9_]*)", said, reason)


def nested(text: str, option: str) -> str:
    """A nested setting as JSON text: given as JSON or YAML, or as the name of a file that holds it.

    Raises `InvalidInput` for what is neither.
    """
    import yaml

    name, written = option, text
    if not text.lstrip().startswith(("{", "[")):
        require_data(Path(text), option)
        name = f"{option} {text}"
        try:
            written = Path(text).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{name}: cannot be read ({error})") from error
    try:
        found: Any = yaml.safe_load(written)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise InvalidInput(f"{name}: neither JSON nor YAML{place}: {getattr(error, 'problem', error)}") from error
    if not isinstance(found, dict):
        raise InvalidInput(f"{name}: a mapping is expected, such as {{defaults: {{number: {{missing: median}}}}}}")
    return json.dumps(found, default=str, ensure_ascii=False)
