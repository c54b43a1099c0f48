"""An existing model of XGBoost or LightGBM, in the library's own file format, as the parts of an artifact.

Neither format runs code when it is loaded: XGBoost's is JSON (or UBJSON), LightGBM's is text. Needs the image
`boosting`; the ONNX form, where it is as good, is served without.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.errors import TrainingError
from training.forms import skops_form
from training.forms.sklearn_model import Parts, parts_of

CLASSIFIES = ("binary:logistic", "multi:softprob", "multi:softmax")
"""XGBoost's objectives whose answer is a class; those of `reg:` and `rank:` (and counts) answer a number."""
NOT_TAKEN = ("binary:hinge", "binary:logitraw", "survival:aft", "survival:cox", "reg:quantileerror")
"""XGBoost's objectives whose answer is neither a class with its probability nor one number a row."""

CATEGORIES = (
    "it was fitted on a data frame's categories, which its file knows by number only; encode them in a pipeline before "
    "the model, and package that"
)


def from_xgboost(path: Path, columns: Sequence[str] = ()) -> Parts:
    """A model that `save_model` wrote. Raises TrainingError for a damaged one, and for an objective that is neither
    classification nor regression."""
    xgboost = _module("xgboost", path)
    booster = xgboost.Booster()
    try:
        booster.load_model(str(path))
        learner = json.loads(booster.save_config())["learner"]
        objective = str(learner["objective"]["name"])
        targets = int(learner["learner_model_param"].get("num_target", 1))
    except (xgboost.core.XGBoostError, ValueError, KeyError) as error:
        raise TrainingError(f"{path.name}: not an XGBoost model, or a truncated one ({_reason(error)})") from error
    if objective in NOT_TAKEN or targets > 1:
        what = f"its objective is {objective}" if objective in NOT_TAKEN else f"it predicts {targets} targets at once"
        raise TrainingError(f"{path.name}: {what}, which is not supported; classification or one number a row is")
    if "c" in (booster.feature_types or []):
        raise TrainingError(f"{path.name}: {CATEGORIES}")
    names = list(columns) or booster.feature_names or []
    booster.feature_names = booster.feature_types = None  # columns are known by their places from here on
    if objective == "multi:softmax":  # the same trees, asked for the shares instead of the largest one's number
        booster.set_param({"objective": "multi:softprob"})
    model = xgboost.XGBClassifier() if objective in CLASSIFIES else xgboost.XGBRegressor()
    model.load_model(booster.save_raw("json"))
    return _parts(model, path, names)


def from_lightgbm(path: Path, columns: Sequence[str] = ()) -> Parts:
    """A model that `Booster.save_model` wrote. Raises as `from_xgboost` does."""
    lightgbm = _module("lightgbm", path)
    text = path.read_bytes()
    if not text.startswith(b"tree") or b"\nend of trees" not in text:  # LightGBM would abort the process
        raise TrainingError(f"{path.name}: not a LightGBM model, or a truncated one (it has no line 'end of trees')")
    try:
        booster = lightgbm.Booster(model_file=str(path))
        objective = str(booster.dump_model(num_iteration=1).get("objective", "")).split(" ")[0]
    except (lightgbm.basic.LightGBMError, ValueError) as error:
        raise TrainingError(f"{path.name}: not a LightGBM model, or a truncated one ({_reason(error)})") from error
    if any(booster.pandas_categorical or []):
        raise TrainingError(f"{path.name}: {CATEGORIES}")
    return _parts(_lightgbm_estimator(lightgbm, booster, objective), path, list(columns) or booster.feature_name())


def _lightgbm_estimator(lightgbm: Any, booster: Any, objective: str) -> Any:
    """The estimator around a booster, as `fit` leaves it: LightGBM has no way to load one into it."""
    from sklearn.preprocessing import LabelEncoder

    classifies = objective in ("binary", "multiclass", "multiclassova")
    model = lightgbm.LGBMClassifier() if classifies else lightgbm.LGBMRegressor()
    names = booster.feature_name()
    model._Booster, model._n_features, model._n_features_in, model.fitted_ = booster, len(names), len(names), True
    model._objective, model._best_iteration, model._other_params = objective, -1, {}
    if classifies:
        count = 2 if objective == "binary" else booster.num_model_per_iteration()
        model._le = LabelEncoder().fit(np.arange(count))
        model._classes, model._n_classes = model._le.classes_, count
    return model


def _parts(model: Any, path: Path, columns: Sequence[str]) -> Parts:
    data = skops_form.dumps(model)
    entry = {"file": "model.skops", "format": "skops", "trusted_types": skops_form.untrusted_types(data)}
    return parts_of(model, path.name, (data, entry), columns)


def _module(name: str, path: Path) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise TrainingError(
            f"{path.name}: needs {name}, which this environment does not have; the image 'boosting' has it"
        ) from error


def _reason(error: BaseException) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__
