"""From a table to a fitted pipeline: the target, the columns' kinds, the split, the fit.

All preprocessing is inside the fitted pipeline, so that serving does the very same. By default numbers get their mean
for a missing value and are standardised; categories get their most frequent value and are one-hot encoded, those
that training never saw giving zeros; see training.preprocessing.config.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from training import fitting, suspicions
from training.checkpoints import Checkpoint
from training.data.table import Column, Table
from training.errors import TrainingError, nearest
from training.estimators import weights
from training.options import Options, Task
from training.preprocessing import config, kinds
from training.preprocessing.build import dropping
from training.preprocessing.config import Preprocessing
from training.preprocessing.matrix import matrix as matrix  # the pipeline's input
from training.splits import Pair, Splitter, splitter
from training.target import as_target, choose, values_of

Say = Callable[[str], None]
"""Takes one line of progress."""


@dataclass(frozen=True)
class Split:
    """Features and target of the rows to learn from and of the rows held out, and how to learn from them."""

    task: Task
    estimator: type[Any]
    target: str
    train: Table
    test: Table
    train_target: npt.NDArray[Any]
    test_target: npt.NDArray[Any]
    dropped_rows: int
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    options: Options | None = None
    train_weights: npt.NDArray[np.float64] | None = None
    folds: tuple[Pair, ...] = ()
    needed: tuple[str, ...] = ()
    """Columns that must have a value in every row, as rows without one were left out."""

    @property
    def features(self) -> tuple[Column, ...]:
        """The feature columns of the training rows, in the file's order."""
        return self.train.columns

    def fold(self, pair: Pair) -> Split:
        """The same with these of the training rows to learn from and those held out."""
        learn, held = pair
        own = self.train_weights
        return replace(
            self,
            train=self.train.take(learn),
            test=self.train.take(held),
            train_target=self.train_target[learn],
            test_target=self.train_target[held],
            train_weights=None if own is None else own[learn],
            folds=(),
        )


def prepare(table: Table, options: Options, say: Say = lambda line: None) -> Split:
    """Take the target out, decide on the task, and split. Raises TrainingError for data nothing can be learned from."""
    _check_names(table, options)
    treatment = config.parse(options.preprocessing)
    target = as_target(table.column(options.target))
    present = ~target.missing
    dropped = int((~present).sum())
    if dropped:
        say(f"{dropped} rows without a value of '{options.target}' are left out")
    if not present.any():
        raise TrainingError(f"the target column '{options.target}' has no value in any row")
    estimator, task = choose(target.take(present), options)
    weights.check_task(options.class_weight, task)
    table = kinds.as_declared(table.take(present), treatment, options.target)
    table, further = _without_gaps(table, treatment, options, say)
    values = values_of(as_target(table.column(options.target)), task)
    rule = splitter(table, values, options, task)
    own = _weights(table, options)
    features = _features(table, options, rule)
    suspicions.warn(features, values, task, options.target, say)
    train, test = rule.hold_out(options.test_size)
    _check_train(features.take(train))
    return Split(
        task,
        estimator,
        options.target,
        features.take(train),
        features.take(test),
        values[train],
        values[test],
        dropped + further,
        treatment,
        options,
        None if own is None else own[train],
        _folds(rule, options, train),
        tuple(dropping(features.columns, treatment)),
    )


def fit(
    split: Split,
    parameters: Mapping[str, Any],
    seed: int,
    checkpoint: Checkpoint | None = None,
    say: Say = lambda line: None,
) -> Any:
    """The fitted pipeline. Raises TrainingError with the estimator's own reason where it refuses."""
    options = split.options
    recipe = fitting.Recipe(
        split.task,
        split.estimator,
        split.preprocessing,
        parameters,
        seed,
        options.class_weight if options else None,
        options.early_stopping if options else None,
    )
    return fitting.fit(recipe, split.train, split.train_target, split.train_weights, checkpoint, say)


def _check_names(table: Table, options: Options) -> None:
    if options.target not in table.names:
        raise TrainingError(
            f"the target column '{options.target}' is not in the data{nearest(options.target, table.names)}"
        )
    if table.names == [options.target]:
        raise TrainingError(f"the data has no column but the target '{options.target}'; nothing to learn from")
    name = options.sample_weight
    if name and name not in table.names:
        raise TrainingError(f"--sample_weight: no column '{name}' in the data{nearest(name, table.names)}")
    if name and name == options.target:
        raise TrainingError(f"--sample_weight: '{name}' is the target")


def _without_gaps(table: Table, treatment: Preprocessing, options: Options, say: Say) -> tuple[Table, int]:
    """The rows that have a value in every column whose gaps are to be dropped, and how many others there were."""
    columns = [column for column in table.columns if column.name not in (options.target, options.sample_weight)]
    kept = np.ones(len(table), dtype=np.bool_)
    for name in dropping(columns, treatment):
        gaps = table.column(name).missing
        if gaps.any():
            say(f"{int(gaps.sum())} rows without a value of '{name}' are left out (missing: drop)")
        kept &= ~gaps
    if not kept.any():
        raise TrainingError("no row is left: every one lacks a value of a column with 'missing: drop'")
    return (table, 0) if kept.all() else (table.take(kept), int((~kept).sum()))


def _weights(table: Table, options: Options) -> npt.NDArray[np.float64] | None:
    """The weight of each row out of its column."""
    if not options.sample_weight:
        return None
    column = table.column(options.sample_weight)
    bad = np.ones(len(table), dtype=np.bool_)
    if column.kind == "number":
        bad = ~(column.values >= 0)
    if bad.any():
        row = int(table.row_numbers[bad][0]) + 1
        raise TrainingError(f"--sample_weight: '{column.name}' of row {row} is no weight; numbers from 0 on are")
    return column.values


def _features(table: Table, options: Options, rule: Splitter) -> Table:
    """The columns to learn from. Groups say which rows belong together, and would be unknown in a new row."""
    left_out = {options.target, options.sample_weight, *([rule.column] if rule.kind == "group" else [])}
    features = table.without(*left_out)
    if not features.columns:
        raise TrainingError(f"the data has no column but the target '{options.target}'; nothing to learn from")
    return features


def _folds(rule: Splitter, options: Options, train: npt.NDArray[np.int64]) -> tuple[Pair, ...]:
    """The folds, as places among the training rows."""
    if not options.cross_validation:
        return ()
    place = np.full(int(train.max()) + 1, -1, dtype=np.int64)
    place[train] = np.arange(len(train))
    return tuple((place[learn], place[held]) for learn, held in rule.folds(options.cross_validation, train))


def _check_train(train: Table) -> None:
    for column in train.columns:
        if column.missing.all():
            raise TrainingError(
                f"column '{column.name}' has no value in the rows to learn from; leave it out with --drop {column.name}"
            )
