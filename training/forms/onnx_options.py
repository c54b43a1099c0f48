"""Where skl2onnx refuses what it could convert: an option that it asks for and does not list, one of no effect."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from training.forms.fitted import walk

ZIPMAP = [True, False, "columns"]


def register(model: Any) -> None:
    """Let classifiers with classes of text be converted whose converter lacks the option `zipmap`, such as LinearSVC:
    skl2onnx asks each for it (`get_label_classes`) and raises NameError."""
    from skl2onnx import update_registered_converter
    from skl2onnx._supported_operators import sklearn_operator_name_map
    from skl2onnx.common._registration import _converter_pool, _shape_calculator_pool

    for step in walk(model):
        alias = sklearn_operator_name_map.get(type(step)) if hasattr(step, "classes_") else None
        convert = _converter_pool.get(alias) if alias else None
        if convert is None:
            continue
        options = convert.get_allowed_options()
        if isinstance(options, dict) and "zipmap" not in options:
            update_registered_converter(
                type(step), alias, _shape_calculator_pool[alias], convert._fct, options={**options, "zipmap": ZIPMAP}
            )


@contextlib.contextmanager
def votes_counted(model: Any) -> Iterator[None]:
    """Let votes be converted: skl2onnx refuses `flatten_transform`, which says what `transform` gives and has no
    part in a prediction."""
    votes = [step for step in walk(model) if getattr(step, "flatten_transform", None) is True]
    try:
        for step in votes:
            step.flatten_transform = False
        yield
    finally:
        for step in votes:
            step.flatten_transform = True
