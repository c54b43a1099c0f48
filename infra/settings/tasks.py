"""Which keys of a training fit its task, its split and its columns."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic.alias_generators import to_camel

from infra.settings.problems import Path
from infra.settings.trainer import TrainerOptions

NEEDED_BY_RANKING = ("user", "item")
RANKING_ONLY = ("user", "item", "top_k")
NOT_RANKING = (
    *("split", "cross_validation", "preprocessing", "categorical", "class_weight", "sample_weight"),
    *("early_stopping", "slices"),
)
"""A ranking holds out some of each user's interactions, and learns from users and items alone."""


def task_findings(path: Path, training: TrainerOptions) -> Iterator[tuple[Path, str]]:
    """What does not fit together among the options of Mooring's own trainer."""
    if training.task == "ranking":
        for name in NEEDED_BY_RANKING:
            if getattr(training, name) is None:
                yield path, f"missing key '{name}': the column of the {name}s, which task 'ranking' joins"
    elif training.target is None:
        yield path, "missing key 'target': the column to predict"
    for name in NOT_RANKING if training.task == "ranking" else RANKING_ONLY:
        if getattr(training, name):
            fits = "does not fit task 'ranking'" if training.task == "ranking" else "fits task 'ranking' only"
            yield (*path, to_camel(name)), fits
    if training.class_weight is not None and training.task == "regression":
        yield (*path, "classWeight"), "fits classification, and the task is regression"
    yield from _split(path, training)
    yield from _columns((*path, "preprocessing", "columns"), training)


def _split(path: Path, training: TrainerOptions) -> Iterator[tuple[Path, str]]:
    rule = training.split
    if rule is None:
        return
    if rule.type in ("group", "time") and not rule.column:
        yield (*path, "split"), f"type '{rule.type}' needs a 'column': the {rule.type} of each row"
    if rule.type in ("random", "stratified") and rule.column:
        yield (*path, "split", "column"), f"type '{rule.type}' takes no column; group and time do"
    if rule.type == "stratified" and training.task == "regression":
        yield (*path, "split"), "'stratified' fits classes, and the task is regression"
    if rule.column and rule.column == training.target:
        yield (*path, "split", "column"), f"'{rule.column}' is the target"


def _columns(path: Path, training: TrainerOptions) -> Iterator[tuple[Path, str]]:
    for name in training.preprocessing.columns if training.preprocessing else ():
        if name == training.target:
            yield (*path, name), "is the target, which is not preprocessed"
        if name in training.drop:
            yield (*path, name), "is a column that 'drop' leaves out"
