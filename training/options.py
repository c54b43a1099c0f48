"""The hyperparameters that the trainer itself understands, apart from those of the estimator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from training.errors import TrainingError, nearest

Task = Literal["classification", "regression"]

TRUE = frozenset({"true", "1", "yes", "on", "y", "t"})
FALSE = frozenset({"false", "0", "no", "off", "n", "f"})
OWN = ("target", "seed", "test_size", "estimator", "task", "categorical", "drop")
"""Names that are the trainer's own; every other hyperparameter belongs to the estimator."""


@dataclass(frozen=True)
class Options:
    """How to train. `parameters` are the estimator's, still as text."""

    target: str
    seed: int = 0
    test_size: float = 0.2
    estimator: str | None = None
    task: Task | None = None
    categorical: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)


def parse_options(hyperparameters: Mapping[str, str]) -> Options:
    """Options out of hyperparameters in text form. Raises TrainingError naming the option and what it takes."""
    own = {name: value for name, value in hyperparameters.items() if name in OWN}
    if not own.get("target"):
        raise TrainingError("--target is missing; it names the column to predict")
    task = own.get("task")
    if task not in (None, "classification", "regression"):
        raise TrainingError(f"--task: '{task}' is unknown{nearest(str(task), ('classification', 'regression'))}")
    return Options(
        target=own["target"],
        seed=_seed(own.get("seed", "0")),
        test_size=_test_size(own.get("test_size", "0.2")),
        estimator=own.get("estimator") or None,
        task="classification" if task == "classification" else "regression" if task == "regression" else None,
        categorical=_names(own.get("categorical", "")),
        drop=_names(own.get("drop", "")),
        parameters={name: value for name, value in hyperparameters.items() if name not in OWN},
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _seed(text: str) -> int:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number < 2**32 or number != int(number):
        raise TrainingError(f"--seed: '{text}' is not a whole number from 0 to {2**32 - 1}")
    return int(number)


def _test_size(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise TrainingError(f"--test_size: '{text}' is not a share between 0 and 1, such as 0.2")
    return share
