"""Thresholds: which metrics a model must reach before it is registered, and which way each of them is better.

A plain number is the lowest value allowed of a metric that is better when it is high (`accuracy: 0.9`), and the highest
one of a metric that is better when it is low (`rmse: 12`). `{min, max}` says the direction itself, which a metric of
an own script may need.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from providers.errors import did_you_mean

_AVERAGED = tuple(f"{name}_{how}" for name in ("precision", "recall", "f1") for how in ("macro", "micro", "weighted"))
METRICS: Mapping[str, tuple[str, ...]] = {
    "classification": ("accuracy", *_AVERAGED, "roc_auc", "roc_auc_weighted", "log_loss", "brier", "ece"),
    "regression": ("mae", "median_ae", "rmse", "mape", "r2"),
    "ranking": ("precision_at_k", "recall_at_k", "ndcg_at_k", "map_at_k", "hit_rate_at_k"),
}
"""What Mooring's own trainer measures, by task (docs/model-format.md)."""
PER_CLASS = ("precision", "recall", "f1", "roc_auc")
"""What it measures of each class, as `recall_class_<label>`."""
LOWER = frozenset({"log_loss", "brier", "ece", "mae", "median_ae", "rmse", "mape", "mse", "max_error"})
"""Metrics that are better when they are low; so is any whose name ends in a word of `_LOW_WORDS`."""
_LOW_WORDS = re.compile(r"(^|_)(loss|error|mae|mse|rmse|mape|std|perplexity|deviance|latency)$")
_PER_CLASS = re.compile(r"^([a-z0-9_]+?)_class_(.+)$", re.S)
_SLICE = re.compile(r"^([a-z0-9_]+)\[([^=\]]+)=(.*)\]$", re.S)


def base_name(name: str) -> str:
    """The metric without its slice, class and cross-validation: `cv_mae` and `mae[city=Rome]` are `mae`."""
    if found := _SLICE.match(name):
        name = found[1]
    if found := _PER_CLASS.match(name):
        name = found[1]
    return name.removeprefix("cv_")


def lower_is_better(name: str) -> bool:
    """Whether a smaller value of this metric is the better one."""
    base = base_name(name).lower().removesuffix("_mean")
    return base in LOWER or bool(_LOW_WORDS.search(base))


def unmet(thresholds: Mapping[str, Any], metrics: Mapping[str, float], shown: Sequence[str]) -> list[str]:
    """One sentence for each threshold that is not met, or whose metric was not measured (`shown` are those that are
    then listed). Empty when the model may be registered."""
    found = []
    for name, given in sorted(thresholds.items()):
        low, high = limits(name, given)
        if name not in metrics:
            found.append(
                f"{name} has a threshold of {_said(given)} and was not measured{_measured(name, shown, metrics)}"
            )
            continue
        value = metrics[name]
        if low is not None and not value >= low:
            found.append(f"{name} is {value:.6g}, below its threshold of {low:g}")
        if high is not None and not value <= high:
            found.append(f"{name} is {value:.6g}, above its threshold of {high:g}")
    return found


def limits(name: str, given: Any) -> tuple[float | None, float | None]:
    """Lowest and highest value allowed: of a plain number by the metric's direction, else as `{min, max}` says."""
    if isinstance(given, int | float):
        return (None, float(given)) if lower_is_better(name) else (float(given), None)
    if isinstance(given, Mapping):
        return given.get("min"), given.get("max")
    return given.min, given.max


def _said(given: Any) -> str:
    low, high = limits("", given)
    return " and ".join(f"{value:g}" for value in (low, high) if value is not None)


def _measured(name: str, shown: Sequence[str], metrics: Mapping[str, float]) -> str:
    if not metrics:
        return " (nothing was measured)"
    near = near_names(name, sorted(metrics))
    return near if near.startswith(" (did") else f" (measured: {', '.join(sorted(shown))})"


def near_names(name: str, choices: Sequence[str]) -> str:
    """`" (did you mean …?)"`, also for the beginning of a name, as `f1` is of `f1_macro`; else the choices."""
    if longer := [choice for choice in choices if choice.startswith(f"{name}_") and "_class_" not in choice]:
        return f" (did you mean {' or '.join(repr(choice) for choice in longer[:3])}?)"
    return did_you_mean(name, choices)


def unfit(names: Sequence[str], task: str | None, slices: Sequence[str], *, folds: bool) -> Iterator[tuple[str, str]]:
    """Names that Mooring's own trainer does not measure, each with what is wrong and what would be right.

    `task` is None where only the data tells it; `slices` are the columns that are sliced by; `folds` whether there is
    a cross-validation.
    """
    known = METRICS[task] if task else tuple(name for names in METRICS.values() for name in names)
    for name in names:
        if name.startswith("cv_") and not folds:
            yield name, "is of a cross-validation; add 'crossValidation' to the training"
        elif reason := _unfit(name, task, known, slices):
            yield name, reason


def _unfit(name: str, task: str | None, known: Sequence[str], slices: Sequence[str]) -> str:
    if found := _SLICE.match(name):
        if found[2] not in slices:
            have = f"sliced are {', '.join(slices)}" if slices else "add it to the training's 'slices'"
            return f"is of a slice of '{found[2]}', which is no column that is sliced by; {have}"
        name = found[1]
    if found := _PER_CLASS.match(name):
        if task in ("regression", "ranking"):
            return f"is of a class, and a {task} has none"
        return "" if found[1] in PER_CLASS else f"is measured of no class{near_names(found[1], PER_CLASS)}"
    base = name.removeprefix("cv_").removesuffix("_std" if name.startswith("cv_") else "")
    if base in known:
        return ""
    for other, names in METRICS.items():
        if base in names:
            return f"is a metric of {other}, and this is a {task}; it has: {', '.join(known)}"
    return f"is no metric that the trainer measures{near_names(base, known)}"
