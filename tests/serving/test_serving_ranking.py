"""A recommender is served as it recommends: items with scores, in every protocol, also to users nobody knows."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from serving_support import KIT, AppReply, call, train

from serving import batch
from serving.app import App
from serving.predictor import Predictor

WANTED = {"task": "ranking", "user": "user", "item": "film", "target": "stars"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact of a recommender of films."""
    folder = tmp_path_factory.mktemp("films") / "model"
    return train(KIT / "data" / "ratings.csv", folder, **WANTED, top_k="5")


@pytest.fixture(scope="module")
def app(model: Path) -> App:
    return App(Predictor(model), "films", "1")


def post(app: App, document: Any, path: str = "/predict", **headers: str) -> AppReply:
    return call(app, path, json.dumps(document).encode(), **{"content_type": "application/json", **headers})


def offered(model: Path, user: str, k: int) -> list[str]:
    """What the model in the skops file recommends."""
    entry = json.loads((model / "mooring-model.json").read_text())["forms"]["sklearn"]
    loaded = skops.io.load(model / entry["file"], trusted=entry["trusted_types"])
    return [str(item) for item in loaded.recommend(user, k)[0]]


@pytest.mark.parametrize("k", [1, 3, 10])
def test_a_user_gets_so_many_items_best_first(app: App, model: Path, k: int) -> None:
    reply = post(app, {"instances": [{"user": "user003", "k": k}]})
    assert reply.status == 200
    (found,) = reply.json()["predictions"]
    assert [entry["item"] for entry in found] == offered(model, "user003", k)
    scores = [entry["score"] for entry in found]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("row", [{"user": "user003"}, ["user003"], "user003", {"user": "user003", "k": None}])
def test_without_a_number_the_model_s_own_is_taken(app: App, model: Path, row: Any) -> None:
    (found,) = post(app, {"instances": [row]}).json()["predictions"]
    assert [entry["item"] for entry in found] == offered(model, "user003", 5)


def test_a_user_nobody_knows_gets_what_is_popular_and_the_reply_says_so(app: App, model: Path) -> None:
    reply = post(app, {"instances": [{"user": "user003"}, {"user": "somebody-new", "k": 2}]})
    assert [entry["item"] for entry in reply.json()["predictions"][1]] == offered(model, "somebody-new", 2)
    assert reply.json()["warnings"] == [
        {"row": 1, "column": "user", "message": "'somebody-new' is not in the training data"}
    ]
    assert reply.headers["x-mooring-warnings"] == "1"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"user": "user003", "k": 0}, "row 0: column 'k': 0 is less than 1"),
        ({"user": "user003", "k": 1.5}, "row 0: column 'k': 1.5 is not a whole number"),
        ({"user": "user003", "k": "3"}, "row 0: column 'k': '3' is not a number"),
        ({"k": 3}, "row 0: column 'user' is missing"),
        ({"user": None}, "row 0: column 'user' has no value"),
        ({"user": 1.5}, "row 0: column 'user': 1.5 is not text"),
        ({"user": "user003", "n": 3}, "row 0: unknown column 'n'"),
        ([], "row 0: 0 values"),
    ],
)
def test_wrong_questions_are_told(app: App, row: Any, message: str) -> None:
    reply = post(app, {"instances": [row]})
    assert reply.status == 400
    assert message in reply.json()["error"]


def test_users_with_numbers_for_names_may_be_given_as_numbers(tmp_path: Path) -> None:
    with (KIT / "data" / "ratings.csv").open() as stream:
        text = stream.read().replace("user0", "").replace("user", "")
    (tmp_path / "data.csv").write_text("user" + text)
    app = App(Predictor(train(tmp_path / "data.csv", tmp_path / "m", **WANTED)), "films", "1")
    as_number, as_text = (post(app, {"instances": [{"user": user}]}).json() for user in (17, "17"))
    assert as_number["predictions"] == as_text["predictions"]
    assert "warnings" not in as_number


def test_csv_and_json_lines_carry_items(app: App, model: Path) -> None:
    body = b"user\nuser003\nuser077\n"
    found = call(app, "/invocations", body, content_type="text/csv", accept="text/csv")
    assert list(csv.reader(io.StringIO(found.body.decode()))) == [
        offered(model, user, 5) for user in ("user003", "user077")
    ]
    lines = call(app, "/invocations", b"user003,2\n", content_type="text/csv", accept="application/jsonlines")
    assert [entry["item"] for entry in json.loads(lines.body)] == offered(model, "user003", 2)
    array = call(app, "/invocations", b"user003,2\nuser077,3\n", content_type="text/csv", accept="application/x-npy")
    assert (array.status, "do not fit one array" in array.json()["error"]) == (406, True)


def test_open_inference_has_items_and_scores(app: App, model: Path) -> None:
    inputs = [
        {"name": "user", "shape": [2], "datatype": "BYTES", "data": ["user003", "user077"]},
        {"name": "k", "shape": [2], "datatype": "INT64", "data": [2, 3]},
    ]
    outputs = post(app, {"inputs": inputs}, "/v2/models/films/infer").json()["outputs"]
    assert [(output["name"], output["shape"]) for output in outputs] == [("items", [2, 3]), ("scores", [2, 3])]
    items = np.array(outputs[0]["data"]).reshape(2, 3).tolist()
    assert items == [[*offered(model, "user003", 2), ""], offered(model, "user077", 3)]
    assert outputs[1]["data"][2] is None
    described = call(app, "/v2/models/films", method="GET").json()["outputs"]
    assert [entry["name"] for entry in described] == ["items", "scores"]
    without = post(app, {"inputs": inputs[:1]}, "/v2/models/films/infer").json()["outputs"]
    assert without[0]["shape"] == [2, 5]


def test_a_whole_file_of_users_is_answered(model: Path, tmp_path: Path) -> None:
    summary = batch.run(model, KIT / "data" / "new_users.csv", tmp_path / "out")
    assert (summary["rows"], summary["failed_rows"]) == (3, 0)
    with (tmp_path / "out" / "predictions.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [entry["item"] for entry in json.loads(rows[0]["prediction"])] == offered(model, "user003", 5)
