"""skops files whose bytes depend on the model alone, and that still load."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from training.forms.skops_form import ZIP_EPOCH, canonical, dumps, untrusted_types

FEATURES = np.arange(40, dtype=float).reshape(20, 2) % 7
TARGET = np.array(["a", "b"] * 10)


def test_equal_models_give_equal_bytes() -> None:
    first, second = (make_pipeline(StandardScaler(), LogisticRegression()).fit(FEATURES, TARGET) for _ in range(2))
    assert skops.io.dumps(first) != skops.io.dumps(second)
    assert dumps(first) == dumps(second)


def test_the_canonical_file_loads_and_predicts_the_same() -> None:
    model = DecisionTreeClassifier(random_state=0).fit(FEATURES, TARGET)
    data = dumps(model)
    loaded = skops.io.loads(data, trusted=untrusted_types(data))
    np.testing.assert_array_equal(loaded.predict_proba(FEATURES), model.predict_proba(FEATURES))


def test_shared_objects_stay_shared() -> None:
    shared = np.ones(3)
    loaded = skops.io.loads(dumps({"one": shared, "two": shared, "other": np.ones(3)}))
    assert loaded["one"] is loaded["two"]
    assert loaded["one"] is not loaded["other"]


def test_no_time_and_no_address_is_left() -> None:
    with zipfile.ZipFile(io.BytesIO(dumps(StandardScaler().fit(FEATURES)))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {ZIP_EPOCH}
        names = set(archive.namelist()) - {"schema.json"}
        schema = archive.read("schema.json").decode()
    assert names == {f"{number}.npy" for number in range(1, len(names) + 1)}
    assert all(number < 10_000 for number in _ids(json.loads(schema)))


def test_the_order_of_a_mapping_is_kept() -> None:
    mapping = {"z": 1, 2: "int key", "a": [3], 10: None}
    loaded = skops.io.loads(dumps(mapping))
    assert list(loaded.items()) == list(mapping.items())


def test_canonical_is_idempotent() -> None:
    data = dumps(StandardScaler().fit(FEATURES))
    assert canonical(data) == data


def _ids(node: object) -> list[int]:
    if isinstance(node, dict):
        own = [node["__id__"]] if "__id__" in node else []
        return own + [number for value in node.values() for number in _ids(value)]
    return [number for item in node for number in _ids(item)] if isinstance(node, list) else []
