"""Fitting: preprocessing, then the estimator with its weights and early stopping, going on from a checkpoint."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.checkpoints import Checkpoint
from training.data.table import Table
from training.errors import TrainingError
from training.estimators import stopping, weights
from training.estimators.estimators import make_estimator, parameter_defaults
from training.options import EarlyStopping, Task
from training.preprocessing.build import column_transformer
from training.preprocessing.config import Preprocessing
from training.preprocessing.matrix import matrix

Say = Callable[[str], None]

CHUNKS = 10
"""An ensemble that can grow is fitted in so many parts where there is a checkpoint to be kept between them."""
GROWING = {
    "RandomForestClassifier": "n_estimators",
    "RandomForestRegressor": "n_estimators",
    "ExtraTreesClassifier": "n_estimators",
    "ExtraTreesRegressor": "n_estimators",
    "GradientBoostingClassifier": "n_estimators",
    "GradientBoostingRegressor": "n_estimators",
    "HistGradientBoostingClassifier": "max_iter",
    "HistGradientBoostingRegressor": "max_iter",
}
"""Estimators of scikit-learn that go on (`warm_start`) to the very model that one fit would give, and what grows."""


@dataclass(frozen=True)
class Recipe:
    """All that makes a model of rows but the rows."""

    task: Task
    estimator: type[Any]
    preprocessing: Preprocessing
    parameters: Mapping[str, Any]
    seed: int
    class_weight: str | Mapping[str, float] | None = None
    early_stopping: EarlyStopping | None = None


def fit(
    recipe: Recipe,
    rows: Table,
    target: npt.NDArray[Any],
    own_weights: npt.NDArray[np.float64] | None = None,
    checkpoint: Checkpoint | None = None,
    say: Say = lambda line: None,
) -> Any:
    """The fitted pipeline. Raises TrainingError with the estimator's own reason where it refuses."""
    from sklearn.pipeline import Pipeline

    kept = checkpoint.load() if checkpoint else None
    if kept is not None and kept.whole:
        say("the fitted model is taken from the checkpoint of an interrupted run")
        return kept.model
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if kept is not None:
                prepare, model = (step for _, step in kept.model.steps)
                say(f"going on from the checkpoint of an interrupted run: {kept.done} of {kept.total} done")
                features = prepare.transform(matrix(rows))
            else:
                model = build_model(recipe, target)
                prepare = column_transformer(rows.columns, recipe.preprocessing, sparse=takes_sparse(model))
                features = prepare.fit_transform(matrix(rows), target)
            pipeline = Pipeline([("prepare", prepare), ("model", model)])
            _fit_model(recipe, pipeline, features, target, own_weights, checkpoint)
    except (ValueError, TypeError, MemoryError) as error:
        reason = str(error) or "out of memory"
        raise TrainingError(f"{recipe.estimator.__name__}: {_first(reason)}") from error
    if checkpoint:
        checkpoint.save(pipeline)
    return pipeline


def build_model(recipe: Recipe, target: npt.NDArray[Any]) -> Any:
    """The estimator, not fitted yet. Raises TrainingError for parameters and options that it does not take."""
    cls = recipe.estimator
    defaults = parameter_defaults(cls)
    chosen = {
        **stopping.parameters(cls, defaults, recipe.early_stopping),
        **weights.class_parameter(cls, defaults, recipe.class_weight, target),
        **recipe.parameters,
    }
    model = make_estimator(cls, chosen, recipe.seed)
    if recipe.task == "classification" and stopping.package_of(cls) == "xgboost":
        from mooring_transforms.labels import EncodedLabels

        return EncodedLabels(model)
    return model


def takes_sparse(model: Any) -> bool:
    """Whether an estimator takes sparse matrices, which words make; unknown counts as no."""
    from sklearn.utils import get_tags

    inner = model.estimator if type(model).__name__ == "EncodedLabels" else model
    if stopping.package_of(type(inner)) in ("xgboost", "lightgbm"):
        return True
    try:
        return bool(get_tags(inner).input_tags.sparse)
    except (AttributeError, TypeError, ValueError):
        return False


def _fit_model(
    recipe: Recipe,
    pipeline: Any,
    features: Any,
    target: npt.NDArray[Any],
    own: npt.NDArray[np.float64] | None,
    checkpoint: Checkpoint | None,
) -> None:
    model = pipeline.steps[-1][1]
    cls = recipe.estimator
    by_parameter = "class_weight" in parameter_defaults(cls)
    by_row = weights.row_weights(model, recipe.class_weight, own, target, by_parameter=by_parameter)
    classes = recipe.task == "classification"
    learn, further = stopping.fit_arguments(cls, recipe.early_stopping, features, target, recipe.seed, classes)
    if learn is not None:
        features, target = features[learn], target[learn]
        by_row = None if by_row is None else by_row[learn]
    if by_row is not None:
        further["sample_weight"] = by_row
    if checkpoint and (checkpoint.total or _grows(recipe, model)):
        _grow(pipeline, GROWING[type(model).__name__], features, target, further, checkpoint)
    else:
        model.fit(features, target, **further)


def _grows(recipe: Recipe, model: Any) -> bool:
    """Whether a model can be fitted bit by bit and come out the same."""
    public = stopping.package_of(type(model)) == "sklearn"
    name = GROWING.get(type(model).__name__, "") if public else ""
    own = (
        ("warm_start", "n_iter_no_change", "early_stopping") if "Hist" not in type(model).__name__ else ("warm_start",)
    )
    if not name or any(key in recipe.parameters for key in own) or recipe.early_stopping is not None:
        return False
    if "Hist" in type(model).__name__ and model.early_stopping is not False:
        return False  # `auto` stops early from 10,000 rows on, by a history that is not kept
    return isinstance(getattr(model, name), int) and getattr(model, name) >= CHUNKS


def _grow(
    pipeline: Any, name: str, features: Any, target: Any, further: Mapping[str, Any], checkpoint: Checkpoint
) -> None:
    """Fit in parts, keeping what is there between them. The parts depend on the number of trees alone."""
    model = pipeline.steps[-1][1]
    total = checkpoint.total or int(getattr(model, name))
    done = checkpoint.done
    marks = [total * part // CHUNKS for part in range(1, CHUNKS + 1)]
    for mark in (mark for mark in marks if mark > done):
        model.set_params(**{name: mark, "warm_start": True})
        model.fit(features, target, **further)
        if mark < total:
            checkpoint.save_part(pipeline, mark, total)
    model.set_params(**{name: total, "warm_start": False})


def _first(reason: str) -> str:
    return next((line for line in reason.strip().splitlines() if line.strip()), reason)
