"""From a table to a fitted pipeline: the split, the preprocessing, the estimator.

All preprocessing is inside the fitted pipeline, so that serving does the very same: numeric columns get their
mean for a missing value and are standardised; text columns get their most frequent value and are one-hot
encoded, categories that training never saw giving zeros.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data.table import Column, Table
from training.errors import TrainingError, nearest
from training.estimators.estimators import DEFAULTS, load_estimator, make_estimator, task_of
from training.options import Options, Task

Say = Callable[[str], None]
"""Takes one line of progress."""

MAX_CLASSES = 20
"""A target of whole numbers with more distinct values than this is a quantity, not a class."""


@dataclass(frozen=True)
class Split:
    """Features and target of the rows to learn from and of the rows held out."""

    task: Task
    estimator: type[Any]
    target: str
    train: Table
    test: Table
    train_target: npt.NDArray[Any]
    test_target: npt.NDArray[Any]
    dropped_rows: int

    @property
    def features(self) -> tuple[Column, ...]:
        """The feature columns of the training rows, in the file's order."""
        return self.train.columns


def prepare(table: Table, options: Options, say: Say = lambda line: None) -> Split:
    """Take the target out, decide on the task, and split. Raises TrainingError for data nothing can be learned from."""
    if options.target not in table.names:
        raise TrainingError(
            f"the target column '{options.target}' is not in the data{nearest(options.target, table.names)}"
        )
    target = table.column(options.target)
    present = ~target.missing
    dropped = int((~present).sum())
    if dropped:
        say(f"{dropped} rows without a value of '{options.target}' are left out")
    if not present.any():
        raise TrainingError(f"the target column '{options.target}' has no value in any row")
    features = table.without(options.target).take(present)
    if not features.columns:
        raise TrainingError(f"the data has no column but the target '{options.target}'; nothing to learn from")
    target = target.take(present)
    estimator, task = _choose(target, options)
    values = _labels(target) if task == "classification" else _quantities(target)
    _warn_about(features, say)
    train, test = _split(values, options, task)
    _check_train(features.take(train))
    return Split(
        task, estimator, options.target, features.take(train), features.take(test), values[train], values[test], dropped
    )


def matrix(table: Table) -> npt.NDArray[Any]:
    """The pipeline's input: numeric columns first, then text columns, each kind in the table's order."""
    numbers = [column.values for column in table.columns if column.kind == "number"]
    texts = [column.values for column in table.columns if column.kind == "string"]
    if not texts:
        return np.column_stack(numbers)
    mixed = np.empty((len(table), len(numbers) + len(texts)), dtype=object)
    for place, values in enumerate([*numbers, *texts]):
        mixed[:, place] = values
    return mixed


def fit(split: Split, parameters: Mapping[str, Any], seed: int) -> Any:
    """The fitted pipeline. Raises TrainingError with the estimator's own reason where it refuses."""
    pipeline = build(split, parameters, seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pipeline.fit(matrix(split.train), split.train_target)
    except (ValueError, TypeError, MemoryError) as error:
        reason = str(error) or "out of memory"
        raise TrainingError(f"{split.estimator.__name__}: {reason}") from error
    return pipeline


def build(split: Split, parameters: Mapping[str, Any], seed: int) -> Any:
    """The pipeline, not fitted yet."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = sum(column.kind == "number" for column in split.features)
    total = len(split.features)
    steps: list[tuple[str, Any, list[int]]] = []
    if numbers:
        prepared = Pipeline([("impute", SimpleImputer(strategy="mean")), ("scale", StandardScaler())])
        steps.append(("numbers", prepared, list(range(numbers))))
    if numbers < total:
        impute = SimpleImputer(missing_values="", strategy="most_frequent")
        encode = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        texts = Pipeline([("impute", impute), ("encode", encode)])
        steps.append(("texts", texts, list(range(numbers, total))))
    model = make_estimator(split.estimator, parameters, seed)
    return Pipeline([("prepare", ColumnTransformer(steps)), ("model", model)])


def _choose(target: Column, options: Options) -> tuple[type[Any], Task]:
    """Estimator and task: what the user said, else what the estimator is for, else what the target looks like."""
    looks: Task = "regression" if _is_quantity(target) else "classification"
    if options.estimator is None:
        task = options.task or looks
        return load_estimator(DEFAULTS[task]), _fits(task, target)
    cls = load_estimator(options.estimator)
    purpose = task_of(cls)
    if purpose and options.task and purpose != options.task:
        raise TrainingError(f"--task {options.task} does not fit {cls.__name__}, which is for {purpose}")
    return cls, _fits(purpose or options.task or looks, target, cls.__name__)


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


def _split(
    target: npt.NDArray[Any], options: Options, task: Task
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(target))
    stratify = target if task == "classification" else None
    try:
        train, test = train_test_split(
            rows, test_size=options.test_size, random_state=options.seed, stratify=stratify, shuffle=True
        )
    except ValueError as error:
        raise TrainingError(
            f"--test_size {options.test_size:g} of {len(rows)} rows cannot be held out: {error}"
        ) from error
    return np.sort(train), np.sort(test)


def _check_train(train: Table) -> None:
    for column in train.columns:
        if column.missing.all():
            raise TrainingError(
                f"column '{column.name}' has no value in the rows to learn from; leave it out with --drop {column.name}"
            )


def _warn_about(features: Table, say: Say) -> None:
    for column in features.columns:
        distinct = len(set(column.values[~column.missing].tolist()))
        if distinct == 1:
            say(f"warning: column '{column.name}' has one value only; it tells nothing")
        elif column.kind == "string" and distinct > 100 and distinct > len(features) / 2:
            say(
                f"warning: text column '{column.name}' has {distinct} different values; --drop it if it identifies rows"
            )
