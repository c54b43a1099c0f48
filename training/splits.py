"""Which rows are held out, and the folds of a cross-validation: at random, by classes, by groups, by time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data.table import Column, Table
from training.errors import TrainingError, nearest
from training.options import Options, SplitKind, Task

Rows = npt.NDArray[np.int64]
Pair = tuple[Rows, Rows]
"""Places of the rows to learn from and of the rows held out, each in the table's order."""


@dataclass(frozen=True)
class Splitter:
    """One rule of splitting, on rows whose targets are `target`. `keys` are the groups or the times of the rows."""

    kind: SplitKind
    target: npt.NDArray[Any]
    keys: npt.NDArray[Any] | None
    seed: int
    column: str = ""

    def hold_out(self, share: float) -> Pair:
        """Hold out about this share of the rows. Raises TrainingError where that leaves one side empty."""
        from sklearn.model_selection import GroupShuffleSplit, train_test_split

        rows = np.arange(len(self.target))
        if self.kind == "time":
            return self._latest(share)
        try:
            if self.kind == "group":
                chosen = GroupShuffleSplit(1, test_size=share, random_state=self.seed)
                train, test = next(chosen.split(rows, groups=self.keys))
            else:
                stratify = self.target if self.kind == "stratified" else None
                train, test = train_test_split(rows, test_size=share, random_state=self.seed, stratify=stratify)
        except ValueError as error:
            what = f"{len(set(_listed(self.keys)))} groups" if self.kind == "group" else f"{len(rows)} rows"
            raise TrainingError(f"--test_size {share:g} of {what} cannot be held out: {error}") from error
        return np.sort(train), np.sort(test)

    def folds(self, count: int, rows: Rows) -> Iterator[Pair]:
        """Cross-validation over these rows. Raises TrainingError where there are too few of something."""
        from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

        target = self.target[rows]
        keys = None if self.keys is None else self.keys[rows]
        if self.kind == "time":
            yield from self._rolling(count, rows)
            return
        makers: dict[str, Callable[[], Any]] = {
            "random": lambda: KFold(count, shuffle=True, random_state=self.seed),
            "stratified": lambda: StratifiedKFold(count, shuffle=True, random_state=self.seed),
            "group": lambda: GroupKFold(count),
        }
        if self.kind == "stratified":
            labels, counts = np.unique(target, return_counts=True)
            if counts.min() < count:
                rare = labels[counts.argmin()]
                raise TrainingError(
                    f"--cross_validation {count}: class {str(rare)!r} has {counts.min()} rows to learn from, fewer "
                    "than there are folds; choose fewer folds"
                )
        try:
            for train, test in makers[self.kind]().split(rows, target, keys):
                yield rows[train], rows[test]
        except ValueError as error:
            raise TrainingError(f"--cross_validation {count}: {error}") from error

    def _latest(self, share: float) -> Pair:
        """The latest rows; rows of one moment stay on one side."""
        keys = np.asarray(self.keys)
        order = np.argsort(keys, kind="stable")
        cut = len(order) - max(1, round(share * len(order)))
        ordered = keys[order]
        first = int(np.searchsorted(ordered, ordered[cut], side="left")) if cut > 0 else 0
        if first == 0:
            first = int(np.searchsorted(ordered, ordered[max(cut, 0)], side="right"))
        if not 0 < first < len(order):
            raise TrainingError(
                f"--split time: column '{self.column}' has one value only; there is no later part to hold out"
            )
        return np.sort(order[:first]), np.sort(order[first:])

    def _rolling(self, count: int, rows: Rows) -> Iterator[Pair]:
        """Each fold is predicted from all that was before it."""
        keys = np.asarray(self.keys)[rows]
        moments = np.unique(keys)
        if len(moments) < count + 1:
            raise TrainingError(
                f"--cross_validation {count}: column '{self.column}' has {len(moments)} different times to learn from; "
                f"{count + 1} or more are needed"
            )
        edges = [moments[len(moments) * part // (count + 1)] for part in range(1, count + 1)]
        for at, edge in enumerate(edges):
            end = edges[at + 1] if at + 1 < count else None
            held = (keys >= edge) & ((keys < end) if end is not None else True)
            yield rows[keys < edge], rows[held]


def splitter(table: Table, target: npt.NDArray[Any], options: Options, task: Task) -> Splitter:
    """The splitter that the options ask for. Raises TrainingError for a rule that does not fit."""
    rule = options.split
    kind: SplitKind = rule.kind or ("stratified" if task == "classification" else "random")
    if kind == "stratified" and task != "classification":
        raise TrainingError(f"--split stratified fits classes, and this is a {task}; choose random, group or time")
    if kind not in ("group", "time"):
        return Splitter(kind, target, None, options.seed)
    if rule.column == options.target:
        raise TrainingError(f"--split {kind}: '{rule.column}' is the target; name the column of the {kind}s")
    if rule.column not in table.names:
        raise TrainingError(f"--split {kind}: no column '{rule.column}'{nearest(rule.column, table.names)}")
    column = table.column(rule.column)
    if column.missing.any():
        row = int(table.row_numbers[column.missing][0]) + 1
        raise TrainingError(f"--split {kind}: column '{rule.column}' has no value in row {row}; every row needs one")
    if kind == "time":
        return Splitter(kind, target, _times(column, table), options.seed, column.name)
    keys = np.unique(column.values.astype(str), return_inverse=True)[1]
    return Splitter(kind, target, keys, options.seed, column.name)


def _times(column: Column, table: Table) -> npt.NDArray[Any]:
    """Times that can be compared: dates, or numbers."""
    from mooring_transforms.moments import seconds_of

    if column.kind in ("number", "date"):
        return column.values
    found = np.empty(len(table))
    for at, text in enumerate(column.values.tolist()):
        try:
            found[at] = seconds_of(text)
        except ValueError as error:
            raise TrainingError(
                f"--split time: column '{column.name}', row {int(table.row_numbers[at]) + 1}: {error}"
            ) from None
    return found


def _listed(keys: npt.NDArray[Any] | None) -> list[Any]:
    return [] if keys is None else keys.tolist()
