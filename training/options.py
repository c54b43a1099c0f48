"""The hyperparameters that the trainer itself understands, apart from those of the estimator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from training.errors import TrainingError, nearest

Task = Literal["classification", "regression", "ranking"]
TASKS: tuple[Task, ...] = ("classification", "regression", "ranking")
SplitKind = Literal["random", "stratified", "group", "time"]
SPLITS: tuple[SplitKind, ...] = ("random", "stratified", "group", "time")

TRUE = frozenset({"true", "1", "yes", "on", "y", "t"})
FALSE = frozenset({"false", "0", "no", "off", "n", "f"})
OWN = (
    *("target", "seed", "test_size", "estimator", "task", "categorical", "drop", "preprocessing", "split"),
    *(
        "cross_validation",
        "class_weight",
        "early_stopping",
        "sample_weight",
        "user",
        "item",
        "top_k",
        "slices",
        "card",
        "schema",
        "delimiter",
        "data_format",
        "memory_mib",
    ),
)
"""Names that are the trainer's own; every other hyperparameter belongs to the estimator."""
RANKING_ONLY = ("user", "item", "top_k")
NOT_RANKING = (
    "class_weight",
    "early_stopping",
    "sample_weight",
    "cross_validation",
    "preprocessing",
    "categorical",
    "slices",
)


@dataclass(frozen=True)
class SplitRule:
    """How rows are held out. No kind: stratified for classes, random for quantities."""

    kind: SplitKind | None = None
    column: str = ""


@dataclass(frozen=True)
class EarlyStopping:
    """Stop when `rounds` iterations brought nothing on the `share` of the training rows that is set aside for it."""

    rounds: int = 10
    share: float = 0.1


@dataclass(frozen=True)
class Options:
    """How to train. `parameters` are the estimator's, still as text; so are `preprocessing` and
    `schema` (JSON). `memory_mib` is the ceiling of the table in memory: of more data a sample is used."""

    target: str
    seed: int = 0
    test_size: float = 0.2
    estimator: str | None = None
    task: Task | None = None
    categorical: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    preprocessing: str = ""
    split: SplitRule = SplitRule()
    cross_validation: int = 0
    class_weight: str | Mapping[str, float] | None = None
    early_stopping: EarlyStopping | None = None
    sample_weight: str = ""
    user: str = ""
    item: str = ""
    top_k: int = 10
    slices: tuple[str, ...] = ()
    card: str = ""
    schema: str = ""
    delimiter: str = ""
    data_format: str = ""
    memory_mib: int = 2048


def parse_options(hyperparameters: Mapping[str, str]) -> Options:
    """Options out of hyperparameters in text form. Raises TrainingError naming the option and what it takes."""
    own = {name: value for name, value in hyperparameters.items() if name in OWN}
    task = _task(own.get("task"))
    _check_fit(own, task)
    if not own.get("target") and task != "ranking":
        raise TrainingError("--target is missing; it names the column to predict")
    return Options(
        target=own.get("target", ""),
        seed=_seed(own.get("seed", "0")),
        test_size=_test_size(own.get("test_size", "0.2")),
        estimator=own.get("estimator") or None,
        task=task,
        categorical=_names(own.get("categorical", "")),
        drop=_names(own.get("drop", "")),
        parameters={name: value for name, value in hyperparameters.items() if name not in OWN},
        preprocessing=own.get("preprocessing", ""),
        split=_split(own.get("split", "")),
        cross_validation=_folds(own.get("cross_validation", "")),
        class_weight=_class_weight(own.get("class_weight", "")),
        early_stopping=_early_stopping(own.get("early_stopping", "")),
        sample_weight=own.get("sample_weight", ""),
        user=own.get("user", ""),
        item=own.get("item", ""),
        top_k=_whole("top_k", own.get("top_k", "10"), 1),
        slices=_names(own.get("slices", "")),
        card=own.get("card", ""),
        schema=own.get("schema", ""),
        delimiter=own.get("delimiter", ""),
        data_format=own.get("data_format", ""),
        memory_mib=_whole("memory_mib", own.get("memory_mib", "2048"), 1),
    )


def _task(text: str | None) -> Task | None:
    for task in TASKS:
        if task == text:
            return task
    if text:
        raise TrainingError(f"--task: '{text}' is unknown{nearest(text, TASKS)}")
    return None


def _check_fit(own: Mapping[str, str], task: Task | None) -> None:
    """Options that the task has no use for."""
    if task == "ranking":
        for name in ("user", "item"):
            if not own.get(name):
                raise TrainingError(
                    f"--{name} is missing; it names the column of the {name}s, whom --task ranking joins"
                )
        for name in NOT_RANKING:
            if own.get(name):
                raise TrainingError(f"--{name} does not fit --task ranking, which learns from users and items alone")
        return
    for name in RANKING_ONLY:
        if own.get(name):
            raise TrainingError(f"--{name} fits --task ranking only")


def _names(text: str) -> tuple[str, ...]:
    if text.lstrip().startswith("["):
        found = _json("a list of columns", text)
        return tuple(str(name) for name in found)
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _json(what: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise TrainingError(f"{what}: '{text}' is not JSON ({error.msg} at character {error.pos})") from error


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


def _whole(name: str, text: str, low: int) -> int:
    try:
        number = float(text)
    except ValueError:
        number = low - 1
    if number != number or number < low or number != int(number):
        raise TrainingError(f"--{name}: '{text}' is not a whole number of at least {low}")
    return int(number)


def _folds(text: str) -> int:
    return 0 if text.lower() in ("", "0", *FALSE) else _whole("cross_validation", text, 2)


def _split(text: str) -> SplitRule:
    """`time`, `group:patient`, or `{"type": "group", "column": "patient"}`."""
    if not text:
        return SplitRule()
    kind, _, column = text.partition(":")
    if text.lstrip().startswith("{"):
        found = _json("--split", text)
        for key in found:
            if key not in ("type", "column"):
                raise TrainingError(f"--split: unknown key '{key}'{nearest(key, ('type', 'column'))}")
        kind, column = str(found.get("type", "")), str(found.get("column") or "")
    known = next((name for name in SPLITS if name == kind.strip()), None)
    if known is None:
        raise TrainingError(f"--split: '{kind}' is unknown{nearest(kind, SPLITS)}")
    if known in ("group", "time") and not column:
        raise TrainingError(
            f"--split: {known} needs a column, as in '{known}:{'patient' if known == 'group' else 'day'}'"
        )
    if known in ("random", "stratified") and column:
        raise TrainingError(f"--split: {known} takes no column; group and time do")
    return SplitRule(known, column.strip())


def _class_weight(text: str) -> str | Mapping[str, float] | None:
    """`balanced`, `none`, or `{"yes": 5, "no": 1}`."""
    if text.strip().lower() in ("", "none", "null"):
        return None
    if text.strip() in ("balanced", "balanced_subsample"):
        return text.strip()
    found = _json("--class_weight", text) if text.lstrip().startswith("{") else None
    numbers = isinstance(found, dict) and all(
        isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 for value in found.values()
    )
    if not numbers or not found:
        raise TrainingError(
            f"--class_weight: '{text}' is neither 'balanced' nor weights by class such as {{\"yes\": 5}}"
        )
    return {str(label): float(value) for label, value in found.items()}


def _early_stopping(text: str) -> EarlyStopping | None:
    """`true`, a number of rounds, or `{"rounds": 10, "share": 0.1}`."""
    lower = text.strip().lower()
    if lower in ("", "none", "auto", *FALSE):
        return None
    if lower in TRUE:
        return EarlyStopping()
    if not lower.startswith("{"):
        return EarlyStopping(rounds=_whole("early_stopping", text, 1))
    found = _json("--early_stopping", text)
    for key in found:
        if key not in ("rounds", "share"):
            raise TrainingError(f"--early_stopping: unknown key '{key}'{nearest(key, ('rounds', 'share'))}")
    share = found.get("share", 0.1)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
        raise TrainingError(f"--early_stopping: 'share' is {share!r}, and must be between 0 and 1")
    return EarlyStopping(_whole("early_stopping", str(found.get("rounds", 10)), 1), float(share))
