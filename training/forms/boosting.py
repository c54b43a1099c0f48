"""XGBoost and LightGBM among scikit-learn's models: skl2onnx learns to convert them, with onnxmltools' converters."""

from __future__ import annotations

import copy
from typing import Any

from training.forms.fitted import walk

PACKAGES = ("xgboost", "lightgbm")


def packages_in(model: Any) -> set[str]:
    """Which of the two packages have an estimator in the model."""
    return {package for step in walk(model) if (package := type(step).__module__.partition(".")[0]) in PACKAGES}


def register(model: Any) -> None:
    """Tell skl2onnx how the boosted trees in a model are converted. Nothing is imported for a model without any."""
    found = packages_in(model)
    if not found:
        return
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )

    classifier: dict[str, list[Any]] = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
    for package in sorted(found):
        if package == "xgboost":
            _register_encoded(classifier)
        classify, regress, convert, alias = _xgboost() if package == "xgboost" else _lightgbm()
        update_registered_converter(
            classify, f"{alias}Classifier", calculate_linear_classifier_output_shapes, convert, options=classifier
        )
        update_registered_converter(
            regress, f"{alias}Regressor", calculate_linear_regressor_output_shapes, convert, options={"split": None}
        )


def _register_encoded(options: dict[str, list[Any]]) -> None:
    """`EncodedLabels` around an XGBClassifier: its trees, with the classes that the data has."""
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    from mooring_transforms.labels import EncodedLabels

    def convert(scope: Any, operator: Any, container: Any) -> None:
        encoded, labelled = operator.raw_operator, copy.copy(operator.raw_operator.estimator)
        # XGBoost's own `classes_` is a property that counts from 0.
        labelled.__class__ = type(type(labelled).__name__, (type(labelled),), {"classes_": encoded.classes_})
        operator.raw_operator = labelled
        try:
            convert_xgboost(scope, operator, container)
        finally:
            operator.raw_operator = encoded

    update_registered_converter(
        EncodedLabels, "MooringEncodedLabels", calculate_linear_classifier_output_shapes, convert, options=options
    )


def _xgboost() -> tuple[Any, Any, Any, str]:
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from xgboost import XGBClassifier, XGBRegressor

    return XGBClassifier, XGBRegressor, convert_xgboost, "XGBoostXGB"


def _lightgbm() -> tuple[Any, Any, Any, str]:
    from lightgbm import LGBMClassifier, LGBMRegressor
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm

    return LGBMClassifier, LGBMRegressor, convert_lightgbm, "LightGbmLGBM"
