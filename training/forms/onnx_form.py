"""The ONNX form of a fitted scikit-learn model, and its measured parity with the original.

ONNX computes in single precision, scikit-learn in double: a row that sits on a split of a tree can fall to the
other side. So both forms predict the same rows, and beyond a stated limit the ONNX form is not used.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from training.forms import boosting, onnx_exact, onnx_forest, onnx_options
from training.forms.onnx_exact import Kind

PROBABILITY_LIMIT = 1e-4
"""Largest difference of a probability that still counts as the same model."""

RELATIVE_LIMIT = 1e-4
"""Largest difference of a predicted number, in units of the spread (standard deviation) of the predictions."""

LISTED = 100
"""At most so many differing rows are listed; all are counted."""

_DTYPES: dict[str, Any] = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(string)": object}

OPSET = {"": 18, "ai.onnx.ml": 3}
"""Operator sets, old enough for every ONNX Runtime that the clouds' images carry."""


@dataclass(frozen=True)
class Parity:
    """How the two forms differ on `rows` rows. `used` says whether the ONNX form is within the limit."""

    rows: int
    max_difference: float
    limit: float
    differing: int = 0
    listed: list[dict[str, Any]] = field(default_factory=list)

    @property
    def used(self) -> bool:
        """Whether the ONNX form may stand for the original."""
        return self.differing == 0 and self.max_difference <= self.limit

    def to_json(self) -> dict[str, Any]:
        """The record that the artifact keeps."""
        return {
            "rows": self.rows,
            "max_difference": self.max_difference if math.isfinite(self.max_difference) else None,
            "limit": self.limit,
            "labels_that_differ": self.differing,
            "differing_rows": self.listed,
            "within_limit": self.used,
        }


@dataclass(frozen=True)
class Input:
    """One input of the graph, [rows, columns]: its name, its kind, and the places of its columns in the matrix.
    `columns` are their names where a column has many places (an image)."""

    name: str
    kind: Kind
    places: tuple[int, ...]
    columns: tuple[str, ...] = ()


def convert(model: Any, inputs: Sequence[Input], *, exact: bool = False) -> bytes:
    """ONNX bytes with these inputs; class labels and probabilities are plain tensors.

    `exact` preprocesses in double precision (see `training.forms.onnx_exact`), and takes its numbers so. Raises what
    skl2onnx raises where it cannot convert, and NotImplementedError where there is no preprocessing.
    """
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType

    boosting.register(model)
    onnx_forest.register(model)
    onnx_options.register(model)
    further: dict[str, Any] = {}
    number: Any = FloatTensorType
    converted_model = model
    if exact:
        kinds = dict(pair for given in inputs for pair in ((place, given.kind) for place in given.places))
        converted_model = onnx_exact.with_casts(model, [kinds[place] for place in sorted(kinds)])
        if converted_model is None:
            raise NotImplementedError("no numeric preprocessing")
        number = DoubleTensorType
        further["custom_shape_calculators"], further["custom_conversion_functions"] = onnx_exact.converters()
    types = {"number": number, "string": StringTensorType}
    initial = [(given.name, types[given.kind]([None, len(given.places)])) for given in inputs]
    with warnings.catch_warnings(), onnx_options.votes_counted(converted_model):
        warnings.simplefilter("ignore")
        # A fixed name: by default the graph is named by a random one, and its bytes would differ each time.
        convert = partial(convert_sklearn, converted_model, "mooring", initial, target_opset=OPSET, **further)
        try:
            options = {"zipmap": False} if hasattr(model, "classes_") else None
            made = onnx_forest.filled(partial(convert, options=options))
        except NameError:  # classifiers without probabilities do not know the option
            made = onnx_forest.filled(convert)
    # skl2onnx lists them in the order of a set, which is another in every process; the model's bytes must not be.
    domains = sorted(made.opset_import, key=lambda opset: opset.domain)
    del made.opset_import[:]
    made.opset_import.extend(domains)
    data: bytes = made.SerializeToString()
    return data


def run(data: bytes, features: npt.NDArray[Any], inputs: Sequence[Input]) -> tuple[list[str], list[Any]]:
    """Names and values of all outputs for the model's input matrix (float64, or objects where it holds text)."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    dtypes = {value.name: _DTYPES[value.type] for value in session.get_inputs()}
    feed = {}
    for given in inputs:
        values = features[:, list(given.places)]
        if given.kind == "string":  # a missing text is an empty one here: ONNX has neither NaN nor null among them
            values = np.where((values == values) & (values != None), values, "")  # noqa: E711 - elementwise
        feed[given.name] = values.astype(dtypes[given.name])
    names = [output.name for output in session.get_outputs()]
    return names, session.run(names, feed)


def classifier_parity(
    outputs: Sequence[Any], labels: npt.NDArray[Any], scores: npt.NDArray[Any] | None, rows: Sequence[int]
) -> Parity:
    """Compare labels, and probabilities where the original has them. `rows` are the names of the rows."""
    found = np.asarray(outputs[0]).reshape(-1)
    if labels.dtype.kind == "b" and found.dtype.kind in "iu":
        found = found.astype(bool)
    elif labels.dtype.kind == "f" and found.dtype.kind in "iu":
        labels = labels.astype(found.dtype)
    differ = np.flatnonzero(found.astype(str) != labels.astype(str))
    difference = 0.0 if scores is None else _largest(np.asarray(outputs[1], dtype=np.float64), scores)
    listed = [
        {"row": int(rows[place]), "original": str(labels[place]), "onnx": str(found[place])}
        for place in differ[:LISTED]
    ]
    return Parity(len(labels), difference, PROBABILITY_LIMIT, len(differ), listed)


def regressor_parity(outputs: Sequence[Any], values: npt.NDArray[Any]) -> Parity:
    """Compare numbers; the limit is relative to the predictions' spread."""
    values = np.asarray(values, dtype=np.float64)
    spread = float(values.std()) or float(np.abs(values).max()) or 1.0
    found = np.asarray(outputs[0], dtype=np.float64).reshape(values.shape)
    return Parity(len(values), _largest(found, values), RELATIVE_LIMIT * spread)


def _largest(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> float:
    if left.shape != right.shape:
        return float("inf")
    difference = np.abs(left - right)
    if np.isnan(difference).any():
        return float("inf")
    return float(difference.max()) if difference.size else 0.0
