"""ONNX graphs of many shapes: each gets the signature its inputs and outputs tell, and answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_call import post
from onnx import TensorProto, helper, numpy_helper

from serving.app import App
from serving.errors import RequestError
from serving.predictor import Predictor
from training.errors import TrainingError
from training.package import package

FLOAT, INT, TEXT = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING
Values = list[tuple[str, int, list[int | str | None]]]


def save(
    path: Path, nodes: list[Any], inputs: Values, outputs: Values, constants: dict[str, Any] | None = None
) -> Path:
    """Write a model of these nodes."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())
    return path


def packaged(path: Path) -> Predictor:
    package(path, path.parent / "out")
    return Predictor(path.parent / "out")


def test_one_input_a_column_is_taken_by_name(tmp_path: Path) -> None:
    nodes = [helper.make_node("Cast", ["rooms"], ["r"], to=FLOAT), helper.make_node("Mul", ["area", "r"], ["price"])]
    inputs: Values = [("area", FLOAT, ["n", 1]), ("rooms", INT, ["n", 1])]
    predictor = packaged(save(tmp_path / "m.onnx", nodes, inputs, [("price", FLOAT, ["n", 1])]))
    assert predictor.task == "regression"
    assert predictor.predict([{"rooms": 3, "area": 2.5}, [2, 4]]).values.tolist() == [7.5, 8.0]
    with pytest.raises(RequestError, match=r"row 0: column 'rooms': 3.5 is not a whole number"):
        predictor.predict([{"rooms": 3.5, "area": 1}])
    with pytest.raises(RequestError, match="column 'area' has no value, and the model cannot fill one in"):
        predictor.predict([{"rooms": 3, "area": None}])


def test_flat_inputs_are_columns_too(tmp_path: Path) -> None:
    nodes = [helper.make_node("Add", ["a", "b"], ["sum"])]
    inputs: Values = [("a", FLOAT, [None]), ("b", FLOAT, [None])]
    predictor = packaged(save(tmp_path / "m.onnx", nodes, inputs, [("sum", FLOAT, [None])]))
    assert predictor.predict([[1, 2], [3, 4]]).values.tolist() == [3, 7]


def test_texts_are_taken(tmp_path: Path) -> None:
    nodes = [
        helper.make_node(
            "LabelEncoder", ["word"], ["code"], domain="ai.onnx.ml", keys_strings=["a", "b"], values_floats=[1.0, 2.0]
        )
    ]
    predictor = packaged(save(tmp_path / "m.onnx", nodes, [("word", TEXT, [None, 1])], [("code", FLOAT, [None, 1])]))
    assert predictor.predict(["b", "a"]).values.tolist() == [2, 1]
    with pytest.raises(RequestError, match="row 0: column 'word': 7 is not text"):
        predictor.predict([7])


def test_a_batch_size_fixed_to_one_is_run_row_by_row(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    path = save(
        tmp_path / "m.onnx", nodes, [("x", FLOAT, [1, 2])], [("y", FLOAT, [1, 1])], {"w": np.float32([[1], [10]])}
    )
    assert packaged(path).predict([[1, 2], [3, 4], [5, 6]]).values.tolist() == [21, 43, 65]


def test_several_outputs_are_an_object_a_row(tmp_path: Path) -> None:
    nodes = [helper.make_node("Neg", ["x"], ["minus"]), helper.make_node("Abs", ["x"], ["size"])]
    outputs: Values = [("minus", FLOAT, [None, 2]), ("size", FLOAT, [None, 2])]
    predictor = packaged(save(tmp_path / "m.onnx", nodes, [("x", FLOAT, [None, 2])], outputs))
    values = predictor.predict([[1, -2], [3, 4]]).values
    assert [{name: part.tolist() for name, part in row.items()} for row in values] == [
        {"minus": [-1, 2], "size": [1, 2]},
        {"minus": [-3, -4], "size": [3, 4]},
    ]


def test_tensors_are_taken_over_both_protocols_and_checked(tmp_path: Path) -> None:
    nodes = [helper.make_node("Mul", ["image", "image"], ["squared"])]
    shape: list[int | str | None] = [None, 2, 2]
    predictor = packaged(save(tmp_path / "m.onnx", nodes, [("image", FLOAT, shape)], [("squared", FLOAT, shape)]))
    app = App(predictor, "squares", "1")
    reply = post(app, "/predict", {"instances": [[[1, 2], [3, 4]]]})
    assert reply["predictions"] == [[[1, 4], [9, 16]]]
    tensor = {"name": "image", "datatype": "FP32", "shape": [1, 2, 2], "data": [1, 2, 3, 4]}
    output = post(app, "/v2/models/squares/infer", {"inputs": [tensor]})["outputs"][0]
    assert output == {"name": "squared", "datatype": "FP32", "shape": [1, 2, 2], "data": [1, 4, 9, 16]}
    for wrong, message in (
        ([[1, 2, 3]], "row 0: 'image' has shape [1, 3], but the model takes [2, 2]"),
        ([[1, 2], [3]], "row 0: 'image' is not an array of float32"),
        ("x", "row 0: 'image' is not an array of float32"),
    ):
        assert message in post(app, "/predict", {"instances": [wrong]})["error"]


@pytest.mark.parametrize(
    ("shape", "message"),
    [([8, 2], "takes 8 rows at once; export it with a free batch size")],
)
def test_a_graph_for_many_rows_at_once_is_refused(tmp_path: Path, shape: Any, message: str) -> None:
    path = save(
        tmp_path / "m.onnx", [helper.make_node("Neg", ["x"], ["y"])], [("x", FLOAT, shape)], [("y", FLOAT, shape)]
    )
    with pytest.raises(TrainingError, match=message):
        package(path, tmp_path / "out")


def test_a_graph_that_cannot_run_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Reshape", ["x", "to"], ["y"])]
    path = save(
        tmp_path / "m.onnx", nodes, [("x", FLOAT, [None, 3])], [("y", FLOAT, [None, 2])], {"to": np.int64([2, 2])}
    )
    with pytest.raises(TrainingError, match=r"m\.onnx: (fails on a row of zeros|ONNX Runtime cannot load it)"):
        package(path, tmp_path / "out")


def test_an_unknown_operator_is_refused(tmp_path: Path) -> None:
    path = save(
        tmp_path / "m.onnx",
        [helper.make_node("Nonsense", ["x"], ["y"])],
        [("x", FLOAT, [None, 2])],
        [("y", FLOAT, [None, 2])],
    )
    with pytest.raises(TrainingError, match=r"m\.onnx: ONNX Runtime cannot load it"):
        package(path, tmp_path / "out")


def with_weights_outside(path: Path, location: str = "model.onnx.data") -> Path:
    """A model as torch.onnx writes it: the weights in a file beside it."""
    import onnx

    save(
        path,
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [("x", FLOAT, [None, 40])],
        [("y", FLOAT, [None, 1])],
        {"w": np.ones((40, 1), dtype=np.float32)},
    )
    onnx.save(onnx.load(path), path, save_as_external_data=True, location=location, size_threshold=100)
    return path


def test_weights_beside_the_model_are_taken_in(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    with_weights_outside(tmp_path / "m" / "model.onnx")
    package(tmp_path / "m", tmp_path / "out")
    assert Predictor(tmp_path / "out").predict([[1.0] * 40]).values.tolist() == [40.0]
    assert not list((tmp_path / "out").glob("*.data"))


def test_weights_that_are_missing_are_named(tmp_path: Path) -> None:
    path = with_weights_outside(tmp_path / "model.onnx")
    (tmp_path / "model.onnx.data").unlink()
    with pytest.raises(
        TrainingError, match=r"its weights in 'model\.onnx\.data', which is not beside it; name the folder"
    ):
        package(path, tmp_path / "out")


def test_weights_that_are_truncated_are_told(tmp_path: Path) -> None:
    path = with_weights_outside(tmp_path / "model.onnx")
    (tmp_path / "model.onnx.data").write_bytes(b"short")
    with pytest.raises(TrainingError, match=r"model\.onnx: "):
        package(path, tmp_path / "out")


def test_weights_outside_the_models_folder_are_refused(tmp_path: Path) -> None:
    import onnx

    path = with_weights_outside(tmp_path / "model.onnx")
    model = onnx.load(path, load_external_data=False)
    model.graph.initializer[0].external_data[0].value = "../secret"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(TrainingError, match=r"keeps weights outside its folder \('\.\./secret'\)"):
        package(path, tmp_path / "out")


@pytest.mark.parametrize("shape", [[], None])
def test_an_input_without_an_axis_for_rows_is_refused(tmp_path: Path, shape: Any) -> None:
    path = save(
        tmp_path / "m.onnx", [helper.make_node("Neg", ["x"], ["y"])], [("x", FLOAT, shape)], [("y", FLOAT, shape)]
    )
    with pytest.raises(TrainingError, match="input 'x' has no axis for rows, or its rank is unknown"):
        package(path, tmp_path / "out")
