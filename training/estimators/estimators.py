"""Estimators by their dotted name, with parameters typed as the estimator's own defaults are."""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Mapping
from typing import Any

from training.errors import TrainingError, nearest
from training.estimators import nested
from training.options import FALSE, OWN, TRUE, Task

DEFAULTS: Mapping[Task, str] = {
    "classification": "sklearn.ensemble.RandomForestClassifier",
    "regression": "sklearn.ensemble.RandomForestRegressor",
    "ranking": "sklearn.decomposition.TruncatedSVD",
}


_ANY_POSITION, _ANY_NAME = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD


def load_estimator(name: str) -> type[Any]:
    """The class of a dotted name, or of a bare scikit-learn class name. Raises TrainingError with near names."""
    module_name, _, class_name = name.rpartition(".")
    if not module_name:
        return _scikit_learn(name)
    try:
        found = getattr(importlib.import_module(module_name), class_name, None)
    except ImportError as error:
        missing = getattr(error, "name", None) or module_name
        if name.startswith("sklearn."):
            raise TrainingError(
                f"--estimator: there is no '{name}'{nearest(class_name, _dotted_names(class_name))}"
            ) from error
        raise TrainingError(
            f"--estimator: '{name}' cannot be imported (no module '{missing}'); add its package to the requirements"
        ) from error
    if not inspect.isclass(found) or not hasattr(found, "fit") or not hasattr(found, "predict"):
        raise TrainingError(f"--estimator: '{name}' is no estimator{nearest(class_name, _dotted_names(class_name))}")
    return found


def task_of(estimator: type[Any]) -> Task | None:
    """What the class is for: its own estimator type, None where it does not say."""
    from sklearn.base import is_classifier, is_regressor

    try:
        instance = estimator()
    except TypeError:
        # A meta-estimator that wants another one first; its base classes still tell.
        names = {base.__name__ for base in estimator.__mro__}
        return "classification" if "ClassifierMixin" in names else "regression" if "RegressorMixin" in names else None
    return "classification" if is_classifier(instance) else "regression" if is_regressor(instance) else None


def make_estimator(cls: type[Any], parameters: Mapping[str, Any], seed: int) -> Any:
    """An instance with these parameters, the seed, and one thread, which is what small models are fastest with.

    Text values are typed by the parameter's default. A name with `__` is a parameter of an estimator inside
    (`base_estimator__max_depth`). Raises TrainingError for an unknown name or a refused value.
    """
    defaults = parameter_defaults(cls)
    values: dict[str, Any] = {}
    inner: dict[str, Any] = {}
    for name, value in parameters.items():
        own, _, rest = name.partition("__")
        own = nested.own_name(own, defaults)
        if own not in defaults and not (rest and "estimators" in defaults):
            known = [*defaults, *OWN]
            raise TrainingError(f"--{name}: {cls.__name__} has no such parameter{nearest(name, known)}")
        if rest:
            inner[f"{own}__{rest}"] = value
        else:
            values[own] = typed(name, value, defaults[own]) if isinstance(value, str) else value
    if "random_state" in defaults:
        values.setdefault("random_state", seed)
    if "n_jobs" in defaults:
        values.setdefault("n_jobs", 1)
    values |= nested.parts(cls, values, seed)
    if cls.__module__.startswith("lightgbm."):
        values.setdefault("verbosity", -1)  # it says a screenful about every fit
    try:
        made = cls(**values)
    except (TypeError, ValueError) as error:
        raise TrainingError(f"{cls.__name__}: {error}") from error
    return nested.with_parameters(made, inner)


def parameter_defaults(cls: type[Any]) -> dict[str, Any]:
    """The parameters of a class's constructor and their defaults."""
    found: dict[str, Any] = {}
    for base in cls.__mro__:
        own = inspect.signature(base.__init__).parameters.values() if "__init__" in vars(base) else ()  # type: ignore[misc]
        plain = [parameter for parameter in own if parameter.kind not in (_ANY_POSITION, _ANY_NAME)]
        for parameter in plain:
            if parameter.name != "self":
                found.setdefault(parameter.name, parameter.default)
        if own and len(plain) == len(own):
            break  # it hands nothing on to its bases' constructors, as XGBoost's do
    return found


def typed(name: str, text: str, default: Any) -> Any:
    """A parameter's value out of its text. Numbers that platforms write as `100.0` become whole again where the
    default is whole or absent."""
    word = text.strip()
    lower = word.lower()
    if lower in ("none", "null"):
        return None
    if isinstance(default, bool):
        if lower in TRUE or lower in FALSE:
            return lower in TRUE
        raise TrainingError(f"--{name}: '{text}' is not a boolean (true or false)")
    if lower in ("true", "false"):
        return lower == "true"
    if word[:1] in ("[", "{", '"'):
        try:
            return json.loads(word)
        except json.JSONDecodeError as error:
            raise TrainingError(f"--{name}: '{text}' is not JSON ({error.msg} at character {error.pos})") from error
    return _number(word, default)


def _number(word: str, default: Any) -> Any:
    try:
        return int(word)
    except ValueError:
        pass
    try:
        value = float(word)
    except ValueError:
        return word
    whole = isinstance(default, int) or (not isinstance(default, float) and abs(value) > 1)
    return int(value) if whole and value.is_integer() else value


def _scikit_learn(class_name: str) -> type[Any]:
    from sklearn.utils import all_estimators

    found = dict(all_estimators(type_filter=["classifier", "regressor"]))
    if class_name in found:
        cls: type[Any] = found[class_name]
        return cls
    raise TrainingError(f"--estimator: there is no '{class_name}' in scikit-learn{nearest(class_name, found)}")


def _dotted_names(near: str) -> list[str]:
    """Public dotted names of scikit-learn's estimators whose class name is near."""
    from difflib import get_close_matches

    from sklearn.utils import all_estimators

    found = dict(all_estimators(type_filter=["classifier", "regressor"]))
    return [public_name(found[name]) for name in get_close_matches(near, found, n=2, cutoff=0.6)]


def public_name(cls: type[Any]) -> str:
    """The dotted name a user writes: without the private modules that a class is defined in."""
    module = ".".join(part for part in cls.__module__.split(".") if not part.startswith("_"))
    return f"{module}.{cls.__name__}"
