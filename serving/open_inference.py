"""The Open Inference Protocol, version 2, in JSON.

Format: kserve/open-inference-protocol on GitHub, specification/protocol/inference_rest.md.

A tabular model takes its columns either as one input each ([rows] or [rows, 1]), or as one input of the shape
[rows, columns] in the signature's order. A model of tensors takes its tensors under their own names.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from serving import binary_tensors, recommendations, tensors
from serving.columns import Features
from serving.errors import RequestError, nearest
from serving.expectations import listed, noted
from serving.forms import Answer
from serving.http import Reply, Request, decode, encode, require_json
from serving.predictor import Predictor
from serving.tensors import DATATYPES, NAMES, Tensor
from serving.wishes import Wishes, of_document

PLATFORM = {"onnx": "onnx_onnxv1", "sklearn": "sklearn"}


class OpenInference:
    """Answers `/v2/…` for one model."""

    def __init__(self, predictor: Predictor, model_name: str, model_version: str) -> None:
        self.predictor = predictor
        self.model_name, self.model_version = model_name, model_version
        self._tabular = all(column.numeric or column.textual for column in predictor.columns)

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
        inputs = [tensors.described(column) for column in self.predictor.columns]
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
                {"name": output["name"], "datatype": NAMES[output["dtype"]], "shape": tensors.free(output["shape"])}
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
        given: dict[str, Tensor] = {}
        for place, entry in enumerate(inputs):
            tensor = tensors.read(place, entry)
            if tensor.name in given:
                raise RequestError(f"input '{tensor.name}' is given twice")
            given[tensor.name] = tensor
        if not given:
            raise RequestError('"inputs" is empty; at least one tensor is expected')
        encoder = self.predictor.encoder
        only = next(iter(given.values()))
        width = len(encoder.names)
        if self._tabular and len(given) == 1 and len(only.shape) == 2 and only.shape[1] == width:
            flat = only.plain
            return encoder.encode_cells([flat[at : at + width] for at in range(0, len(flat), width)])
        for name in given:
            if name not in encoder.names:
                raise RequestError(f"input '{name}' is no column of the model{nearest(name, encoder.names)}")
        for column in encoder.columns:
            if column.name not in given:
                if not column.optional:
                    raise RequestError(f"input '{column.name}' is missing")
                given[column.name] = Tensor(column.name, only.shape[:1], [None] * only.shape[0])
        return encoder.encode_cells(tensors.rows([given[name] for name in encoder.names], encoder.columns))

    def _tensors(self, answer: Answer) -> list[dict[str, Any]]:
        if answer.outputs:
            return [tensors.output(name, values) for name, values in answer.outputs.items()]
        if self.predictor.type == recommendations.ITEMS:
            return [tensors.output(name, values) for name, values in recommendations.outputs(answer.values)]
        found = [tensors.output("prediction", np.asarray(answer.values, dtype=object if self._text else None))]
        if answer.probabilities is not None:
            found.append(tensors.output("probabilities", answer.probabilities))
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
