"""The column to predict: which task it makes, whether it fits, and its values as the estimator takes them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data.table import Column
from training.errors import TrainingError
from training.estimators.estimators import DEFAULTS, load_estimator, task_of
from training.options import Options, Task

MAX_CLASSES = 20
"""A target of whole numbers with more distinct values than this is a quantity, not a class."""


def as_target(column: Column) -> Column:
    """The column as a target: long texts are the names of classes too."""
    return Column(column.name, "string", column.values) if column.kind == "text" else column


def choose(target: Column, options: Options) -> tuple[type[Any], Task]:
    """Estimator and task: what the user said, else what the estimator is for, else what the target looks like."""
    if target.kind not in ("number", "string"):
        raise TrainingError(
            f"the target '{target.name}' is a column of {target.kind}s; numbers can be predicted, and classes"
        )
    looks: Task = "regression" if _is_quantity(target) else "classification"
    if options.estimator is None:
        task = options.task or looks
        return load_estimator(DEFAULTS[task]), _fits(task, target)
    cls = load_estimator(options.estimator)
    purpose = task_of(cls)
    if purpose and options.task and purpose != options.task:
        raise TrainingError(f"--task {options.task} does not fit {cls.__name__}, which is for {purpose}")
    return cls, _fits(purpose or options.task or looks, target, cls.__name__)


def values_of(target: Column, task: Task) -> npt.NDArray[Any]:
    """Labels as they are in the file (text, or whole numbers), or quantities. Raises TrainingError for too few."""
    return _labels(target) if task == "classification" else _quantities(target)


def _is_quantity(target: Column) -> bool:
    if target.kind == "string":
        return False
    return bool((target.values % 1 != 0).any()) or len(np.unique(target.values)) > MAX_CLASSES


def _fits(task: Task, target: Column, estimator: str = "") -> Task:
    who = f"{estimator} predicts" if estimator else f"--task {task} predicts"
    if task == "regression" and target.kind == "string":
        raise TrainingError(f"{who} numbers, but the target '{target.name}' is text such as '{target.values[0]}'")
    if task == "classification" and target.kind == "number" and (target.values % 1 != 0).any():
        raise TrainingError(f"{who} classes, but the target '{target.name}' is continuous; choose a regressor")
    return task


def _labels(target: Column) -> npt.NDArray[Any]:
    """Classes as they are in the file: text, or whole numbers."""
    values = target.values if target.kind == "string" else target.values.astype(np.int64)
    found = Counter(values.tolist())
    if len(found) < 2:
        raise TrainingError(
            f"the target '{target.name}' has one class only ({next(iter(found))!r}); two or more are needed"
        )
    rare = [label for label, count in found.items() if count < 2]
    if rare:
        names = ", ".join(repr(label) for label in rare[:5])
        raise TrainingError(
            f"the target '{target.name}' has classes with a single row ({names}); each class needs two, one to learn "
            f"from and one to hold out: add rows, remove them, or choose a regressor if '{target.name}' is a quantity"
        )
    return values


def _quantities(target: Column) -> npt.NDArray[Any]:
    if len(target.values) < 2:
        raise TrainingError("one row only; at least two are needed, one to learn from and one to hold out")
    if (target.values == target.values[0]).all():
        raise TrainingError(f"the target '{target.name}' is {target.values[0]:g} in every row; nothing to learn from")
    return target.values
