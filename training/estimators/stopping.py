"""Early stopping, as each kind of estimator has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from training.errors import TrainingError
from training.options import EarlyStopping

HAVE_IT = "HistGradientBoosting…, GradientBoosting…, SGD…, MLP…, XGB… and LGBM…"


def parameters(cls: type[Any], defaults: Mapping[str, Any], rule: EarlyStopping | None) -> dict[str, Any]:
    """The estimator's parameters for the rule. Raises TrainingError for an estimator without early stopping."""
    if rule is None or package_of(cls) == "lightgbm":
        return {}
    if package_of(cls) == "xgboost":
        return {"early_stopping_rounds": rule.rounds}
    shared = {"n_iter_no_change": rule.rounds, "validation_fraction": rule.share}
    if not shared.keys() <= defaults.keys():
        raise TrainingError(f"--early_stopping: {cls.__name__} has none; {HAVE_IT} have")
    return shared | ({"early_stopping": True} if "early_stopping" in defaults else {})


def package_of(cls: type[Any]) -> str:
    """The package that a class is from."""
    return cls.__module__.partition(".")[0]


def fit_arguments(
    cls: type[Any], rule: EarlyStopping | None, features: Any, target: npt.NDArray[Any], seed: int, stratified: bool
) -> tuple[npt.NDArray[np.int64] | None, dict[str, Any]]:
    """For estimators that are handed the rows to watch: which rows are left to learn from, and `eval_set`."""
    if rule is None or package_of(cls) not in _WATCHERS:
        return None, {}
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(target))
    try:
        learn, watch = train_test_split(
            rows, test_size=rule.share, random_state=seed, stratify=target if stratified else None
        )
    except ValueError:  # a class has too few rows to be on both sides
        learn, watch = train_test_split(rows, test_size=rule.share, random_state=seed)
        if stratified and set(np.unique(target[watch]).tolist()) - set(np.unique(target[learn]).tolist()):
            raise TrainingError("--early_stopping: too few rows of a class to set some aside") from None
    learn, watch = np.sort(learn), np.sort(watch)
    return learn, {"eval_set": [(features[watch], target[watch])], **_WATCHERS[package_of(cls)](rule)}


def _xgboost(rule: EarlyStopping) -> dict[str, Any]:
    return {"verbose": False}


def _lightgbm(rule: EarlyStopping) -> dict[str, Any]:
    import lightgbm

    return {"callbacks": [lightgbm.early_stopping(rule.rounds, verbose=False)]}


_WATCHERS: Mapping[str, Callable[[EarlyStopping], dict[str, Any]]] = {"xgboost": _xgboost, "lightgbm": _lightgbm}
