"""The Open Inference Protocol, version 2, in JSON.

Format: kserve/open-inference-protocol on GitHub, specification/protocol/inference_rest.md.

A tabular model takes its columns either as one input each ([rows] or [rows, 1]), or as one input of the shape
[rows, columns] in the signature's order. A model of tensors takes its tensors under their own names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from serving import binary_tensors, recommendations
from serving.columns import Features
from serving.errors import RequestError, nearest
from serving.expectations import listed, noted
from serving.forms import Answer
from serving.http import Reply, Request, decode, encode, require_json
from serving.predictor import Predictor
from serving.wishes import Wishes, of_document

DATATYPES: Mapping[str, str] = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
    "BYTES": "string",
}
"""The protocol's datatypes and NumPy's names for them."""

NAMES = {numpy: name for name, numpy in DATATYPES.items()}
PLATFORM = {"onnx": "onnx_onnxv1", "sklearn": "sklearn"}


class OpenInference:
    """Answers `/v2/…` for one model."""

    def __init__(self, predictor: Predictor, model_name: str, model_version: str) -> None:
        self.predictor = predictor
        self.model_name, self.model_version = model_name, model_version

    def server(self, request: Request) -> Reply:
        """`GET /v2`."""
        return Reply(
            encode({"name": "mooring", "version": "2", "status": "alive", "extensions": ["binary_tensor_data"]})
        )

    def model(self, request: Request) -> Reply:
        """`GET /v2/models/{m}`: the inputs and outputs."""
        return Reply(encode(self.metadata()))

    def metadata(self) -> dict[str, Any]:
        """The model's metadata as the protocol words it."""
        inputs = [
            {"name": column.name, "datatype": _datatype(column.type, column.dtype), "shape": _shape(column.shape)}
            for column in self.predictor.columns
        ]
        return {
            "name": self.model_name,
            "versions": [self.model_version],
            "platform": PLATFORM[self.predictor.artifact.manifest["serve"]],
            "inputs": inputs,
            "outputs": self._outputs(),
            "model_version": self.model_version,
        }

    def _outputs(self) -> list[dict[str, Any]]:
        if self.predictor.task == "tensor":
            known = self.predictor.artifact.signature["prediction"].get("outputs", [])
            return [
                {"name": output["name"], "datatype": NAMES[output["dtype"]], "shape": _wire(output["shape"])}
                for output in known
            ]
        if self.predictor.type == recommendations.ITEMS:
            return [{"name": name, "datatype": kind, "shape": [-1, -1]} for name, kind in recommendations.OUTPUTS]
        kinds = {"string": "BYTES", "integer": "INT64", "number": "FP64"}
        found = [{"name": "prediction", "datatype": kinds[self.predictor.type], "shape": [-1]}]
        if self.predictor.has_probabilities:
            size = len(self.predictor.classes or [])
            found.append({"name": "probabilities", "datatype": "FP32", "shape": [-1, size]})
        return found

    def infer(self, request: Request) -> Reply:
        """`POST /v2/models/{m}[/versions/{v}]/infer`."""
        if request.header(binary_tensors.LENGTH):
            document = binary_tensors.read(request, DATATYPES)
        else:
            if request.media_type != "application/octet-stream":  # what tritonclient says of plain JSON, too
                require_json(request)
            document = decode(request.body)
        if not isinstance(document, dict) or not isinstance(document.get("inputs"), list):
            raise RequestError('the body has no "inputs", the list of tensors')
        features = self._features(document["inputs"])
        answer = self.predictor.predict_features(features)
        wishes = of_document(document, request)
        outputs = self._selected(self._tensors(answer), document.get("outputs"), wishes)
        body: dict[str, Any] = {"model_name": self.model_name, "model_version": self.model_version}
        if "id" in document:
            if not isinstance(document["id"], str):
                raise RequestError('"id" is not a string')
            body["id"] = document["id"]
        if answer.unlike and wishes.warnings is not False:
            # A parameter is text, a number or a truth value there.
            told = (f"row {one['row']}: column '{one['column']}': {one['message']}" for one in listed(answer.unlike))
            body["parameters"] = {"warnings": "\n".join(told)}
        body["outputs"] = outputs
        if binary := binary_tensors.wanted(document, outputs):
            return noted(binary_tensors.reply(body, binary, features.rows), answer.unlike)
        return noted(Reply(encode(body), rows=features.rows), answer.unlike)

    def _features(self, inputs: list[Any]) -> Features:
        tensors: dict[str, npt.NDArray[Any]] = {}
        for place, given in enumerate(inputs):
            name, values = _tensor(place, given)
            if name in tensors:
                raise RequestError(f"input '{name}' is given twice")
            tensors[name] = values
        if not tensors:
            raise RequestError('"inputs" is empty; at least one tensor is expected')
        encoder = self.predictor.encoder
        only = next(iter(tensors.values()))
        tabular = all(column.type not in ("tensor", "image") for column in encoder.columns)
        if tabular and len(tensors) == 1 and only.ndim == 2 and only.shape[1] == len(encoder.names):
            return encoder.encode_cells(only.tolist())
        for name in tensors:
            if name not in encoder.names:
                raise RequestError(f"input '{name}' is no column of the model{nearest(name, encoder.names)}")
        for column in encoder.columns:
            if column.name not in tensors:
                if not column.optional:
                    raise RequestError(f"input '{column.name}' is missing")
                tensors[column.name] = np.full(len(only), None, dtype=object)
        return encoder.encode_cells(_rows([tensors[name] for name in encoder.names], encoder.names, tabular))

    def _tensors(self, answer: Answer) -> list[dict[str, Any]]:
        if answer.outputs:
            return [_output(name, values) for name, values in answer.outputs.items()]
        if self.predictor.type == recommendations.ITEMS:
            return [_output(name, values) for name, values in recommendations.tensors(answer.values)]
        found = [_output("prediction", np.asarray(answer.values, dtype=object if self._text else None))]
        if answer.probabilities is not None:
            found.append(_output("probabilities", answer.probabilities))
        return found

    @property
    def _text(self) -> bool:
        return self.predictor.type == "string"

    def _selected(self, outputs: list[dict[str, Any]], wanted: Any, wishes: Wishes) -> list[dict[str, Any]]:
        """The outputs that are asked for by name; all of them by default, or as the parameter `probabilities` says."""
        if wanted is None or wanted == []:
            if wishes.probabilities and all(output["name"] != "probabilities" for output in outputs):
                raise RequestError("the model gives no probabilities; ask without them")
            hidden = "probabilities" if wishes.probabilities is False else ""
            return [output for output in outputs if output["name"] != hidden]
        if not isinstance(wanted, list) or not all(
            isinstance(entry, dict) and isinstance(entry.get("name"), str) for entry in wanted
        ):
            raise RequestError('"outputs" is not a list of objects with a "name"')
        known = {output["name"]: output for output in outputs}
        if self.predictor.task == "classification":
            known.setdefault("label", {**outputs[0], "name": "label"})  # what ONNX classifiers call it
        for entry in wanted:
            if entry["name"] not in known:
                raise RequestError(f"the model has no output '{entry['name']}'{nearest(str(entry['name']), known)}")
        return [known[entry["name"]] for entry in wanted]


def _tensor(place: int, given: Any) -> tuple[str, npt.NDArray[Any]]:
    """Name and values of one input, in its shape; the values stay Python objects, the encoder checks them."""
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise RequestError(f'inputs[{place}] has no "name"')
    name = given["name"]
    for key in ("datatype", "shape", "data"):
        if key not in given:
            raise RequestError(f"input '{name}' has no \"{key}\"")
    datatype, shape, data = given["datatype"], given["shape"], given["data"]
    if not isinstance(datatype, str) or datatype not in DATATYPES:
        raise RequestError(f"input '{name}': unknown datatype '{datatype}'{nearest(str(datatype), DATATYPES)}")
    if not isinstance(shape, list) or not shape or not all(type(size) is int and size >= 0 for size in shape):
        raise RequestError(f"input '{name}': the shape is not a list of sizes")
    flat = data.tolist() if isinstance(data, np.ndarray) else _flatten(name, data)
    count = math.prod(shape)
    if len(flat) != count:
        raise RequestError(f"input '{name}': {len(flat)} values do not fill the shape {shape}, which has {count}")
    expected: tuple[type, ...] = (str,) if datatype == "BYTES" else (bool, int, float)
    for at, value in enumerate(flat):
        if value is not None and not isinstance(value, expected):
            raise RequestError(f"input '{name}', value {at}: {str(value)[:40]!r} is not {datatype}")
    values = np.empty(len(flat), dtype=object)
    values[:] = flat
    return name, values.reshape(shape)


def _flatten(name: str, data: Any) -> list[Any]:
    """The values of flat or nested lists, in row-major order."""
    if not isinstance(data, list):
        raise RequestError(f"input '{name}': the data is not a list")
    level = data
    while any(isinstance(item, list) for item in level):
        if not all(isinstance(item, list) for item in level):
            raise RequestError(f"input '{name}': the data is nested unevenly")
        level = [value for item in level for value in item]
    return level


def _rows(tensors: list[npt.NDArray[Any]], names: list[str], tabular: bool) -> list[list[Any]]:
    rows = len(tensors[0])
    for name, values in zip(names, tensors, strict=True):
        if len(values) != rows:
            raise RequestError(f"input '{name}' has {len(values)} rows, but '{names[0]}' has {rows}")
        if tabular and values.size != rows:
            raise RequestError(f"input '{name}' has the shape {list(values.shape)}; one value a row is expected")
    columns = [values.reshape(-1).tolist() if tabular else values.tolist() for values in tensors]
    return [list(row) for row in zip(*columns, strict=True)]


def _output(name: str, values: npt.NDArray[Any]) -> dict[str, Any]:
    datatype = "BYTES" if values.dtype.kind in "OSU" else NAMES[values.dtype.name]
    data: Any = values.reshape(-1)
    shape = list(values.shape)
    return {"name": name, "datatype": datatype, "shape": shape, "data": data.tolist() if datatype == "BYTES" else data}


def _datatype(kind: str, dtype: str) -> str:
    return {"number": "FP64", "string": "BYTES", "text": "BYTES", "date": "BYTES"}.get(kind) or NAMES[dtype]


def _shape(shape: tuple[int | None, ...]) -> list[int]:
    return [-1, *(-1 if size is None else size for size in shape)] if shape else [-1, 1]


def _wire(shape: list[int | None]) -> list[int]:
    return [-1 if size is None else size for size in shape]
