"""Values unlike those of training are predicted, warned about and counted; and what a request asks for is given."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from serving_support import ROW, AppReply, call

from serving.app import App
from serving.cells import Column
from serving.columns import Encoder
from serving.expectations import LISTED, Expectations
from serving.predictor import Predictor

WIDE = {**ROW, "petal_width": 9.5, "sepal_length": -1}
CSV = b"5.1,3.5,1.4,0.2\n-1,3.5,1.4,9.5\n"


def post(app: App, path: str, document: Any, **headers: str) -> AppReply:
    return call(app, path, json.dumps(document).encode(), **{"content_type": "application/json", **headers})


def tensors(row: dict[str, Any]) -> dict[str, Any]:
    return {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP64", "data": list(row.values())}]}


@pytest.fixture
def mixed(mixed_model: Path) -> App:
    """An application with a number and a category."""
    return App(Predictor(mixed_model), "mixed", "1")


@pytest.mark.parametrize("path", ["/predict", "/invocations", "/v1/models/iris:predict"])
def test_json_replies_spell_the_warnings_out(app: App, path: str) -> None:
    reply = post(app, path, {"instances": [ROW, WIDE]})
    assert reply.headers["x-mooring-warnings"] == "2"
    warned = {(entry["row"], entry["column"]): entry["message"] for entry in reply.json()["warnings"]}
    assert warned == {
        (1, "sepal_length"): "-1 is below 4.3, the smallest value of the training data",
        (1, "petal_width"): "9.5 is above 2.5, the largest value of the training data",
    }
    assert len(reply.json()["predictions"]) == 2


def test_values_as_in_training_bring_no_warning(app: App) -> None:
    reply = post(app, "/predict", {"instances": [ROW, {**ROW, "sepal_width": None}]})
    assert "warnings" not in reply.json()
    assert "x-mooring-warnings" not in reply.headers
    assert b"mooring_input_warnings_total{" not in call(app, "/metrics", method="GET").body


def test_the_ends_of_the_range_are_within_it(app: App, iris: Predictor) -> None:
    columns = iris.artifact.signature["columns"]
    for key in ("min", "max"):
        assert iris.predict([[column[key] for column in columns]]).unlike == ()


def test_other_protocols_carry_them_where_they_can(app: App) -> None:
    reply = post(app, "/v2/models/iris/infer", tensors(WIDE))
    assert reply.headers["x-mooring-warnings"] == "2"
    told = reply.json()["parameters"]["warnings"].splitlines()
    assert told[0] == "row 0: column 'sepal_length': -1 is below 4.3, the smallest value of the training data"
    assert "parameters" not in post(app, "/v2/models/iris/infer", tensors(ROW)).json()
    csv = call(app, "/invocations", CSV, content_type="text/csv", accept="text/csv")
    assert (csv.headers["x-mooring-warnings"], len(csv.body.splitlines())) == ("2", 2)


def test_they_are_counted_by_column_and_kind(app: App, mixed: App) -> None:
    for _ in range(3):
        post(app, "/predict", {"instances": [WIDE, WIDE, ROW]})
    text = call(app, "/metrics", method="GET").body.decode()
    labels = 'model="iris",version="7",deployment="blue"'
    assert f'mooring_input_warnings_total{{{labels},column="petal_width",kind="out_of_range"}} 6' in text
    post(mixed, "/predict", {"instances": [{"area": 30, "kind": "never"}]})
    assert b'column="kind",kind="unseen_category"} 1' in call(mixed, "/metrics", method="GET").body


def test_a_category_that_training_never_saw_is_warned_about_and_a_missing_one_is_not(mixed: App) -> None:
    rows = [{"area": 30, "kind": kind} for kind in ("new", None, "never", "")]
    reply = post(mixed, "/predict", {"instances": rows})
    assert reply.json()["warnings"] == [{"row": 2, "column": "kind", "message": "'never' is not in the training data"}]


def test_warnings_of_a_large_request_are_counted_all_and_listed_in_part(app: App) -> None:
    reply = post(app, "/predict", {"instances": [WIDE] * 200})
    assert reply.headers["x-mooring-warnings"] == "400"
    assert len(reply.json()["warnings"]) == LISTED
    assert [entry["row"] for entry in reply.json()["warnings"]] == [at // 2 for at in range(LISTED)]


def test_few_rows_and_many_are_warned_about_alike(iris: Predictor) -> None:
    random = np.random.default_rng(1)
    rows = random.uniform([4, 2, 1, 0.1], [9, 4.5, 7, 2.7], (60, 4)).round(2)
    rows[7, 2] = np.nan
    together = [(one.row, one.column, one.message) for one in iris.predict(rows.tolist()).unlike]
    alone = [
        (at, one.column, one.message) for at, row in enumerate(rows.tolist()) for one in iris.predict([row]).unlike
    ]
    assert together == alone
    assert len(together) > 5


def test_dates_and_pictures_have_a_range_too() -> None:
    entries: list[dict[str, Any]] = [
        {"name": "when", "type": "date", "nullable": True, "min": "2024-01-01", "max": "2024-03-01T12:00:00"},
        {"name": "scan", "type": "image", "shape": [2, 2], "dtype": "float32", "max": 16.0},
    ]
    columns = [Column.parse(entry) for entry in entries]
    rows = [["2024-02-01", [[0, 1], [2, 16]]], ["2023-12-31T23:00:00", [[0, 1], [2, 255]]], [None, [0, 0, 0, 0]]]
    found = Expectations(columns, entries).unlike(Encoder(columns).encode(rows))
    assert [(one.row, one.column, one.message) for one in found] == [
        (1, "when", "2023-12-31T23:00:00Z is below 2024-01-01, the smallest value of the training data"),
        (1, "scan", "a pixel of 255 is above 16, the largest value of the training data"),
    ]


def test_a_signature_without_ranges_warns_of_nothing() -> None:
    entries: list[dict[str, Any]] = [{"name": "x", "type": "number"}, {"name": "y", "type": "string"}]
    columns = [Column.parse({**entry, "nullable": True}) for entry in entries]
    assert Expectations(columns, entries).unlike(Encoder(columns).encode([[1e30, "z"]])) == []


def test_they_can_be_switched_off_in_the_server_and_in_a_request(app: App, iris_model: Path) -> None:
    off = App(Predictor(iris_model, warnings=False), "iris", "7")
    reply = post(off, "/predict", {"instances": [WIDE]})
    assert ("warnings" in reply.json(), "x-mooring-warnings" in reply.headers) == (False, False)
    quiet = post(app, "/predict", {"instances": [WIDE], "parameters": {"warnings": False}})
    assert ("warnings" in quiet.json(), quiet.headers["x-mooring-warnings"]) == (False, "2")


@pytest.mark.parametrize(
    ("path", "extra", "headers", "given"),
    [
        ("/predict", {}, {}, True),
        ("/predict", {"parameters": {"probabilities": True}}, {}, True),
        ("/predict", {"parameters": {"probabilities": False}}, {}, False),
        ("/predict?probabilities=false", {}, {}, False),
        ("/invocations", {"params": {"probabilities": False}}, {}, False),
        ("/invocations", {}, {"x_amzn_sagemaker_custom_attributes": "probabilities=false"}, False),
        ("/v1/models/iris:predict", {"parameters": {"probabilities": False}}, {}, False),
    ],
)
def test_probabilities_come_in_json_unless_they_are_declined(
    app: App, path: str, extra: dict[str, Any], headers: dict[str, str], given: bool
) -> None:
    reply = post(app, path, {"instances": [ROW], **extra}, **headers)
    assert reply.status == 200
    assert ("probabilities" in reply.json(), "classes" in reply.json()) == (given, given)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/invocations", {"accept": "text/csv; probabilities=true"}),
        ("/invocations?probabilities=true", {"accept": "text/csv"}),
        ("/invocations", {"accept": "text/csv", "x_amzn_sagemaker_custom_attributes": "a=b;probabilities=true"}),
    ],
)
def test_csv_has_probabilities_on_request(app: App, iris: Predictor, path: str, headers: dict[str, str]) -> None:
    reply = call(app, path, CSV, content_type="text/csv", **headers)
    label, *shares = reply.body.decode().splitlines()[0].split(",")
    expected = iris.predict([ROW]).probabilities
    assert expected is not None
    assert label == "setosa"
    np.testing.assert_allclose([float(share) for share in shares], expected[0], rtol=1e-6)


def test_json_lines_and_arrays_have_probabilities_on_request(app: App, iris: Predictor) -> None:
    expected = iris.predict([ROW, WIDE]).probabilities
    lines = call(app, "/invocations?probabilities=1", CSV, content_type="text/csv", accept="application/jsonlines")
    rows = [json.loads(line) for line in lines.body.splitlines()]
    assert [row["prediction"] for row in rows] == list(iris.predict([ROW, WIDE]).values)
    np.testing.assert_allclose([row["probabilities"] for row in rows], expected, rtol=1e-6)
    array = call(app, "/invocations?probabilities=1", CSV, content_type="text/csv", accept="application/x-npy")
    np.testing.assert_allclose(np.load(io.BytesIO(array.body)), expected, rtol=1e-6)


def test_open_inference_declines_and_renames_outputs(app: App) -> None:
    def names(**more: Any) -> list[str]:
        return [
            output["name"] for output in post(app, "/v2/models/iris/infer", {**tensors(ROW), **more}).json()["outputs"]
        ]

    assert names() == ["prediction", "probabilities"]
    assert names(parameters={"probabilities": False}) == ["prediction"]
    assert names(outputs=[{"name": "label"}, {"name": "probabilities"}]) == ["label", "probabilities"]


def test_what_cannot_be_given_is_told(app: App, mixed: App) -> None:
    row = {"area": 30, "kind": "new"}
    wanted = post(mixed, "/predict", {"instances": [row], "parameters": {"probabilities": True}})
    assert (wanted.status, wanted.json()["error"]) == (400, "the model gives no probabilities; ask without them")
    odd = post(app, "/predict", {"instances": [ROW], "parameters": {"probabilities": "maybe"}})
    assert (odd.status, odd.json()["error"]) == (
        400,
        "\"parameters\": probabilities is 'maybe'; it is true or false",
    )
    assert post(app, "/predict", {"instances": [ROW], "parameters": {"top_k": 3, "x": [1]}}).status == 200
