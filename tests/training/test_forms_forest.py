"""Forests are converted to ONNX by whole arrays, to the very decisions of skl2onnx's own converter."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import onnx
import pytest
import skl2onnx
from sklearn import ensemble
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.forms import onnx_forest, onnx_form
from training.forms.onnx_form import Input

INPUTS = (Input("numbers", "number", (0, 1, 2, 3)),)
RANDOM = np.random.default_rng(7)
ROWS = RANDOM.standard_normal((400, 4)).round(2)  # few digits: rows sit on the splits of trees
TARGETS: dict[str, Any] = {
    "texts": np.array(["a", "b", "c"])[np.digitize(ROWS[:, 0] + ROWS[:, 1], [-0.5, 0.5])],
    "two texts": np.array(["no", "yes"])[(ROWS[:, 0] > 0.3).astype(int)],
    "integers": np.digitize(ROWS[:, 2], [-1, 0, 1]) * 3,
    "booleans": ROWS[:, 1] > 0,
    "numbers": ROWS[:, 0] ** 2 + ROWS[:, 3],
}
CASES = [
    (name, target, parameters)
    for name in onnx_forest.NAMES
    for target in (["numbers"] if name.endswith("Regressor") else [key for key in TARGETS if key != "numbers"])
    for parameters in ({}, {"max_depth": 1}, {"min_samples_leaf": 400})  # the last: trees of one leaf
]


@pytest.mark.parametrize(("name", "target", "parameters"), CASES, ids=str)
def test_a_forest_answers_in_onnx_as_in_scikit_learn(name: str, target: str, parameters: dict[str, Any]) -> None:
    model = make_pipeline(StandardScaler(), getattr(ensemble, name)(n_estimators=9, random_state=1, **parameters))
    model.fit(ROWS, TARGETS[target])
    data = onnx_form.convert(model, INPUTS, exact=True)
    names, outputs = onnx_form.run(data, ROWS, INPUTS)
    if name.endswith("Regressor"):
        assert np.allclose(np.ravel(outputs[0]), model.predict(ROWS), atol=1e-6)
    else:
        assert np.array_equal(
            np.asarray(outputs[0]).astype(str),
            model.predict(ROWS).astype(int if target == "booleans" else object).astype(str),
        )
        assert np.allclose(outputs[1], model.predict_proba(ROWS), atol=1e-6)
    assert len(names) == len(outputs)


def test_their_nodes_are_those_of_skl2onnx() -> None:
    targets = [TARGETS["numbers" if name.endswith("Regressor") else "texts"] for name in onnx_forest.NAMES]
    forests = [
        getattr(ensemble, name)(n_estimators=5, random_state=0).fit(ROWS, target)
        for name, target in zip(onnx_forest.NAMES, targets, strict=True)
    ]
    for forest, reference in zip(forests, by_skl2onnx(forests), strict=True):
        ours, theirs = attributes(onnx_form.convert(forest, INPUTS)), attributes(reference)
        for key in sorted(ours.keys() & theirs.keys()):
            if key.endswith("weights"):
                assert np.allclose(ours[key], theirs[key], rtol=1e-6), key
            else:
                assert list(ours[key]) == list(theirs[key]), key
        assert theirs.keys() - ours.keys() == {"nodes_hitrates", "nodes_missing_value_tracks_true"}
        assert set(theirs["nodes_missing_value_tracks_true"]) == {0}
        assert ("classlabels_strings" in ours) == hasattr(forest, "classes_")


def test_a_forest_of_several_targets_is_left_to_skl2onnx() -> None:
    both = np.stack([TARGETS["integers"], TARGETS["integers"] % 2], axis=1)
    forest = ensemble.RandomForestClassifier(n_estimators=3, random_state=0).fit(ROWS, both)
    _, outputs = onnx_form.run(onnx_form.convert(forest, INPUTS), ROWS, INPUTS)
    assert np.array_equal(outputs[0], forest.predict(ROWS))


def test_others_use_of_skl2onnx_in_this_process_is_as_ever() -> None:
    forest = ensemble.RandomForestRegressor(n_estimators=3, random_state=0).fit(ROWS, TARGETS["numbers"])
    onnx_form.convert(forest, INPUTS)
    made = skl2onnx.to_onnx(forest, ROWS[:1].astype(np.float32))
    assert len(attributes(made.SerializeToString())["nodes_values"]) == sum(
        tree.tree_.node_count for tree in forest.estimators_
    )


def test_a_threshold_in_single_precision_lets_the_same_numbers_pass() -> None:
    values = np.concatenate([RANDOM.standard_normal(2000) * 10.0 ** RANDOM.integers(-20, 20, 2000), [0.0, -0.0, 0.1]])
    rounded = onnx_forest.thresholds(values)
    assert (rounded <= values).all()
    assert (np.nextafter(rounded, np.float32(np.inf)) > values).all()


def attributes(data: bytes) -> dict[str, Any]:
    """The attributes of the model's tree node."""
    (node,) = [node for node in onnx.load_from_string(data).graph.node if node.op_type.startswith("TreeEnsemble")]
    return {
        attribute.name: onnx.helper.get_attribute_value(attribute)
        for attribute in node.attribute
        if attribute.name != "n_targets"
    }


def by_skl2onnx(models: list[Any]) -> list[bytes]:
    """The models as skl2onnx converts them without us, in a process of its own."""
    code = (
        "import pickle, sys; from skl2onnx import convert_sklearn\n"
        "from skl2onnx.common.data_types import FloatTensorType\n"
        "inputs = [('numbers', FloatTensorType([None, 4]))]\n"
        "plain = lambda model: {'zipmap': False} if hasattr(model, 'classes_') else None\n"
        "models = pickle.load(sys.stdin.buffer)\n"
        "made = [convert_sklearn(model, 'm', inputs, options=plain(model)).SerializeToString() for model in models]\n"
        "pickle.dump(made, sys.stdout.buffer)"
    )
    command, given = [sys.executable, "-c", code], pickle.dumps(models)
    made: list[bytes] = pickle.loads(subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True).stdout)
    return made
