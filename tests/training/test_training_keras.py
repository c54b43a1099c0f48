"""Packaging a Keras model: what is decided without Keras. Keras itself is in `tests/mooring/test_keras_models.py`."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from training.errors import TrainingError
from training.formats import detect, image_of
from training.forms import keras_parity
from training.forms.canonical_graph import canonical
from training.forms.keras_graph import name_axes, unknown_operators
from training.forms.keras_model import _column_names, _distinct, _input_names, _why_not_loaded
from training.package import package

KIT = Path(__file__).resolve().parents[2]


def line(name: str, slope: float, bias: float, *, swapped: bool = False) -> Any:
    """y = slope * x + bias, with names that a converter might give, in either order."""
    nodes = [
        helper.make_node("Mul", ["x", f"{name}_1"], [f"{name}_2"], name=f"{name}_n1"),
        helper.make_node("Add", [f"{name}_2", f"{name}_3"], ["y"], name=f"{name}_n2"),
    ]
    constants = [
        numpy_helper.from_array(np.array([slope], dtype=np.float32), f"{name}_1"),
        numpy_helper.from_array(np.array([bias], dtype=np.float32), f"{name}_3"),
        numpy_helper.from_array(np.array([9], dtype=np.float32), f"{name}_unused"),
    ]
    graph = helper.make_graph(
        nodes,
        "mooring",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [f"{name}_rows", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [f"{name}_rows", 2])],
        constants[::-1] if swapped else constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def test_a_graph_has_the_same_bytes_whatever_its_names_and_the_order_of_its_constants() -> None:
    made = [line("unk__7", 2, 1), line("const_fold", 2, 1, swapped=True)]
    for model in made:
        name_axes(model)
        canonical(model)
        onnx.checker.check_model(model)
    assert made[0].SerializeToString() == made[1].SerializeToString()
    assert len(made[0].graph.initializer) == 2  # what nothing needs is gone
    assert keras_parity._run(made[0].SerializeToString(), {"x": np.ones((1, 2), "float32")})[0].tolist() == [[3, 3]]


def test_a_graph_inside_a_node_is_put_in_order_too() -> None:
    branches = [
        helper.make_graph(
            [helper.make_node("Add", ["x", f"odd_{name}"], [f"out_{name}"])],
            name,
            [],
            [helper.make_tensor_value_info(f"out_{name}", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(np.array([value], dtype=np.float32), f"odd_{name}")],
        )
        for name, value in (("then", 1), ("else", 5))
    ]
    graph = helper.make_graph(
        [helper.make_node("If", ["given"], ["y"], then_branch=branches[0], else_branch=branches[1])],
        "mooring",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [None]),
            helper.make_tensor_value_info("given", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    canonical(model)
    onnx.checker.check_model(model)
    assert "odd" not in str(model)
    for given, expected in ((True, 3), (False, 7)):
        rows = {"x": np.array([2], "float32"), "given": np.array(given)}
        assert keras_parity._run(model.SerializeToString(), rows)[0].tolist() == [expected]


def test_what_onnx_has_no_operator_for_is_named() -> None:
    model = line("a", 2, 1)
    assert unknown_operators(model) == []
    model.graph.node[0].op_type = "LookupTableFindV2"
    assert unknown_operators(model) == ["LookupTableFindV2"]


class Line:
    """An original that answers `slope * x + 1`; a table of three entries when `vocabulary` is."""

    def __init__(self, slope: float, shape: tuple[int | None, ...] = (None, 2), vocabulary: int = 0) -> None:
        self.inputs, self.slope, self.vocabulary, self.half = [(shape, "float32")], slope, vocabulary, False

    def predict(self, rows: Any) -> list[Any]:
        if self.vocabulary and not set(np.unique(rows[0])) <= set(range(self.vocabulary)):
            raise ValueError("no such entry")
        return [np.asarray(rows[0]) * np.float32(self.slope) + 1]


def test_parity_is_measured_on_made_up_rows_that_are_the_same_each_time() -> None:
    parity = keras_parity.measure(Line(2), line("a", 2, 1).SerializeToString(), ["x"], "m.keras")
    assert (parity.rows, parity.used) == (128, True)
    first, second = keras_parity.candidates(Line(2)), keras_parity.candidates(Line(2))
    np.testing.assert_array_equal(first[0][0], second[0][0])
    assert first[0][0][0::3].max() < 10 < first[0][0][2::3].max()  # small numbers and pixels


def test_a_graph_that_answers_otherwise_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"m\.keras: its ONNX form answers otherwise than Keras \(by up to"):
        keras_parity.measure(Line(2), line("a", 2.01, 1).SerializeToString(), ["x"], "m.keras")


def test_a_model_with_a_table_is_asked_for_its_entries() -> None:
    parity = keras_parity.measure(Line(2, vocabulary=3), line("a", 2, 1).SerializeToString(), ["x"], "m.keras")
    assert parity.max_difference == 0


def test_a_difference_among_small_numbers_does_not_hide_behind_large_ones() -> None:
    class Offset(Line):
        def predict(self, rows: Any) -> list[Any]:
            return [np.asarray(rows[0]) * 2 + np.where(np.abs(rows[0]) < 5, 1.001, 1).astype("float32")]

    with pytest.raises(TrainingError, match="answers otherwise"):
        keras_parity.measure(Offset(2), line("a", 2, 1).SerializeToString(), ["x"], "m.keras")


def test_pictures_are_fewer_rows() -> None:
    assert keras_parity.candidates(Line(1, (None, 224, 224, 3)))[0][0].shape == (12, 224, 224, 3)
    assert keras_parity.candidates(Line(1, (None, None, 3)))[0][0].shape == (128, keras_parity.FREE, 3)


@pytest.mark.parametrize(
    ("found", "wanted", "used"),
    [
        ([[0.5, np.nan]], [[0.5, np.nan]], True),
        ([[0.5, np.nan]], [[0.5, 0.5]], False),
        ([[0.5], [0.5]], [0.5, 0.5], False),
        ([["a"]], [["a"]], True),
        ([3, 4], [3, 5], False),
    ],
)
def test_outputs_are_compared_by_what_they_are(found: Any, wanted: Any, used: bool) -> None:
    assert keras_parity.compare(np.array(found), np.array(wanted)).used is used


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("you can override by passing `safe_mode=False` to", "holds a Lambda layer, whose code runs when it is loaded"),
        ("x\nCould not locate class 'My'. Make sure", "holds 'My', which is not Keras' own"),
        ("Unknown layer: 'Mine'. Please", "holds 'Mine', which is not Keras' own"),
        ("No model config found in the file", "holds weights only; save the whole model"),
        ("Please ensure the file is an accessible `.keras` zip file", "not a Keras file, or a truncated one"),
        ("odd\nmore", "Keras cannot load it (odd)"),
    ],
)
def test_what_keras_says_becomes_one_reason(said: str, told: str) -> None:
    assert _why_not_loaded(said).startswith(told)


class Tensor:
    def __init__(self, name: str, shape: tuple[int | None, ...]) -> None:
        self.name, self.shape = name, shape


class Model:
    def __init__(self, *inputs: Tensor) -> None:
        self.inputs = list(inputs)


def test_an_input_that_nobody_named_is_numbered_columns() -> None:
    unnamed = Model(Tensor("keras_tensor_12", (None, 3)))
    assert (_input_names(unnamed), _column_names(unnamed)) == (["input"], ["x0", "x1", "x2"])
    named = Model(Tensor("features", (None, 3)))
    assert (_input_names(named), _column_names(named)) == (["features"], [])
    assert _column_names(Model(Tensor("input_layer", (None, 28, 28, 1)))) == []
    assert _distinct(["km run", "km/run", "_ok"]) == ["km_run", "km_run_1", "ok"]


def test_a_keras_model_is_packaged_in_an_image_of_its_own_also_out_of_an_archive(tmp_path: Path) -> None:
    (tmp_path / "m.keras").write_bytes(b"PK\x03\x04")
    (tmp_path / "m.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with tarfile.open(tmp_path / "m.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "m.keras", "1/model.keras")
    (tmp_path / "flavor" / "data").mkdir(parents=True)
    (tmp_path / "flavor" / "MLmodel").write_text("flavors:\n  keras: {data: data}\n")
    (tmp_path / "flavor" / "data" / "model.keras").write_bytes(b"PK\x03\x04")
    for name in ("m.keras", "m.h5", "m.tar.gz", "flavor"):
        assert image_of(tmp_path / name, detect(tmp_path / name)) == "keras", name
    (tmp_path / "nameless").write_bytes(b"PK\x03\x04" + bytes(26) + b"metadata.json{}")
    assert detect(tmp_path / "nameless") == "keras"


def test_without_keras_the_reason_is_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m.keras").write_bytes(b"PK\x03\x04")
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(TrainingError, match="is converted in the image 'keras'"):
        package(tmp_path / "m.keras", tmp_path / "out")


def test_the_image_needs_no_scikit_learn() -> None:
    absent = "import sys; sys.modules.update(dict.fromkeys(['sklearn', 'skl2onnx', 'skops', 'scipy', 'joblib']))"
    used = "import training.package, training.forms.keras_model, training.forms.mlflow_model, training.artifact.records"
    script = f"{absent}; {used}; import training.workflow; training.workflow.now()"
    subprocess.run([sys.executable, "-c", script], cwd=KIT, check=True)


def test_a_stack_names_the_same_formats_as_the_command_and_tells_them_by_the_same_endings() -> None:
    from typing import get_args

    from infra.settings.models import ModelFormat
    from infra.settings.rules import CODE_FORMATS, SAFE_FORMATS
    from training.formats import ENDINGS, FORMATS

    assert set(get_args(ModelFormat)) == set(FORMATS)
    assert ENDINGS.items() <= {**SAFE_FORMATS, **CODE_FORMATS}.items()
