"""The plain protocols: `{"instances": [rows]}` to `{"predictions": […]}`, as Vertex AI and TensorFlow Serving
have it, and `/invocations` of SageMaker and MLflow with JSON, JSON Lines, CSV or NumPy on either side."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from serving import csv_rows, row_by_row
from serving.bodies import array_of, lines_of, rows_of
from serving.errors import RequestError
from serving.expectations import listed, noted
from serving.forms import Answer
from serving.http import CSV, Reply, Request, decode, encode, require_json
from serving.predictor import Predictor
from serving.recommendations import ITEMS
from serving.recommendations import cells as cells_of
from serving.wishes import Wishes, of_document, of_request


class Instances:
    """Answers the plain protocols for one model."""

    def __init__(self, predictor: Predictor, model_name: str, model_version: str) -> None:
        self.predictor = predictor
        self.model_name, self.model_version = model_name, model_version

    def predict(self, request: Request) -> Reply:
        """`/predict` and `/`: JSON to JSON."""
        require_json(request)
        document = decode(request.body)
        rows = rows_of(document)
        return self._json(self.predictor.predict(rows), len(rows), of_document(document, request))

    def columnar(self, request: Request) -> Reply:
        """`/v1/models/{m}:predict`: as TensorFlow Serving, which answers `inputs` with `outputs`."""
        require_json(request)
        document = decode(request.body)
        rows = rows_of(document)
        key = "outputs" if isinstance(document, dict) and "inputs" in document else "predictions"
        return self._json(self.predictor.predict(rows), len(rows), of_document(document, request), key)

    def invocations(self, request: Request) -> Reply:
        """`/invocations`: read by the content type, answered as the Accept header wants."""
        if request.header(b"accept").strip().lower() == row_by_row.TYPE:
            return row_by_row.reply(self.predictor, request)
        wanted = _wanted(request)
        kind = request.media_type or JSON_TYPE
        wishes = of_request(request)
        if kind == CSV_TYPE:
            cells = csv_rows.parse(_text(request.body), self.predictor.columns, _header_parameter(request))
            answer, count = self.predictor.predict_features(self.predictor.encoder.encode_cells(cells)), len(cells)
        elif kind == JSON_TYPE:
            document = decode(request.body)
            rows, wishes = rows_of(document), of_document(document, request, wishes)
            answer, count = self.predictor.predict(rows), len(rows)
        elif reader := _READERS.get(kind):
            rows = reader(request.body)
            answer, count = self.predictor.predict(rows), len(rows)
        else:
            known = ", ".join([CSV_TYPE, JSON_TYPE, *_READERS])
            raise RequestError(f"content type '{kind}' is not supported here; send one of {known}", 415)
        if wanted == JSON_TYPE:
            return self._json(answer, count, wishes)
        shares = self._probabilities(answer) if wishes.probabilities else None
        values = answer.values
        if wanted == CSV_TYPE and self.predictor.type == ITEMS:
            values = [cells_of(offered) for offered in values]
        body = _WRITERS[wanted](values, shares)
        return noted(Reply(body, content_type=_CONTENT.get(wanted, wanted.encode()), rows=count), answer.unlike)

    def _probabilities(self, answer: Answer) -> npt.NDArray[Any]:
        if answer.probabilities is None:
            raise RequestError("the model gives no probabilities; ask without them")
        return answer.probabilities

    def _json(self, answer: Answer, rows: int, wishes: Wishes, key: str = "predictions") -> Reply:
        body: dict[str, Any] = {key: answer.values}
        if wishes.probabilities or (answer.probabilities is not None and wishes.probabilities is None):
            body["probabilities"] = self._probabilities(answer)
            body["classes"] = self.predictor.classes
        if answer.unlike and wishes.warnings is not False:
            body["warnings"] = listed(answer.unlike)
        body["model_name"] = self.model_name
        body["model_version"] = self.model_version
        return noted(Reply(encode(body), rows=rows), answer.unlike)


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


def _wanted(request: Request) -> str:
    """The media type of the reply. Raises the error 406 when none that is accepted can be answered."""
    accepted = [part.partition(";")[0].strip().lower() for part in request.header(b"accept").split(",")]
    for kind in accepted:
        if kind in ("", "*/*", "application/*", JSON_TYPE):
            return JSON_TYPE
        if kind == "text/*":
            return CSV_TYPE
        if kind in _WRITERS:
            return kind
    known = ", ".join([JSON_TYPE, *_WRITERS])
    raise RequestError(f"'{', '.join(accepted)}' cannot be answered; accept one of {known}", 406)


Shares = npt.NDArray[Any] | None


def _as_csv(values: Any, shares: Shares) -> bytes:
    """One line a row: the prediction, and then the probability of each class where they are asked for."""
    if shares is None:
        return csv_rows.write(_listed(values))
    rows = zip(_listed(values), shares, strict=True)
    return csv_rows.write([[value, *(share.item() for share in row)] for value, row in rows])


def _as_lines(values: Any, shares: Shares) -> bytes:
    if shares is None:
        return b"".join(encode(value) + b"\n" for value in _listed(values))
    rows = zip(_listed(values), shares, strict=True)
    return b"".join(encode({"prediction": value, "probabilities": row}) + b"\n" for value, row in rows)


def _as_array(values: Any, shares: Shares) -> bytes:
    """The predictions as `numpy.save` writes them, text with a type of its own length; or the probabilities."""
    try:
        array = np.asarray(values if shares is None else shares)
    except ValueError:  # lists of different lengths
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "biufU":
        raise RequestError("several outputs a row do not fit one array; accept application/json", 406)
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


JSON_TYPE, CSV_TYPE, LINES_TYPE, ARRAY_TYPE = (
    "application/json",
    "text/csv",
    "application/jsonlines",
    "application/x-npy",
)
_CONTENT = {CSV_TYPE: CSV}
_READERS: Mapping[str, Callable[[bytes], list[Any]]] = {
    LINES_TYPE: lines_of,
    "application/x-ndjson": lines_of,
    ARRAY_TYPE: array_of,
}
_WRITERS: Mapping[str, Callable[[Any, Shares], bytes]] = {
    CSV_TYPE: _as_csv,
    LINES_TYPE: _as_lines,
    ARRAY_TYPE: _as_array,
}
