"""Weights of classes and of rows: as the estimator takes them, or an error that says that it takes none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from training.errors import TrainingError, nearest
from training.options import Task

Weights = npt.NDArray[np.float64]


def class_parameter(
    cls: type[Any], defaults: Mapping[str, Any], chosen: str | Mapping[str, float] | None, target: npt.NDArray[Any]
) -> dict[str, Any]:
    """The parameter `class_weight` of an estimator that has one; nothing for others (see row_weights)."""
    if chosen is None or "class_weight" not in defaults:
        return {}
    return {"class_weight": chosen if isinstance(chosen, str) else by_label(chosen, target)}


def row_weights(
    model: Any,
    chosen: str | Mapping[str, float] | None,
    own: Weights | None,
    target: npt.NDArray[Any],
    *,
    by_parameter: bool,
) -> Weights | None:
    """A weight for each row: those of a column, times those of the classes where the estimator has no parameter
    for them. None where all weigh the same. Raises TrainingError for an estimator that takes no weights."""
    from sklearn.utils.class_weight import compute_sample_weight

    found = own
    if chosen is not None and not by_parameter:
        weights = chosen if isinstance(chosen, str) else by_label(chosen, target)
        classes: Weights = compute_sample_weight("balanced" if isinstance(weights, str) else weights, target)
        found = classes if found is None else found * classes
    if found is not None and not takes_weights(model):
        option = "sample_weight" if own is not None else "class_weight"
        raise TrainingError(
            f"--{option}: {type(model).__name__} takes no weights; choose another estimator, such as "
            "RandomForestClassifier, LogisticRegression or HistGradientBoostingClassifier"
        )
    return found


def takes_weights(model: Any) -> bool:
    """Whether the estimator's fit takes sample_weight."""
    from sklearn.utils.validation import has_fit_parameter

    inner = model.estimator if type(model).__name__ == "EncodedLabels" else model
    return bool(has_fit_parameter(inner, "sample_weight"))


def by_label(weights: Mapping[str, float], target: npt.NDArray[Any]) -> dict[Any, float]:
    """Weights by the labels as the data has them. Raises TrainingError for classes that differ."""
    labels = {str(label): label for label in np.unique(target).tolist()}
    for name in weights:
        if name not in labels:
            raise TrainingError(f"--class_weight: there is no class '{name}'{nearest(name, labels)}")
    if left := [name for name in labels if name not in weights]:
        raise TrainingError(
            f"--class_weight: no weight for {', '.join(repr(name) for name in left[:5])}; name every class"
        )
    return {labels[name]: value for name, value in weights.items()}


def check_task(chosen: object, task: Task) -> None:
    """Weights of classes fit classes only."""
    if chosen is not None and task != "classification":
        raise TrainingError(f"--class_weight fits classification, and this is a {task}; --sample_weight names a column")
