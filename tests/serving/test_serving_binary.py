"""The binary tensor extension, byte by byte as Triton's clients write and read it."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
from serving_support import ROW, AppReply, call

from serving.app import App
from serving.predictor import Predictor

PATH = "/v2/models/iris/infer"
VALUES = list(ROW.values())
ROWS = np.array([VALUES, [6.7, 3.1, 5.6, 2.4]], dtype="<f4")


def infer(app: App, document: Any, raw: bytes, length: Any = None) -> AppReply:
    head = json.dumps(document).encode()
    said = str(len(head) if length is None else length)
    return call(app, PATH, head + raw, content_type="application/octet-stream", inference_header_content_length=said)


def tensor(values: Any, datatype: str = "FP32", **more: Any) -> dict[str, Any]:
    size = len(values.tobytes())
    return {
        "name": "x", "datatype": datatype, "shape": list(values.shape), "parameters": {"binary_data_size": size}, **more
    }  # fmt: skip


def split(reply: AppReply) -> tuple[Any, dict[str, bytes]]:
    """The JSON of a binary reply, and the bytes of each output that has some."""
    length = int(reply.headers["inference-header-content-length"])
    document, place, found = json.loads(reply.body[:length]), length, {}
    for output in document["outputs"]:
        if size := output.get("parameters", {}).get("binary_data_size"):
            found[output["name"]] = reply.body[place : place + size]
            place += size
    assert place == len(reply.body)
    return document, found


def test_binary_in_and_out(app: App, iris: Predictor) -> None:
    document = {"id": "7", "inputs": [tensor(ROWS)], "parameters": {"binary_data_output": True}}
    reply = infer(app, document, ROWS.tobytes())
    assert (reply.status, reply.headers["content-type"]) == (200, "application/octet-stream")
    said, found = split(reply)
    assert said["id"] == "7"
    texts = b"".join(struct.pack("<I", len(name)) + name for name in (b"setosa", b"virginica"))
    assert found["prediction"] == texts
    offline = iris.predict(ROWS.tolist()).probabilities
    np.testing.assert_array_equal(np.frombuffer(found["probabilities"], "<f4").reshape(2, 3), offline)


def test_each_output_is_binary_or_json_as_it_is_asked_for(app: App) -> None:
    outputs = [{"name": "prediction"}, {"name": "probabilities", "parameters": {"binary_data": True}}]
    said, found = split(infer(app, {"inputs": [tensor(ROWS)], "outputs": outputs}, ROWS.tobytes()))
    assert said["outputs"][0]["data"] == ["setosa", "virginica"]
    assert list(found) == ["probabilities"]


def test_json_in_may_be_answered_in_binary(app: App) -> None:
    given = {"name": "x", "datatype": "FP32", "shape": [1, 4], "data": VALUES}
    body = json.dumps({"inputs": [given], "parameters": {"binary_data_output": True}}).encode()
    _, found = split(call(app, PATH, body, content_type="application/json"))
    assert found["prediction"] == b"\x06\0\0\0setosa"


def test_columns_of_several_types_follow_one_another(app: App) -> None:
    raw, inputs = b"", []
    for name, value in ROW.items():
        values = np.array([[value]], dtype="<f8")
        inputs.append(tensor(values, "FP64", name=name))
        raw += values.tobytes()
    assert infer(app, {"inputs": inputs}, raw).json()["outputs"][0]["data"] == ["setosa"]


@pytest.mark.parametrize(
    ("change", "raw", "length", "message"),
    [
        ({}, ROWS.tobytes(), "x", "is not the length of the JSON"),
        ({}, ROWS.tobytes(), 100_000, "is not the length of the JSON"),
        ({}, ROWS.tobytes()[:-1], None, "the body ends before its 32 binary bytes"),
        ({}, ROWS.tobytes() + b"x", None, "the body has 1 bytes more"),
        ({"parameters": {"binary_data_size": -4}}, b"", None, "binary_data_size is not a number of bytes"),
        ({"parameters": {"binary_data_size": 3}}, b"abc", None, "3 bytes are no whole number of FP32 values"),
        ({"data": [1]}, ROWS.tobytes(), None, 'has both "data" and binary data'),
        ({"shape": [1, 4]}, ROWS.tobytes(), None, "8 values do not fill the shape [1, 4]"),
        ({"datatype": "FP31"}, ROWS.tobytes(), None, "unknown datatype 'FP31'"),
        ({"datatype": "BYTES"}, ROWS.tobytes(), None, "its binary data ends inside value 0"),
    ],
)
def test_lengths_that_do_not_fit_are_one_clear_error(
    app: App, change: Any, raw: bytes, length: Any, message: str
) -> None:
    reply = infer(app, {"inputs": [{**tensor(ROWS), **change}]}, raw, length)
    assert (reply.status, message in reply.json()["error"]) == (400, True), reply.json()


def test_texts_that_are_no_utf8_are_told(app: App) -> None:
    raw = struct.pack("<I", 1) + b"\xff"
    given = {"name": "x", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(raw)}}
    assert "input 'x', value 0: not UTF-8 text" in infer(app, {"inputs": [given]}, raw).json()["error"]
