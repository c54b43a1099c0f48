"""Served answers are those of the pipeline itself: every kind of column, both forms, all protocols."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kinds
import numpy as np
import pytest
from serving_support import call

from serving.app import App
from serving.predictor import Predictor

Rows = list[dict[str, Any]]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Trains a kind of model when it is first asked for."""
    made: dict[str, Path] = {}

    def find(kind: str) -> Path:
        package = kinds.KINDS[kind][2]["estimator"].rpartition(".")[0]
        if package:
            pytest.importorskip(package)
        if kind not in made:
            made[kind] = kinds.train(kind, tmp_path_factory.mktemp("kinds") / kind)
        return made[kind]

    return find


def as_instances(rows: Rows) -> tuple[str, bytes, dict[str, str]]:
    return "/predict", json.dumps({"instances": rows}).encode(), {}


def as_lists(rows: Rows) -> tuple[str, bytes, dict[str, str]]:
    return "/v1/models/m:predict", json.dumps({"instances": [list(row.values()) for row in rows]}).encode(), {}


def as_lines(rows: Rows) -> tuple[str, bytes, dict[str, str]]:
    body = "\n".join(json.dumps(row) for row in rows).encode()
    return "/invocations", body, {"content_type": "application/jsonlines"}


def as_frame(rows: Rows) -> tuple[str, bytes, dict[str, str]]:
    split = {"columns": list(rows[0])[::-1], "data": [list(row.values())[::-1] for row in rows]}
    return "/invocations", json.dumps({"dataframe_split": split}).encode(), {"content_type": "application/json"}


def as_csv(rows: Rows) -> tuple[str, bytes, dict[str, str]]:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0])[::-1])
    writer.writeheader()
    writer.writerows(rows)
    return "/invocations", out.getvalue().encode(), {"content_type": "text/csv"}


def as_tensors(rows: Rows) -> tuple[str, bytes, dict[str, str]]:
    return "/v2/models/m/infer", json.dumps({"inputs": [_tensor(name, rows) for name in rows[0]]}).encode(), {}


def _tensor(name: str, rows: Rows) -> dict[str, Any]:
    values = [row[name] for row in rows]
    if isinstance(values[0], list):
        return {"name": name, "shape": list(np.shape(values)), "datatype": "UINT8", "data": values}
    text = any(isinstance(value, str) for value in values)
    return {"name": name, "shape": [len(rows)], "datatype": "BYTES" if text else "FP64", "data": values}


WITHOUT_ONNX = ("texts", "everything")
"""Free text has no ONNX form."""
PROTOCOLS = [as_instances, as_lists, as_lines, as_frame, as_csv, as_tensors]


def answered(reply: Any) -> tuple[list[Any], Any]:
    """Predictions and probabilities of a reply of any protocol."""
    if "predictions" in reply:
        return reply["predictions"], reply.get("probabilities")
    outputs = {output["name"]: np.array(output["data"]).reshape(output["shape"]) for output in reply["outputs"]}
    return outputs["prediction"].tolist(), outputs.get("probabilities")


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_every_protocol_and_form_answers_as_the_pipeline_itself(
    trained: Callable[[str], Path], tmp_path: Path, kind: str
) -> None:
    model = trained(kind)
    manifest = json.loads((model / "mooring-model.json").read_text())
    assert set(manifest["forms"]) == ({"sklearn"} if kind in WITHOUT_ONNX else {"onnx", "sklearn"}), manifest["parity"]
    for form in manifest["forms"]:
        predictor = Predictor(kinds.served_as(model, form, tmp_path / form))
        app, rows = App(predictor, "m", "1"), kinds.questions(kind)
        values, shares = kinds.expected(predictor, rows)
        for protocol in PROTOCOLS:
            if protocol is as_csv and kind == "images":
                continue
            path, body, headers = protocol(rows)
            reply = call(app, path, body, **headers)
            assert reply.status == 200, (form, protocol.__name__, reply.body)
            found, probabilities = answered(reply.json())
            if predictor.task == "classification":
                assert found == values, (form, protocol.__name__)
                np.testing.assert_allclose(probabilities, shares, atol=1e-4)
            else:
                np.testing.assert_allclose(found, values, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["numbers", "dates", "everything", "images"])
def test_one_row_at_a_time_is_answered_as_all_together(trained: Callable[[str], Path], kind: str) -> None:
    predictor = Predictor(trained(kind))
    rows = kinds.questions(kind, 12)
    together = predictor.predict(rows)
    assert together.probabilities is not None
    for at, row in enumerate(rows):
        alone = predictor.predict([row])
        assert list(alone.values) == [together.values[at]]
        assert alone.probabilities is not None
        np.testing.assert_allclose(alone.probabilities[0], together.probabilities[at], atol=1e-6)


def test_warnings_are_those_of_the_rows_whatever_the_protocol(trained: Callable[[str], Path]) -> None:
    app = App(Predictor(trained("dates")), "m", "1")
    rows = kinds.questions("dates")
    counts = set()
    for protocol in PROTOCOLS:
        path, body, headers = protocol(rows)
        counts.add(call(app, path, body, **headers).headers["x-mooring-warnings"])
    assert len(counts) == 1
    text = call(app, "/metrics", method="GET").body.decode()
    for column, kind in (("age", "out_of_range"), ("joined", "out_of_range"), ("place", "unseen_category")):
        assert f'column="{column}",kind="{kind}"' in text


def test_what_is_no_date_is_told_with_row_and_column(trained: Callable[[str], Path]) -> None:
    app = App(Predictor(trained("dates")), "m", "1")
    row = kinds.questions("dates")[0]
    for value, message in (
        ("31/12/2024", "'31/12/2024' is not an ISO 8601 date such as 2024-03-01"),
        (20240301, "20240301 is not a date; text such as '2024-03-01' is"),
        ("2024-02-30", "'2024-02-30' is not an ISO 8601 date"),
        (True, "True is not a date"),
        ("x" * 500, "'" + "x" * 36 + "… is not a date"),
    ):
        reply = call(app, "/predict", json.dumps({"instances": [row, {**row, "joined": value}]}).encode())
        assert reply.status == 400
        assert f"row 1: column 'joined': {message}" in reply.json()["error"]


def test_pictures_come_as_files_and_arrays_too(trained: Callable[[str], Path]) -> None:
    predictor = Predictor(trained("images"))
    app = App(predictor, "m", "1")
    pixels = [row["image"] for row in kinds.questions("images", 6)]
    labels = list(predictor.predict([{"image": picture} for picture in pixels]).values)
    assert len(set(labels)) == 2
    encoded = [kinds.png(picture) for picture in pixels]
    for instances in (
        [{"image": text} for text in encoded],
        [{"image": {"b64": text}} for text in encoded],
        [{"b64": text} for text in encoded],
        [f"data:image/png;base64,{text}" for text in encoded],
        [[text] for text in encoded],
        pixels,
        [[picture] for picture in pixels],
        [{"image": np.ravel(picture).tolist()} for picture in pixels],
    ):
        reply = call(app, "/predict", json.dumps({"instances": instances}).encode())
        assert (reply.status, reply.json().get("predictions")) == (200, labels), reply.body
    out = io.BytesIO()
    np.save(out, np.array(pixels, dtype=np.uint8))
    reply = call(app, "/invocations", out.getvalue(), content_type="application/x-npy")
    assert reply.json()["predictions"] == labels
    tensor = {"name": "image", "shape": [6], "datatype": "BYTES", "data": encoded}
    assert (
        call(app, "/v2/models/m/infer", json.dumps({"inputs": [tensor]}).encode()).json()["outputs"][0]["data"]
        == labels
    )


def test_what_is_no_picture_is_told(trained: Callable[[str], Path]) -> None:
    app = App(Predictor(trained("images")), "m", "1")
    good = kinds.questions("images", 1)[0]
    for value, message in (
        ([[1, 2], [3, 4]], "column 'image' has shape [2, 2], but the model takes [4, 4]"),
        ([[0.5] * 4] * 4, "column 'image': 0.5 is no pixel; whole numbers from 0 to 255 are"),
        ([[300] * 4] * 4, "column 'image': 300 is no pixel"),
        ("no base64!", "column 'image': not base64"),
        ("AAAA", "column 'image': no picture that can be read"),
        (kinds.blank_png(8000, 8000), "column 'image': a picture of 8000 × 8000 pixels; at most 50 million"),
        (None, "column 'image' has no picture"),
        ([[1, 2, 3, 4], [1]], "column 'image' is no picture"),
        ({"a": 1}, "column 'image' is no picture"),
    ):
        reply = call(app, "/predict", json.dumps({"instances": [good, {"image": value}]}).encode())
        assert reply.status == 400
        assert f"row 1: {message}" in reply.json()["error"]


def test_metadata_names_every_column(trained: Callable[[str], Path]) -> None:
    def inputs(kind: str) -> Any:
        reply = call(App(Predictor(trained(kind)), "m", "1"), "/v2/models/m", method="GET").json()
        return {entry["name"]: (entry["datatype"], entry["shape"]) for entry in reply["inputs"]}

    assert inputs("everything") == {
        "review": ("BYTES", [-1, 1]),
        "place": ("BYTES", [-1, 1]),
        "joined": ("BYTES", [-1, 1]),
        "age": ("FP64", [-1, 1]),
    }
    assert inputs("images") == {"image": ("UINT8", [-1, 4, 4])}
