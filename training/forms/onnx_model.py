"""An existing ONNX model as the parts of an artifact: its signature is read off the graph.

A graph whose inputs are [rows] or [rows, n] with a known, moderate n takes columns; any other takes tensors.
Its answer is a classification where the graph says so (class labels, and scores), a number a row where it has
one such output, else tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.artifact.records import package_versions
from training.artifact.signature import plain
from training.errors import TrainingError
from training.forms.onnx_weights import embed, has_external
from training.forms.sklearn_model import Parts

MAX_COLUMNS = 256
"""A single input wider than this is one tensor, not columns: nobody names a picture's pixels."""

NUMERIC = frozenset(
    {"float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"}
)


def from_onnx(path: Path, columns: Sequence[str] = ()) -> Parts:
    """An ONNX file. Raises TrainingError for one that is damaged, or that ONNX Runtime cannot load or run."""
    data, graph = _read(path)
    session = _session(path.name, data)
    inputs = [_tensor(path.name, given) for given in session.get_inputs()]
    if not inputs:
        raise TrainingError(f"{path.name}: the graph has no input; nothing to predict from")
    described, feeds = _columns(
        inputs, columns, nullable=any(node.op_type in ("Imputer", "IsNaN") for node in graph.node)
    )
    prediction, entry = _prediction([_tensor(path.name, output) for output in session.get_outputs()], graph)
    entry = {"file": "model.onnx", "inputs": feeds, **entry}
    if any(given["shape"] and given["shape"][0] == 1 for given in inputs):
        entry["batch"] = 1
    _try(path.name, session, inputs)
    if entry.get("probabilities") and not _are_shares(session, inputs, entry["probabilities"]):
        entry["probabilities"] = None  # distances of a support vector machine, or the like
    manifest = {
        "task": prediction.pop("task"),
        "origin": "package",
        "serve": "onnx",
        "forms": {"onnx": entry},
        "packages": package_versions(),
    }
    return Parts({"model.onnx": data}, manifest, {"columns": described, "prediction": prediction})


def _read(path: Path) -> tuple[bytes, Any]:
    """The model as one file, and its graph."""
    import onnx

    name, data = path.name, path.read_bytes()
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:
        kind = "; it looks like a pickle: name it .pkl, or set its format to pickle" if data[:1] == b"\x80" else ""
        raise TrainingError(f"{name}: not an ONNX model, or a truncated one{kind}") from error
    if not model.graph.output:
        raise TrainingError(f"{name}: not an ONNX model, or a truncated one (its graph has no output)")
    if has_external(model):
        data = embed(path, model)
    return data, model.graph


def _session(name: str, data: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        reason = str(error).strip().splitlines()[0][:300]
        raise TrainingError(f"{name}: ONNX Runtime cannot load it ({reason})") from error


def _tensor(name: str, value: Any) -> dict[str, Any]:
    """Name, element type and shape of a graph's input or output; unknown sizes are None."""
    if not value.type.startswith("tensor("):
        return {"name": value.name, "dtype": value.type, "shape": []}
    dtype = value.type[len("tensor(") : -1]
    dtype = {"float": "float32", "double": "float64"}.get(dtype, dtype)
    if dtype != "string" and dtype not in NUMERIC:
        raise TrainingError(f"{name}: '{value.name}' has the element type {dtype}, which is not supported")
    return {
        "name": value.name,
        "dtype": dtype,
        "shape": [size if isinstance(size, int) and size > 0 else None for size in value.shape],
    }


def _columns(
    inputs: list[dict[str, Any]], names: Sequence[str], *, nullable: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The signature's columns, and which of them each input of the graph is fed with."""
    for given in inputs:
        if not given["shape"]:
            raise TrainingError(
                f"input '{given['name']}' has no axis for rows, or its rank is unknown; export it with a shape such "
                "as [batch, columns]"
            )
        if (given["shape"][0] or 1) > 1:
            raise TrainingError(
                f"input '{given['name']}' takes {given['shape'][0]} rows at once; export it with a free batch size"
            )
    widths = [_width(given) for given in inputs]
    if any(width is None for width in widths) or sum(width or 0 for width in widths) > MAX_COLUMNS:
        return _tensors(inputs)
    columns: list[dict[str, Any]] = []
    feeds = []
    if set(names) == {given["name"] for given in inputs}:
        names = ()  # the graph names its columns itself, in an order of its own
    total = sum(width or 0 for width in widths)
    if names and len(names) != total:
        raise TrainingError(f"--columns has {len(names)} names, but the model takes {total} columns")
    for given, width in zip(inputs, widths, strict=True):
        own = [given["name"]] if width == 1 else [f"{given['name']}_{at}" for at in range(width or 0)]
        taken = list(names[len(columns) : len(columns) + len(own)]) or own
        feeds.append({"name": given["name"], "dtype": given["dtype"], "columns": taken})
        if len(given["shape"]) == 1:
            feeds[-1]["rank"] = 1
        columns += [_column(name, given["dtype"], nullable) for name in taken]
    return columns, feeds


def _width(given: dict[str, Any]) -> int | None:
    """Columns that an input takes; None for a tensor."""
    shape = given["shape"]
    if len(shape) == 1:
        return 1
    width: int | None = shape[1] if len(shape) == 2 else None
    return width


def _column(name: str, dtype: str, nullable: bool) -> dict[str, Any]:
    if dtype == "string":
        return {"name": name, "type": "string", "nullable": False}
    entry: dict[str, Any] = {"name": name, "type": "number", "nullable": nullable and dtype.startswith("float")}
    if dtype == "bool":
        return {**entry, "boolean": True, "integer": True}
    return entry if dtype.startswith("float") else {**entry, "integer": True}


def _tensors(inputs: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    columns = [
        {
            "name": given["name"],
            "type": "tensor",
            "nullable": False,
            "dtype": given["dtype"],
            "shape": given["shape"][1:],
        }
        for given in inputs
    ]
    return columns, [{"name": given["name"], "dtype": given["dtype"], "columns": [given["name"]]} for given in inputs]


def _prediction(outputs: list[dict[str, Any]], graph: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The signature's prediction (with the task), and which outputs of the graph are read."""
    labels = [output for output in outputs if output["dtype"] in ("int64", "string") and len(output["shape"]) <= 2]
    classes = _classes(graph)
    if classes and len(labels) == 1 and len(outputs) <= 2:
        scores = [output["name"] for output in outputs if output is not labels[0]]
        kind = "integer" if labels[0]["dtype"] == "int64" else "string"
        entry = {"prediction": labels[0]["name"], "probabilities": scores[0] if scores else None}
        return {"name": "prediction", "type": kind, "classes": classes, "task": "classification"}, entry
    if len(outputs) == 1 and _is_number(outputs[0]):
        return {"name": "prediction", "type": "number", "task": "regression"}, {"prediction": outputs[0]["name"]}
    for output in outputs:
        if not output["shape"] and not (output["dtype"] in NUMERIC or output["dtype"] == "string"):
            raise TrainingError(
                f"output '{output['name']}' is a {output['dtype']}, which is not supported; export tensors"
            )
    return {"name": "prediction", "type": "tensor", "task": "tensor", "outputs": outputs}, {}


def _is_number(output: dict[str, Any]) -> bool:
    shape = output["shape"]
    return output["dtype"].startswith("float") and (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1))


def _classes(graph: Any) -> list[Any]:
    """Class labels that the graph's last classifying node names, in the order of its scores; [] for none."""
    from onnx import numpy_helper

    found: list[Any] = []
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.name.startswith("classlabels") and (attribute.ints or attribute.strings):
                found = plain(attribute.ints) if attribute.ints else [text.decode() for text in attribute.strings]
    if any(node.op_type == "ArrayFeatureExtractor" for node in graph.node):
        # skl2onnx keeps the labels of some classifiers in a table of this name, and picks from it.
        for tensor in graph.initializer:
            if tensor.name.startswith("classes"):
                values = numpy_helper.to_array(tensor).reshape(-1)
                found = [value.decode() if isinstance(value, bytes) else value for value in plain(values)]
    return found


def _try(name: str, session: Any, inputs: list[dict[str, Any]]) -> None:
    """Run one row of zeros, where the shapes are known."""
    if (feed := _row(inputs, 0)) is None:
        return
    try:
        session.run(None, feed)
    except Exception as error:
        reason = str(error).strip().splitlines()[0][:300]
        raise TrainingError(f"{name}: fails on a row of zeros ({reason})") from error


def _are_shares(session: Any, inputs: list[dict[str, Any]], output: str) -> bool:
    """Whether a classifier's scores are probabilities: between 0 and 1, with the sum 1, for several rows."""
    for value in (0, 1, 3, 40):
        if (feed := _row(inputs, value)) is None:
            return True
        try:
            found = session.run([output], feed)[0]
        except Exception:  # noqa: BLE001 - not every model takes every value
            continue
        scores = np.array(list(found[0].values()) if isinstance(found, list) else found, dtype=np.float64).reshape(-1)
        if scores.min() < -1e-3 or scores.max() > 1 + 1e-3 or abs(scores.sum() - 1) > 1e-3:
            return False
    return True


def _row(inputs: list[dict[str, Any]], value: int) -> dict[str, npt.NDArray[Any]] | None:
    """One row with this value everywhere; None where the shapes are not known."""
    feed: dict[str, npt.NDArray[Any]] = {}
    for given in inputs:
        if any(size is None for size in given["shape"][1:]):
            return None
        shape = [1, *given["shape"][1:]]
        filled = np.full(shape, "", dtype=object) if given["dtype"] == "string" else np.full(shape, value)
        feed[given["name"]] = filled if given["dtype"] == "string" else filled.astype(given["dtype"])
    return feed
