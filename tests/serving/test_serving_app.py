"""Every route of the application: right answers, and for wrong requests the right status and one clear error."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serving_support import ROW, AppReply, call

from serving.app import App
from serving.predictor import Predictor

VALUES = list(ROW.values())
PREDICT = "/predict"


def post(app: App, path: str, document: Any, **headers: str) -> AppReply:
    return call(app, path, json.dumps(document).encode(), **{"content_type": "application/json", **headers})


@pytest.mark.parametrize("path", ["/predict", "/", "/v1/models/iris:predict", "/invocations"])
@pytest.mark.parametrize("row", [ROW, VALUES])
def test_instances_are_answered_with_predictions(app: App, iris: Predictor, path: str, row: Any) -> None:
    reply = post(app, path, {"instances": [row, row]})
    assert reply.status == 200
    assert reply.json()["predictions"] == ["setosa", "setosa"]
    assert reply.json()["model_version"] == "7"
    assert reply.json()["classes"] == ["setosa", "versicolor", "virginica"]
    offline = iris.predict([row, row]).probabilities
    assert offline is not None
    np.testing.assert_allclose(reply.json()["probabilities"], offline, rtol=1e-6)


@pytest.mark.parametrize(
    ("path", "method"),
    [("/v2", "GET"), ("/predict", "POST"), ("/nowhere", "GET"), ("/metrics", "GET"), ("/ping", "GET")],
)
def test_every_reply_names_the_model_in_its_headers(app: App, path: str, method: str) -> None:
    headers = call(app, path, b"{}", method).headers
    assert headers["x-model-name"] == "iris"
    assert headers["x-model-version"] == "7"
    assert headers["x-mooring-deployment"] == "blue"


def test_null_and_nan_are_imputed(app: App) -> None:
    for body in (b'{"instances":[[5.1,null,1.4,0.2]]}', b'{"instances":[[5.1,NaN,1.4,0.2]]}'):
        assert call(app, PREDICT, body).json()["predictions"] == ["setosa"]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "the body is empty"),
        (b"{", 400, "the body is not JSON"),
        (b'{"instances":[[1,2,3,Infinity]]}', 400, "the body is not JSON"),
        (b'{"instances":[[NaN,2,3,Infinity]]}', 400, "row 0: column 'petal_width': inf is out of range"),
        (b'"text"', 400, "the body is not an object"),
        (b"{}", 400, 'the body has no "instances"'),
        (b'{"instance":[[1,2,3,4]]}', 400, "did you mean 'instances'"),
        (b'{"instances":{}}', 400, '"instances" is not a list'),
        (b'{"instances":[]}', 400, "no rows"),
        (b'{"instances":[[1,2,3,4],[1,2,3]]}', 400, "row 1: 3 values"),
        (b'{"instances":[[1,2,3,"x"]]}', 400, "row 0: column 'petal_width': 'x' is not a number"),
        (b"\xff\xfe", 400, "the body is not JSON"),
        (b"[" * 5000, 400, "the body is not JSON"),
        (b" " * 100_001, 413, "larger than 100000 bytes"),
    ],
)
def test_wrong_bodies_are_one_clear_error(app: App, body: bytes, status: int, message: str) -> None:
    reply = call(app, PREDICT, body)
    assert reply.status == status
    assert list(reply.json()) == ["error"]
    assert message in reply.json()["error"]


def test_a_body_in_parts_is_put_together_and_bounded(app: App) -> None:
    body = json.dumps({"instances": [ROW] * 3}).encode()
    assert len(call(app, PREDICT, body, chunk=7).json()["predictions"]) == 3
    assert call(app, PREDICT, b" " * 100_001, chunk=10_000).status == 413


def test_a_body_without_end_is_cut_off(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.connection.DRAINED", 1000)
    reply = call(app, PREDICT, b" " * 200_000, chunk=500)
    assert (reply.status, reply.headers["connection"]) == (413, "close")


@pytest.mark.parametrize("path", ["/predict", "/v2/models/iris/infer", "/v1/models/iris:predict"])
def test_another_content_type_is_415(app: App, path: str) -> None:
    reply = call(app, path, b"<a/>", content_type="text/xml")
    assert (reply.status, "send application/json" in reply.json()["error"]) == (415, True)


def test_another_method_is_405_and_says_which(app: App) -> None:
    reply = call(app, PREDICT, method="GET")
    assert (reply.status, reply.headers["allow"]) == (405, "POST")
    assert reply.json() == {"error": "GET is not allowed for /predict; use POST"}
    assert call(app, "/", method="DELETE").headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize(
    ("path", "near"),
    [("/predictt", "/predict"), ("/v2/models/irs", "/v2/models/iris"), ("/v2/models/iris/versions/8", "")],
)
def test_an_unknown_path_is_404_with_the_near_one(app: App, path: str, near: str) -> None:
    reply = call(app, path, method="GET")
    assert reply.status == 404
    assert f"there is no '{path}' here" in reply.json()["error"]
    assert near in reply.json()["error"]


def test_csv_in_and_out(app: App) -> None:
    body = b"5.1,3.5,1.4,0.2\n6.7,3.1,,2.4\n"
    reply = call(app, "/invocations", body, content_type="text/csv", accept="text/csv")
    assert (reply.status, reply.body, reply.headers["content-type"]) == (
        200,
        b"setosa\nvirginica\n",
        "text/csv; charset=utf-8",
    )
    headed = b"petal_width,petal_length,sepal_width,sepal_length\n0.2,1.4,3.5,5.1\n"
    assert call(app, "/invocations", headed, content_type="text/csv; charset=utf-8").json()["predictions"] == ["setosa"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "no rows"),
        (b"1,2,3\n", "row 0: 3 fields, but 4 are expected"),
        (b"1,2,3,4\n1,2,x,4\n", "row 1: column 'petal_length': 'x' is not a number"),
        (b"sepal_length,sepal_width,petal_length,petal_widht\n1,2,3,4\n", "did you mean 'petal_width'"),
        (b"sepal_length,sepal_width,petal_length\n1,2,3\n", "column 'petal_width' is missing from the header"),
        (b"sepal_length,sepal_length,petal_length,petal_width,sepal_width\n1,2,3,4,5\n", "named 2 times"),
        (b"sepal_length,sepal_width,petal_length,petal_width\n", "no rows"),
        (b"1,2,3,\xff\n", "line 1 of the body is not UTF-8"),
    ],
)
def test_wrong_csv_is_told(app: App, body: bytes, message: str) -> None:
    reply = call(app, "/invocations", body, content_type="text/csv")
    assert reply.status == 400
    assert message in reply.json()["error"]


def test_what_invocations_cannot_take_or_give(app: App) -> None:
    assert call(app, "/invocations", b"x", content_type="image/png").status == 415
    assert post(app, "/invocations", {"instances": [ROW]}, accept="image/png").status == 406
    assert post(app, "/invocations", {"instances": [ROW]}, accept="image/png, */*;q=0.1").status == 200


def tensor(name: str, shape: list[int], data: Any, datatype: str = "FP32") -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


COLUMNS = [tensor(name, [1, 1], [value], "FP64") for name, value in ROW.items()]


@pytest.mark.parametrize(
    "inputs",
    [
        [tensor("x", [1, 4], VALUES)],
        [tensor("x", [1, 4], [VALUES])],
        COLUMNS,
        [{**column, "shape": [1]} for column in reversed(COLUMNS)],
    ],
)
@pytest.mark.parametrize("path", ["/v2/models/iris/infer", "/v2/models/iris/versions/7/infer"])
def test_open_inference_takes_one_matrix_or_one_input_a_column(app: App, path: str, inputs: Any) -> None:
    reply = post(app, path, {"id": "42", "inputs": inputs, "parameters": {"x": 1}})
    assert reply.status == 200
    body = reply.json()
    assert (body["id"], body["model_name"], body["model_version"]) == ("42", "iris", "7")
    prediction, probabilities = body["outputs"]
    assert prediction == {"name": "prediction", "datatype": "BYTES", "shape": [1], "data": ["setosa"]}
    assert (probabilities["shape"], len(probabilities["data"])) == ([1, 3], 3)


def test_only_the_outputs_asked_for_are_sent(app: App) -> None:
    document = {"inputs": COLUMNS, "outputs": [{"name": "prediction"}]}
    assert [output["name"] for output in post(app, "/v2/models/iris/infer", document).json()["outputs"]] == [
        "prediction"
    ]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], 'the body has no "inputs"'),
        ({"inputs": []}, '"inputs" is empty'),
        ({"inputs": [{}]}, 'inputs[0] has no "name"'),
        ({"inputs": [{"name": "x"}]}, "input 'x' has no \"datatype\""),
        ({"inputs": [tensor("x", [1, 4], VALUES, "FP31")]}, "unknown datatype 'FP31' (did you mean 'FP32'?)"),
        ({"inputs": [tensor("x", [2, 4], VALUES)]}, "4 values do not fill the shape [2, 4], which has 8"),
        ({"inputs": [tensor("x", [-1, 4], VALUES)]}, "the shape is not a list of sizes"),
        ({"inputs": [tensor("x", [1, 3], VALUES[:3])]}, "input 'x' is no column of the model"),
        ({"inputs": COLUMNS[:3]}, "input 'petal_width' is missing"),
        ({"inputs": [*COLUMNS, COLUMNS[0]]}, "given twice"),
        ({"inputs": [tensor("x", [1, 4], [1, 2, "3", 4])]}, "input 'x', value 2: '3' is not FP32"),
        ({"inputs": [tensor("x", [1, 4], [[1, 2], 3, 4])]}, "nested unevenly"),
        ({"inputs": [tensor("x", [0, 4], [])]}, "no rows"),
        ({"inputs": COLUMNS, "id": 3}, '"id" is not a string'),
        ({"inputs": COLUMNS, "outputs": [{"name": "predictoin"}]}, "did you mean 'prediction'"),
    ],
)
def test_wrong_tensors_are_told(app: App, document: Any, message: str) -> None:
    reply = post(app, "/v2/models/iris/infer", document)
    assert reply.status == 400
    assert message in reply.json()["error"]


def test_metadata_and_health(app: App) -> None:
    model = call(app, "/v2/models/iris", method="GET").json()
    assert [entry["name"] for entry in model["inputs"]] == list(ROW)
    assert model["outputs"][1] == {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]}
    for path in (
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/iris/ready",
        "/v2/models/iris/versions/7/ready",
        "/ping",
    ):
        assert call(app, path, method="GET").status == 200
    assert call(app, "/v1/models/iris", method="GET").json()["model_version_status"][0]["state"] == "AVAILABLE"
    head = call(app, "/ping", method="HEAD")
    assert (head.status, head.body) == (200, b"")


def test_a_draining_server_is_alive_but_not_ready_and_still_answers(app: App) -> None:
    app.draining = True
    assert call(app, "/v2/health/ready", method="GET").status == 503
    assert call(app, "/v2/health/live", method="GET").status == 200
    assert post(app, PREDICT, {"instances": [ROW]}).status == 200


def test_metrics_count_requests_rows_and_latency(app: App) -> None:
    post(app, PREDICT, {"instances": [ROW, ROW]})
    post(app, PREDICT, {})
    text = call(app, "/metrics", method="GET").body.decode()
    labels = 'model="iris",version="7",deployment="blue"'
    assert f'mooring_requests_total{{{labels},route="/predict",code="200"}} 1' in text
    assert f'mooring_requests_total{{{labels},route="/predict",code="400"}} 1' in text
    assert f"mooring_rows_total{{{labels}}} 2" in text
    assert f'mooring_request_seconds_bucket{{{labels},route="/predict",le="+Inf"}} 2' in text
    assert f'mooring_request_seconds_count{{{labels},route="/predict"}} 2' in text


def test_an_unexpected_failure_is_a_500_without_details(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(rows: Any) -> Any:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(Predictor, "predict", broken)
    reply = post(app, PREDICT, {"instances": [ROW]})
    assert (reply.status, "secret" in reply.body.decode()) == (500, False)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8) | st.sampled_from(list(ROW)),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from([*ROW, "instances", "inputs", "name", "shape", "datatype", "data"]), inner, max_size=6
        )
    ),
    max_leaves=12,
)
PATHS = st.sampled_from(["/predict", "/invocations", "/v2/models/iris/infer", "/"])


@settings(max_examples=300, deadline=None)
@given(path=PATHS, body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_whatever_breaks_the_server(iris: Predictor, path: str, body: bytes) -> None:
    reply = call(App(iris, "iris", "7"), path, body)
    assert reply.status in (200, 400)
    assert ("error" in reply.json()) == (reply.status == 400)


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(JSON, min_size=1, max_size=4))
def test_no_rows_whatever_break_the_server(iris: Predictor, rows: list[Any]) -> None:
    reply = call(App(iris, "iris", "7"), PREDICT, json.dumps({"instances": rows}).encode())
    assert reply.status in (200, 400)


@settings(max_examples=200, deadline=None)
@given(data=JSON, shape=JSON, datatype=JSON | st.sampled_from(["FP32", "BYTES"]))
def test_no_tensor_whatever_breaks_the_server(iris: Predictor, data: Any, shape: Any, datatype: Any) -> None:
    tensors = [{"name": "x", "shape": shape, "datatype": datatype, "data": data}]
    assert post(App(iris, "iris", "7"), "/v2/models/iris/infer", {"inputs": tensors}).status in (200, 400)


@settings(max_examples=200, deadline=None)
@given(body=st.text(alphabet='1234.,-\n"naN x', max_size=60))
def test_no_csv_whatever_breaks_the_server(iris: Predictor, body: str) -> None:
    reply = call(App(iris, "iris", "7"), "/invocations", body.encode(), content_type="text/csv")
    assert reply.status in (200, 400)
