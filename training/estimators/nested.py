"""Estimators within estimators: AdaBoost's trees, the members of a vote, the last one of a stack.

`estimator` is the trainer's own hyperparameter, so what another estimator builds on is its `base_estimator`:
`{base_estimator: sklearn.tree.DecisionTreeClassifier, base_estimator__max_depth: 3}`; a vote or a stack has
`estimators: {forest: sklearn.ensemble.RandomForestClassifier, …}` and perhaps a `final_estimator`.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import Parameter
from typing import Any

from training.errors import TrainingError, nearest

SINGLE = ("estimator", "base_estimator", "final_estimator", "regressor")
"""Parameters of scikit-learn's meta-estimators that are an estimator."""
KEYS = ("estimator", "parameters")


def own_name(name: str, defaults: Mapping[str, Any]) -> str:
    """The class's own name of a parameter: `base_estimator` is `estimator` in newer classes."""
    return "estimator" if name == "base_estimator" and name not in defaults and "estimator" in defaults else name


def parts(cls: type[Any], values: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The estimators that parameters name. Raises TrainingError for what is none, and where one is needed."""
    from training.estimators.estimators import parameter_defaults

    found: dict[str, Any] = {}
    for name in SINGLE:
        if isinstance(values.get(name), str | dict):
            found[name] = _made(name, values[name], seed)
    if "estimators" in values:
        found["estimators"] = _members(values["estimators"], seed)
    defaults = parameter_defaults(cls)
    for name in ("estimator", "estimators"):
        if name in defaults and defaults[name] is Parameter.empty and name not in values:
            shown = "base_estimator" if name == "estimator" else name
            raise TrainingError(f"{cls.__name__} needs the parameter '{shown}', the dotted name of another estimator")
    return found


def with_parameters(model: Any, inner: Mapping[str, Any]) -> Any:
    """Set parameters of estimators inside, typed by what they are now."""
    from training.estimators.estimators import typed

    if not inner:
        return model
    model = _with_defaults(model, inner)
    known = model.get_params(deep=True)
    for name, value in inner.items():
        if name not in known:
            prefix = name.rpartition("__")[0]
            near = [key for key in known if key.startswith(f"{prefix}__")]
            raise TrainingError(f"--{name}: {type(model).__name__} has no such parameter{nearest(name, near or known)}")
        try:
            model.set_params(**{name: typed(name, value, known[name]) if isinstance(value, str) else value})
        except (TypeError, ValueError) as error:
            raise TrainingError(f"--{name}: {error}") from error
    return model


def _with_defaults(model: Any, inner: Mapping[str, Any]) -> Any:
    """The model with the estimator that it would build on by itself, where a parameter of that one is given."""
    from sklearn.base import is_classifier
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    for name in {key.partition("__")[0] for key in inner} & set(SINGLE):
        if getattr(model, name, None) is None:
            depth = {"max_depth": 1 if is_classifier(model) else 3} if "AdaBoost" in type(model).__name__ else {}
            tree = DecisionTreeClassifier if is_classifier(model) else DecisionTreeRegressor
            if "AdaBoost" not in type(model).__name__ and "Bagging" not in type(model).__name__:
                raise TrainingError(f"--{name}__…: {type(model).__name__} has no {name}; name it with base_estimator")
            model.set_params(**{name: tree(**depth)})
    return model


def _made(name: str, value: Any, seed: int) -> Any:
    from training.estimators.estimators import load_estimator, make_estimator

    entry = {"estimator": value} if isinstance(value, str) else value
    if not isinstance(entry, dict) or not isinstance(entry.get("estimator"), str):
        raise TrainingError(
            f"--{name}: {value!r} names no estimator; write its dotted name, or a mapping with 'estimator'"
        )
    for key in entry:
        if key not in KEYS:
            raise TrainingError(f"--{name}: unknown key '{key}'{nearest(key, KEYS)}")
    return make_estimator(load_estimator(entry["estimator"]), entry.get("parameters") or {}, seed)


def _members(value: Any, seed: int) -> list[tuple[str, Any]]:
    pairs = list(value.items()) if isinstance(value, dict) else value
    well = isinstance(pairs, list) and pairs and all(isinstance(p, list | tuple) and len(p) == 2 for p in pairs)
    if not well:
        raise TrainingError("--estimators: a mapping of names to dotted names of estimators is expected")
    return [(str(name), _made(f"estimators.{name}", member, seed)) for name, member in pairs]
