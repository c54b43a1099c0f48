"""Preprocessing in double precision inside an ONNX graph, so that trees decide as in scikit-learn.

skl2onnx computes means and scales in single precision. A value that sits on a split, which is common where
measurements have few digits, then falls to either side. scikit-learn computes them in double and its trees
round the result to single: here the graph does the very same, with a cast after the numeric preprocessing.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from training.forms import onnx_transforms

Kind = Literal["number", "string"]


def with_casts(model: Any, kinds: Sequence[Kind]) -> Any | None:
    """A copy of a fitted pipeline with a cast to single precision after its numeric preprocessing; None where
    there is no preprocessing. `kinds` are those of the model's columns. The model itself is not touched."""
    from skl2onnx.sklapi import CastTransformer
    from sklearn.pipeline import Pipeline

    if not isinstance(model, Pipeline) or len(model.steps) < 2:
        return None
    first = model.steps[0][1]
    if hasattr(first, "transformers_"):
        return Pipeline([(model.steps[0][0], _columns_with_casts(first, kinds)), *model.steps[1:]])
    if "string" in kinds:
        return None
    return Pipeline([*model.steps[:-1], ("mooring_cast", CastTransformer()), model.steps[-1]])


def _columns_with_casts(transformer: Any, kinds: Sequence[Kind]) -> Any:
    from skl2onnx.sklapi import CastTransformer
    from sklearn.pipeline import Pipeline

    indices = transformer._transformer_to_input_indices
    changed = []
    for name, inner, columns in transformer.transformers_:
        numeric = all(kinds[place] == "number" for place in indices[name])
        if numeric and _does_nothing(inner):
            inner = CastTransformer()
        elif numeric and hasattr(inner, "transform"):
            inner = Pipeline([("inner", inner), ("mooring_cast", CastTransformer())])
        changed.append((name, inner, columns))
    result = copy.copy(transformer)
    result.transformers_ = changed
    return result


def _does_nothing(inner: Any) -> bool:
    """What `passthrough` becomes when it is fitted."""
    return inner == "passthrough" or (type(inner).__name__ == "FunctionTransformer" and inner.func is None)


def converters() -> tuple[dict[type[Any], Any], dict[type[Any], Any]]:
    """Shape calculators and conversion functions, by class, for `skl2onnx.to_onnx`."""
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

    shapes, functions = onnx_transforms.converters()
    scalers = (StandardScaler, MinMaxScaler, RobustScaler)
    return (
        {SimpleImputer: _same_shape, **dict.fromkeys(scalers, _same_shape), **shapes},
        {SimpleImputer: _imputer, **dict.fromkeys(scalers, _scaler), **functions},
    )


def _same_shape(operator: Any) -> None:
    kind = operator.inputs[0].type
    width = sum(given.type.shape[1] for given in operator.inputs)
    operator.outputs[0].type = type(kind)([None, width])


def _imputer(scope: Any, operator: Any, container: Any) -> None:
    """Where(IsNaN(x), statistic, x), in the input's own precision; texts the way skl2onnx has it."""
    from skl2onnx.common.data_types import StringTensorType
    from skl2onnx.operator_converters.imputer_op import convert_sklearn_imputer

    model = operator.raw_operator
    if isinstance(operator.inputs[0].type, StringTensorType):
        convert_sklearn_imputer(scope, operator, container)
        return
    statistics = np.asarray(model.statistics_, dtype=np.float64)
    if not _is_nan(model.missing_values) or np.isnan(statistics).any() or model.add_indicator:
        raise NotImplementedError(
            "an imputer of other missing values than NaN, of an empty column, or with an indicator"
        )
    values = _joined(scope, operator, container)
    fill = _constant(scope, container, operator, "statistics", statistics)
    missing = scope.get_unique_variable_name("missing")
    container.add_node("IsNaN", [values], [missing], op_version=13)
    container.add_node("Where", [missing, fill, values], [operator.outputs[0].full_name], op_version=16)


def _scaler(scope: Any, operator: Any, container: Any) -> None:
    """(x - mean) / scale, or x * scale + least, in the input's own precision and in scikit-learn's order."""
    steps = _steps_of(operator.raw_operator)
    current = _joined(scope, operator, container)
    for op_type, constant in steps:
        if constant is not None:
            name = _constant(scope, container, operator, op_type.lower(), np.asarray(constant, dtype=np.float64))
            result = scope.get_unique_variable_name("scaled")
            container.add_node(op_type, [current, name], [result], op_version=14)
            current = result
    container.add_node("Identity", [current], [operator.outputs[0].full_name], op_version=16)


def _steps_of(model: Any) -> list[tuple[str, Any]]:
    """A scaler's operations with their constants, in order."""
    if hasattr(model, "min_"):
        if model.clip:
            raise NotImplementedError("a scaler that clips")
        return [("Mul", model.scale_), ("Add", model.min_)]
    if hasattr(model, "center_"):
        return [
            ("Sub", model.center_ if model.with_centering else None),
            ("Div", model.scale_ if model.with_scaling else None),
        ]
    return [("Sub", model.mean_ if model.with_mean else None), ("Div", model.scale_ if model.with_std else None)]


def _joined(scope: Any, operator: Any, container: Any) -> str:
    """One matrix of the operator's inputs."""
    from skl2onnx.operator_converters.common import concatenate_variables

    name: str = concatenate_variables(scope, operator.inputs, container)
    return name


def _constant(scope: Any, container: Any, operator: Any, hint: str, values: Any) -> str:
    from onnx import TensorProto
    from skl2onnx.common.data_types import DoubleTensorType

    name: str = scope.get_unique_variable_name(hint)
    double = isinstance(operator.inputs[0].type, DoubleTensorType)
    container.add_initializer(
        name, TensorProto.DOUBLE if double else TensorProto.FLOAT, [1, len(values)], values.tolist()
    )
    return name


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value
