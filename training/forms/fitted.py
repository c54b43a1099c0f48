"""What is inside a fitted scikit-learn model: its steps, the models it wraps, all its estimators.

A search (`GridSearchCV`), a calibration, a vote or a transformed target wrap models that take the same columns;
a pipeline and a column transformer hold others that take what the step before them made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

_WRAPPED = ("best_estimator_", "estimator_", "regressor_", "estimators_", "_preprocessor")
"""Attributes under which a fitted model keeps models that take its own columns."""
_LEAVES = ("sklearn.tree.",)
"""Modules whose objects hold nothing further; a forest has thousands of them."""


def steps(model: Any) -> list[Any]:
    """The steps of a pipeline, or the model itself; a search stands for the model that it found best."""
    model = getattr(model, "best_estimator_", model)
    found = getattr(model, "steps", None)
    return [step for _, step in found] if isinstance(found, list) else [model]


def wrapped(model: Any) -> list[Any]:
    """Fitted models inside `model` that see the very columns that it sees."""
    found: list[Any] = []
    for attribute in _WRAPPED:
        value = getattr(model, attribute, None)
        found += list(value) if isinstance(value, list | tuple) else [value]
    found += [getattr(part, "estimator", None) for part in getattr(model, "calibrated_classifiers_", [])]
    return [inner for inner in found if _is_estimator(inner)]


def walk(model: Any) -> Iterator[Any]:
    """Every estimator in a model, itself included, each once."""
    seen: set[int] = set()
    queue = [model]
    while queue:
        found = queue.pop()
        if isinstance(found, dict):
            queue += found.values()
        elif isinstance(found, list | tuple) or (isinstance(found, np.ndarray) and found.dtype == object):
            queue += list(found)
        elif id(found) not in seen and _is_part(found):
            seen.add(id(found))
            if _is_estimator(found):
                yield found
            queue += vars(found).values()


def by_position(model: Any) -> None:
    """Let column transformers that were fitted on a data frame pick their columns by place instead of by name, and all
    steps answer with arrays: the trainer's and the server's environments have no data frames.
    `serving/sklearn_form.py` does the same."""
    for step in walk(model):
        if getattr(step, "_sklearn_output_config", None):  # `set_output(transform="pandas")`
            step._sklearn_output_config = {}
        indices = getattr(step, "_transformer_to_input_indices", None)
        if indices is not None and hasattr(step, "feature_names_in_"):
            step.transformers_ = [
                (name, inner, indices[name][0] if isinstance(columns, str) else list(indices[name]))
                for name, inner, columns in step.transformers_
            ]


def takes_words(step: Any) -> bool:
    """Whether it splits free text into words."""
    return hasattr(step, "vocabulary_") or type(step).__name__ == "HashingVectorizer"


def _is_estimator(value: Any) -> bool:
    return hasattr(value, "get_params") and not isinstance(value, type)


def _is_part(value: Any) -> bool:
    module = type(value).__module__
    if module.startswith(_LEAVES) or not hasattr(value, "__dict__") or isinstance(value, type):
        return False
    return _is_estimator(value) or module.startswith("sklearn.")
