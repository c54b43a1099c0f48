"""What clients of other servers send to the plain protocols is answered as those servers answer it."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from typing import Any

import numpy as np
import pytest
from serving_support import ROW, call

from serving.app import App

NAMES, VALUES = list(ROW), list(ROW.values())
SPLIT = {"columns": NAMES, "index": [0, 1], "data": [VALUES, VALUES]}
PATH = "/invocations"


def post(app: App, path: str, body: Any, **headers: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return call(app, path, content, **{"content_type": "application/json", **headers})


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": SPLIT},
        {"dataframe_split": {"data": [VALUES, VALUES]}},
        {"dataframe_split": {"columns": [0, 1, 2, 3], "data": [VALUES, VALUES]}},
        {"dataframe_records": [ROW, ROW], "params": {"a": 1}},
        {"inputs": [VALUES, VALUES]},
        {"inputs": {name: [value, value] for name, value in ROW.items()}},
        {"inputs": {name: [[value], [value]] for name, value in ROW.items()}},
        {"instances": [ROW, ROW], "signature_name": "serving_default"},
        {"instances": [{name: [value] for name, value in ROW.items()}] * 2, "parameters": {}},
    ],
)
def test_every_form_of_rows_in_json_is_read(app: App, body: Any) -> None:
    reply = post(app, PATH, body)
    assert (reply.status, reply.json()["predictions"]) == (200, ["setosa", "setosa"])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"dataframe_splt": SPLIT}, "did you mean 'dataframe_split'"),
        ({"instances": [ROW], "inputs": [ROW]}, 'has both "instances" and "inputs"'),
        ({"dataframe_split": [ROW]}, '"dataframe_split" has no "data"'),
        ({"dataframe_split": {"columns": NAMES, "data": [VALUES, [1]]}}, '"dataframe_split", row 1: 4 values'),
        ({"dataframe_split": {"columns": "a", "data": []}}, '"columns" is not a list of names'),
        (
            {"inputs": {"sepal_length": [1, 2], "sepal_width": [1]}},
            "'sepal_width' has 1 values, but 'sepal_length' has 2",
        ),
        ({"inputs": {}}, "no rows"),
        ({"inputs": "x"}, '"inputs" is not a list'),
    ],
)
def test_rows_in_a_wrong_form_are_one_clear_error(app: App, body: Any, message: str) -> None:
    reply = post(app, PATH, body)
    assert (reply.status, message in reply.json()["error"]) == (400, True), reply.json()


def test_tensorflow_serving_answers_columns_with_outputs(app: App) -> None:
    path = "/v1/models/iris/versions/7:predict"
    assert post(app, path, {"inputs": {name: [value] for name, value in ROW.items()}}).json()["outputs"] == ["setosa"]
    assert post(app, path, {"instances": [ROW]}).json()["predictions"] == ["setosa"]
    status = call(app, "/v1/models/iris/versions/7", method="GET").json()
    assert status["model_version_status"][0]["state"] == "AVAILABLE"
    assert (status["name"], status["ready"]) == ("iris", "True")
    assert call(app, "/v1/models", method="GET").json() == {"models": ["iris"]}


def test_json_lines_in_and_out(app: App) -> None:
    body = b"\n".join(json.dumps(row).encode() for row in (ROW, VALUES)) + b"\n\n"
    reply = post(app, PATH, body, content_type="application/jsonlines", accept="application/jsonlines")
    assert (reply.status, reply.body) == (200, b'"setosa"\n"setosa"\n')
    broken = post(app, PATH, body + b"{", content_type="application/jsonlines")
    assert (broken.status, "line 4: the line is not JSON" in broken.json()["error"]) == (400, True)


def saved(values: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, values, **options)
    return out.getvalue()


@pytest.mark.parametrize("dtype", ["float64", "float32", ">f8"])
def test_numpy_arrays_in_and_out(app: App, dtype: str) -> None:
    body = saved(np.array([VALUES, VALUES], dtype=dtype))
    reply = post(app, PATH, body, content_type="application/x-npy", accept="application/x-npy")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/x-npy")
    assert np.load(io.BytesIO(reply.body)).tolist() == ["setosa", "setosa"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"nothing", "not an array as numpy.save writes it"),
        (saved(np.array([{"a": 1}], dtype=object), allow_pickle=True), "not an array as numpy.save writes it"),
        (saved(np.array([VALUES]))[:-8], "not an array as numpy.save writes it"),
        (saved(np.float64(1)), "not an array of rows"),
        (saved(np.array([[1j]])), "an array of complex128 cannot be taken"),
        (saved(np.ones((2, 3))), "row 0: 3 values"),
    ],
)
def test_arrays_that_are_none_are_refused_and_never_unpickled(app: App, body: bytes, message: str) -> None:
    reply = post(app, PATH, body, content_type="application/x-npy")
    assert (reply.status, message in reply.json()["error"]) == (400, True), reply.json()


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_bodies_are_expanded(app: App, encoding: str, compress: Any) -> None:
    body = compress(json.dumps({"instances": [ROW]}).encode())
    assert post(app, PATH, body, content_encoding=encoding).json()["predictions"] == ["setosa"]
    assert post(app, PATH, body[:-9], content_encoding=encoding).status == 400
    assert post(app, PATH, b"{}", content_encoding=encoding).status == 400


def test_a_compressed_body_may_not_grow_over_the_limit(app: App) -> None:
    reply = post(app, PATH, gzip.compress(b" " * 5_000_000), content_encoding="gzip")
    assert (reply.status, "larger than 100000 bytes" in reply.json()["error"]) == (413, True)
    assert post(app, PATH, b"{}", content_encoding="br").status == 415
