"""The plain protocols: `{"instances": [rows]}` to `{"predictions": […]}`, as Vertex AI and TensorFlow Serving
have it, and SageMaker's `/invocations` with JSON or CSV on either side."""

from __future__ import annotations

from typing import Any

import numpy as np

from serving import csv_rows
from serving.errors import RequestError, nearest
from serving.forms import Answer
from serving.http import CSV, Reply, Request, decode, encode, require_json
from serving.predictor import Predictor


class Instances:
    """Answers the plain protocols for one model."""

    def __init__(self, predictor: Predictor, model_name: str, model_version: str) -> None:
        self.predictor = predictor
        self.model_name, self.model_version = model_name, model_version

    def predict(self, request: Request) -> Reply:
        """`/predict`, `/` and `/v1/models/{m}:predict`: JSON to JSON."""
        require_json(request)
        rows = rows_of(decode(request.body))
        return self._json(self.predictor.predict(rows), len(rows))

    def invocations(self, request: Request) -> Reply:
        """`/invocations`: JSON or CSV by the content type, answered as the Accept header wants."""
        wants_csv = _wants_csv(request)
        if request.media_type == "text/csv":
            cells = csv_rows.parse(_text(request.body), self.predictor.columns, _header_parameter(request))
            answer = self.predictor.predict_features(self.predictor.encoder.encode_cells(cells))
            count = len(cells)
        elif request.media_type in ("", "application/json"):
            rows = rows_of(decode(request.body))
            answer, count = self.predictor.predict(rows), len(rows)
        else:
            raise RequestError(
                f"content type '{request.media_type}' is not supported here; send application/json or text/csv", 415
            )
        if wants_csv:
            return Reply(csv_rows.write(_listed(answer.values)), content_type=CSV, rows=count)
        return self._json(answer, count)

    def _json(self, answer: Answer, rows: int) -> Reply:
        body: dict[str, Any] = {"predictions": answer.values}
        if answer.probabilities is not None:
            body["probabilities"] = answer.probabilities
            body["classes"] = self.predictor.classes
        body["model_name"] = self.model_name
        body["model_version"] = self.model_version
        return Reply(encode(body), rows=rows)


def rows_of(document: Any) -> list[Any]:
    """The rows of a JSON body: under `instances`, or the body itself when it is a list."""
    if isinstance(document, list):
        return document
    if not isinstance(document, dict):
        raise RequestError('the body is not an object; {"instances": [rows]} is expected')
    if "instances" not in document:
        near = nearest(next(iter(document)), ["instances"]) if len(document) == 1 else ""
        found = f"; found '{next(iter(document))}'{near}" if document else ""
        raise RequestError(f'the body has no "instances", the list of rows{found}')
    rows = document["instances"]
    if not isinstance(rows, list):
        raise RequestError('"instances" is not a list; it holds one entry a row')
    return rows


def _listed(values: Any) -> list[Any]:
    return list(values.tolist()) if isinstance(values, np.ndarray) else list(values)


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise RequestError(f"line {line} of the body is not UTF-8") from None


def _header_parameter(request: Request) -> bool | None:
    """RFC 4180's `header=present|absent` of text/csv."""
    for part in request.header(b"content-type").lower().split(";")[1:]:
        name, _, value = part.strip().partition("=")
        if name == "header":
            return value.strip('" ') == "present"
    return None


def _wants_csv(request: Request) -> bool:
    accepted = [part.partition(";")[0].strip().lower() for part in request.header(b"accept").split(",")]
    for kind in accepted:
        if kind in ("", "*/*", "application/*", "application/json"):
            return False
        if kind in ("text/csv", "text/*"):
            return True
    raise RequestError(f"'{', '.join(accepted)}' cannot be answered; accept application/json or text/csv", 406)
