"""What a Keras model computes on TensorFlow, as an ONNX graph: tf2onnx makes it, and what it leaves is mended here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from training.errors import TrainingError
from training.forms.canonical_graph import canonical
from training.forms.onnx_form import OPSET


def to_onnx(
    call: Callable[[Sequence[Any]], list[Any]], inputs: Sequence[Any], names: Sequence[str], outputs: Sequence[str]
) -> bytes:
    """The graph of `call`, which takes tensors like `inputs` and answers with the tensors `outputs`.

    Raises TrainingError where ONNX cannot compute it.
    """
    import tensorflow as tf
    import tf2onnx

    specs = [
        tf.TensorSpec(tuple(tensor.shape), tensor.dtype, name=name) for tensor, name in zip(inputs, names, strict=True)
    ]

    def answer(*given: Any) -> dict[str, Any]:
        return dict(zip(outputs, call(given), strict=True))

    try:
        function = tf.function(answer, input_signature=specs)
        handlers: dict[str, Any] = {"Erfc": (_erfc, [])}
        made, _ = tf2onnx.convert.from_function(
            function, input_signature=specs, opset=OPSET[""], custom_op_handlers=handlers
        )
        _keep_constants(made, function.get_concrete_function(*specs), len(specs))
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        raise TrainingError(f"tf2onnx cannot convert it to ONNX ({lines[-1][:300]})") from error
    if unknown := unknown_operators(made):
        raise TrainingError(f"ONNX has no counterpart of {', '.join(unknown)}, which its layers compute")
    made.graph.name, made.doc_string = "mooring", ""
    name_axes(made)
    canonical(made)
    data: bytes = made.SerializeToString()
    return data


def _erfc(context: Any, node: Any, name: str, arguments: Any) -> None:
    """erfc(x) = 1 - erf(x), which tf2onnx does not know: the exact GELU of Keras is made of it."""
    import numpy as np

    [given], [made] = node.input, node.output
    dtype, shape = context.get_dtype(made), context.get_shape(made)
    element = {1: np.float32, 10: np.float16, 11: np.float64}[dtype]
    context.remove_node(node.name)
    error = context.make_node("Erf", [given], dtypes=[dtype], shapes=[shape])
    one = context.make_const(f"{node.name}_one", np.array(1, dtype=element))
    context.make_node("Sub", [one.output[0], error.output[0]], outputs=[made], dtypes=[dtype], shapes=[shape])


def _keep_constants(made: Any, function: Any, inputs: int) -> None:
    """Write into the graph what tf2onnx left as further inputs: tensors that a layer holds and that are no variables
    (the mean of a Normalization, say)."""
    from onnx import numpy_helper

    held = zip(function.inputs[inputs:], function.captured_inputs, strict=True)
    values = {given.name: value for given, value in held if given.dtype.name != "resource"}
    kept = [given for given in made.graph.input if given.name not in values]
    for name in sorted({given.name for given in made.graph.input} & set(values)):
        made.graph.initializer.append(numpy_helper.from_array(values[name].numpy(), name))
    del made.graph.input[:]
    made.graph.input.extend(kept)


def unknown_operators(model: Any) -> list[str]:
    """Operators of a graph that ONNX does not have: a converter leaves what it cannot convert as it was."""
    from onnx import defs

    known = {(schema.domain, schema.name) for schema in defs.get_all_schemas()}
    graphs, found = [model.graph], set()
    while graphs:
        for node in graphs.pop().node:
            domain = "" if node.domain == "ai.onnx" else node.domain
            if (domain, node.op_type) not in known:
                found.add(node.op_type)
            graphs += [attribute.g for attribute in node.attribute if attribute.HasField("g")]
    return sorted(found)


def name_axes(model: Any) -> None:
    """Name the free axes of inputs and outputs: a converter numbers them as it comes."""
    for value in [*model.graph.input, *model.graph.output]:
        for place, axis in enumerate(value.type.tensor_type.shape.dim):
            if axis.WhichOneof("value") != "dim_value":
                axis.dim_param = "batch" if place == 0 else f"{value.name}_{place}"
