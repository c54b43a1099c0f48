"""Forests in ONNX, by whole arrays: skl2onnx goes over their nodes one by one, which takes seconds and hundreds of
megabytes for a forest that was fitted in less.

The operators are TreeEnsembleClassifier and TreeEnsembleRegressor of `ai.onnx.ml`, version 1, with the meaning that
skl2onnx's own converter gives them; what has several outputs or takes doubles is left to that one. The trees are put
into the finished model (`filled`): until then skl2onnx copies its nodes several times.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np
import numpy.typing as npt

from training.forms.fitted import walk

NAMES = ("RandomForestClassifier", "ExtraTreesClassifier", "RandomForestRegressor", "ExtraTreesRegressor")
LEAF, BRANCH = b"LEAF", b"BRANCH_LEQ"
_later: ContextVar[dict[str, dict[str, Any]]] = ContextVar("trees by the names of their nodes")


def filled(convert: Callable[[], Any]) -> Any:
    """The ONNX model that `convert` gives, with the trees of its forests."""
    later: dict[str, dict[str, Any]] = {}
    token = _later.set(later)
    try:
        made = convert()
    finally:
        _later.reset(token)
    for node in made.graph.node:
        for name, values in later.get(node.name, {}).items():
            _put(node.attribute.add(name=name), values)
    return made


def register(model: Any) -> None:
    """Tell skl2onnx to convert the forests in a model this way. Nothing is imported for a model without any."""
    if not any(type(step).__name__ in NAMES and type(step).__module__.startswith("sklearn.") for step in walk(model)):
        return
    import sklearn.ensemble
    from skl2onnx import update_registered_converter
    from skl2onnx.common._registration import _converter_pool, _shape_calculator_pool

    for name in NAMES:
        alias = f"Sklearn{name}"
        original = _converter_pool[alias]
        if getattr(original, "by_arrays", False):
            continue
        update_registered_converter(
            getattr(sklearn.ensemble, name),
            alias,
            _shape_calculator_pool[alias],
            _by_arrays(original),
            options=dict(original.get_allowed_options()),
        )


def _by_arrays(original: Any) -> Any:
    """A converter in place of skl2onnx's `original`, which it falls back to."""

    def convert(scope: Any, operator: Any, container: Any) -> None:
        if _later.get(None) is None or not _plain(operator, container):  # None: somebody else's use of skl2onnx
            original(scope, operator, container)
        elif hasattr(operator.raw_operator, "classes_"):
            _classifier(scope, operator, container)
        else:
            _regressor(scope, operator, container)

    convert.by_arrays = True  # type: ignore[attr-defined]
    return convert


def _plain(operator: Any, container: Any) -> bool:
    """Whether this is one matrix of single precision, one output, and no wish for more than that."""
    from skl2onnx.common.data_types import FloatTensorType

    asked = container.get_options(operator.raw_operator)
    return (
        isinstance(operator.inputs[0].type, FloatTensorType)
        and operator.raw_operator.n_outputs_ == 1
        and not any(value for name, value in asked.items() if name != "zipmap")
    )


def _classifier(scope: Any, operator: Any, container: Any) -> None:
    from skl2onnx.common.utils_classifier import get_label_classes

    model = operator.raw_operator
    classes = list(get_label_classes(scope, model))
    texts = all(isinstance(label, str) for label in classes)
    labels = {"classlabels_strings": classes} if texts else {"classlabels_int64s": [int(label) for label in classes]}
    trees = [estimator.tree_ for estimator in model.estimators_]
    shares = [tree.value[:, 0, :] for tree in trees]
    totals = [share.sum(axis=1, keepdims=True) for share in shares]
    weights = [share / np.where(total == 0, 1, total) for share, total in zip(shares, totals, strict=True)]
    if len(classes) == 2:  # of two classes ONNX knows the second one's score alone
        weights = [weight[:, 1:] for weight in weights]
    outputs = [output.full_name for output in operator.outputs[:2]]
    _add(scope, operator, container, "TreeEnsembleClassifier", outputs, "class", weights, **labels)


def _regressor(scope: Any, operator: Any, container: Any) -> None:
    weights = [estimator.tree_.value[:, 0, :] for estimator in operator.raw_operator.estimators_]
    outputs = [operator.outputs[0].full_name]
    _add(scope, operator, container, "TreeEnsembleRegressor", outputs, "target", weights, n_targets=1)


def _add(
    scope: Any,
    operator: Any,
    container: Any,
    kind: str,
    outputs: list[str],
    prefix: str,
    weights: list[npt.NDArray[np.float64]],
    **further: Any,
) -> None:
    """One node of the graph with all trees; `weights` are those of every node of each, [nodes, classes]."""
    trees = [estimator.tree_ for estimator in operator.raw_operator.estimators_]
    sizes = [int(tree.node_count) for tree in trees]
    owners = np.repeat(np.arange(len(trees)), sizes)
    places = np.concatenate([np.arange(size) for size in sizes])
    left = np.concatenate([tree.children_left for tree in trees])
    right = np.concatenate([tree.children_right for tree in trees])
    leaf = left == right  # both are -1
    values = thresholds(np.concatenate([tree.threshold for tree in trees]))
    ends = np.flatnonzero(leaf)
    width = weights[0].shape[1]
    scores = np.concatenate(weights)[ends] / len(trees)
    name = scope.get_unique_operator_name(kind)
    container.add_node(
        kind, operator.input_full_names, outputs, op_domain="ai.onnx.ml", op_version=1, name=name,
        post_transform="NONE", **further,
    )  # fmt: skip
    _later.get()[container.nodes[-1].name] = {
        "nodes_treeids": owners,
        "nodes_nodeids": places,
        "nodes_featureids": np.where(leaf, 0, np.concatenate([tree.feature for tree in trees])),
        "nodes_modes": [LEAF if end else BRANCH for end in leaf.tolist()],
        "nodes_values": np.where(leaf, np.float32(0), values),
        "nodes_truenodeids": np.where(leaf, 0, left),
        "nodes_falsenodeids": np.where(leaf, 0, right),
        f"{prefix}_treeids": np.repeat(owners[ends], width),
        f"{prefix}_nodeids": np.repeat(places[ends], width),
        f"{prefix}_ids": np.tile(np.arange(width), len(ends)),
        f"{prefix}_weights": scores.reshape(-1).astype(np.float32),
    }


def thresholds(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """The largest number of single precision that is no larger than each: scikit-learn compares a single with a
    double, ONNX two singles, and `x <= threshold` shall hold for the same x."""
    rounded = values.astype(np.float32)
    return np.where(rounded > values, np.nextafter(rounded, np.float32(-np.inf)), rounded)


def _put(attribute: Any, values: Any) -> None:
    """The values of an attribute: texts, or an array of integers or of numbers in single precision."""
    if isinstance(values, list):
        attribute.type = attribute.STRINGS
        attribute.strings.extend(values)
    elif values.dtype.kind == "f":
        attribute.type = attribute.FLOATS
        attribute.floats.extend(values.tolist())
    else:
        attribute.type = attribute.INTS
        attribute.ints.extend(values.tolist())
