"""Preprocessing by configuration: what each treatment does inside the fitted pipeline, and how wrong ones are told."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_support import RunTraining

from mooring_transforms.dates import DateParts
from mooring_transforms.moments import calendar, seconds, seconds_of
from mooring_transforms.pictures import decode
from serving.predictor import Predictor
from training import pipeline
from training.data.read import read
from training.errors import TrainingError
from training.options import parse_options
from training.preprocessing.config import parse

MIXED = "age,kind,when,review,y\n" + "".join(
    f"{20 + at % 30 if at % 11 else ''},{'abc'[at % 3] if at % 7 else ''},2024-{at % 12 + 1:02d}-{at % 28 + 1:02d},"
    f"the food was {'good and cheap' if at % 2 else 'cold and late'} number {at},{'yes' if at % 2 else 'no'}\n"
    for at in range(120)
)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    path = tmp_path / "mixed.csv"
    path.write_text(MIXED)
    return path


def prepared(path: Path, configuration: dict[str, Any], **options: str) -> tuple[Any, Any]:
    """The features of the training rows, after the fitted preprocessing, and the pipeline."""
    given = {"target": "y", "preprocessing": json.dumps(configuration), "estimator": "LogisticRegression", **options}
    split = pipeline.prepare(read(path), parse_options(given))
    model = pipeline.fit(split, {}, 0)
    found = model.steps[0][1].transform(pipeline.matrix(split.train))
    return np.asarray(found.todense() if hasattr(found, "todense") else found), split


def test_text_and_dates_are_told_from_their_values_and_learned_from(mixed: Path) -> None:
    _, split = prepared(mixed, {})
    assert {column.name: column.kind for column in split.features} == {
        "age": "number",
        "kind": "string",
        "when": "date",
        "review": "text",
    }


@pytest.mark.parametrize(
    ("treatment", "filled"),
    [
        ({"missing": "mean"}, 2.0),
        ({"missing": "median"}, 1.0),
        ({"missing": "most_frequent"}, 1.0),
        ({"value": 9}, 9.0),
    ],
)
def test_missing_numbers_are_filled(tmp_path: Path, treatment: dict[str, Any], filled: float) -> None:
    path = tmp_path / "d.csv"
    path.write_text("a,b,y\n" + "1,1,u\n1,2,v\n4,3,u\n,4,v\n" * 30)
    columns = {"a": {"scale": "none", **treatment}}
    found, split = prepared(path, {"columns": columns, "defaults": {"number": {"scale": "none"}}})
    gaps = split.train.column("a").missing
    assert gaps.any()
    assert found[gaps, 0] == pytest.approx(filled, abs=0.2)


def test_rows_without_a_value_are_dropped_and_the_model_then_demands_one(
    train_here: RunTraining, mixed: Path, tmp_path: Path
) -> None:
    configuration = {"columns": {"age": {"missing": "drop"}}}
    done = train_here(mixed, "--target", "y", "--n_estimators", "5", "--preprocessing", json.dumps(configuration))
    assert done.returncode == 0, done.stderr
    assert "11 rows without a value of 'age' are left out" in done.stdout
    columns = json.loads((tmp_path / "model" / "signature.json").read_text())["columns"]
    assert {column["name"]: column["nullable"] for column in columns}["age"] is False
    assert json.loads((tmp_path / "model" / "lineage.json").read_text())["rows"]["dropped"] == 11


@pytest.mark.parametrize(("scale", "low", "high"), [("minmax", 0.0, 1.0), ("none", 20.0, 49.0)])
def test_numbers_are_scaled_as_configured(mixed: Path, scale: str, low: float, high: float) -> None:
    found, _ = prepared(mixed, {"defaults": {"number": {"scale": scale}}}, drop="kind,when,review")
    assert (found[:, 0].min(), found[:, 0].max()) == (low, high)


def test_an_order_of_categories_is_kept_and_unseen_ones_are_minus_one(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("size,x,y\n" + "S,1,u\nL,2,v\nM,3,u\n" * 20)
    found, split = prepared(path, {"columns": {"size": {"order": ["S", "M", "L"]}}})
    order = {"S": 0.0, "M": 1.0, "L": 2.0}
    assert found[:, 1].tolist() == [order[name] for name in split.train.column("size").values]
    model = pipeline.fit(split, {}, 0)
    assert model.steps[0][1].transform(np.array([[1.0, "XXL"]], dtype=object))[0, 1] == -1


def test_rare_categories_are_one_and_unseen_values_may_be_counted_among_them(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("kind,x,y\n" + "a,1,u\nb,2,v\n" * 30 + "c,1,u\nd,2,v\ne,1,u\nf,3,v\n")
    found, split = prepared(path, {"columns": {"kind": {"minCount": 5, "unseen": "rare", "type": "category"}}})
    assert found.shape[1] == 1 + 3
    model = pipeline.fit(split, {}, 0)
    unseen = model.steps[0][1].transform(np.array([[1.0, "zebra"]], dtype=object))
    assert np.asarray(unseen)[0, 1:].tolist() == [0.0, 0.0, 1.0]


def test_words_are_weighted_in_runs_as_configured(mixed: Path) -> None:
    _, split = prepared(mixed, {"columns": {"review": {"ngrams": [1, 2], "maxFeatures": 40, "minDf": 3}}})
    words = pipeline.fit(split, {}, 0).steps[0][1].named_transformers_["words"]
    assert "good and" in words.vocabulary_
    assert len(words.vocabulary_) <= 40


def test_dates_of_another_form_are_read_by_it_and_the_signature_keeps_it(
    train_here: RunTraining, tmp_path: Path
) -> None:
    path = tmp_path / "d.csv"
    path.write_text("day,y\n" + "".join(f"{at % 28 + 1:02d}.03.2024,{'ab'[at % 2]}\n" for at in range(60)))
    configuration = {"columns": {"day": {"type": "date", "format": "%d.%m.%Y", "parts": ["day"]}}}
    done = train_here(path, "--target", "y", "--n_estimators", "5", "--preprocessing", json.dumps(configuration))
    assert done.returncode == 0, done.stderr
    model = Predictor(tmp_path / "model")
    assert model.predict([["01.03.2024"], ["2024-03-02"]]).values == ["a", "b"]


def test_the_calendar_is_that_of_datetime() -> None:
    moments = np.arange(np.datetime64("1890-02-27T23:59"), np.datetime64("2110-03-02"), np.timedelta64(50_017, "m"))
    found = calendar(seconds(moments), 0.0)
    for at, moment in enumerate(moments.astype("datetime64[s]").astype(object).tolist()):
        assert isinstance(moment, datetime)
        expected = (moment.year, moment.month, moment.day, moment.weekday(), moment.hour, moment.minute)
        names = ("year", "month", "day", "weekday", "hour", "minute")
        assert tuple(found[name][at] for name in names) == expected
        assert found["dayofyear"][at] == moment.timetuple().tm_yday


def test_times_with_a_zone_are_utc() -> None:
    assert seconds_of("2024-03-01T01:00:00+02:00") == seconds_of("2024-02-29T23:00:00")
    with pytest.raises(ValueError, match="'soon' is not an ISO 8601 date"):
        seconds_of("soon")


def test_december_lies_beside_january_where_parts_are_cyclic() -> None:
    months = np.array([[seconds_of(f"2023-{month:02d}-15")] for month in (1, 6, 12)])
    january, june, december = DateParts(["month"], cyclic=True).fit_transform(months)
    assert np.linalg.norm(january - december) < np.linalg.norm(january - june)


@pytest.mark.parametrize("cyclic", [False, True])
def test_the_onnx_form_computes_dates_as_the_pipeline_does(
    train_here: RunTraining, mixed: Path, tmp_path: Path, cyclic: bool
) -> None:
    parts = ["year", "quarter", "month", "day", "weekday", "dayofyear", "hour", "minute", "elapsed"]
    configuration = {
        "columns": {"when": {"parts": parts, "cyclic": cyclic}},
        "defaults": {"number": {"scale": "robust"}},
    }
    arguments = ("--target", "y", "--n_estimators", "20", "--drop", "review")
    done = train_here(mixed, *arguments, "--preprocessing", json.dumps(configuration))
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "model" / "mooring-model.json").read_text())
    assert manifest["serve"] == "onnx", manifest["parity"]
    assert manifest["parity"]["rows"] == 120


def test_pictures_are_learned_from_arrays_and_from_folders(train_here: RunTraining, tmp_path: Path) -> None:
    from PIL import Image

    random = np.random.default_rng(0)
    dark, light = (random.integers(*limits, (30, 6, 5)).astype(np.uint8) for limits in ((0, 90), (160, 256)))
    for name, pictures in (("dark", dark), ("light", light)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for at, pixels in enumerate(pictures):
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{at}.png")
    np.savez(tmp_path / "p.npz", images=np.concatenate([dark, light]), labels=np.repeat(["dark", "light"], 30))
    for source, target in ((tmp_path / "pictures", "shade"), (tmp_path / "p.npz", "label")):
        done = train_here(source, "--target", target, "--estimator", "LogisticRegression")
        assert done.returncode == 0, done.stderr
        model = Predictor(tmp_path / "model")
        assert model.artifact.signature["columns"][0]["shape"] == [6, 5]
        assert model.artifact.manifest["serve"] == "onnx"
        assert model.predict([{"image": dark[0].tolist()}, {"image": light[3].tolist()}]).values == ["dark", "light"]
        __import__("shutil").rmtree(tmp_path / "model")


def test_a_picture_of_another_size_is_resized(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (20, 10), (255, 0, 0)).save(tmp_path / "p.png")
    found = decode((tmp_path / "p.png").read_bytes(), (4, 6, 3))
    assert found.shape == (4, 6, 3)
    assert found[0, 0].tolist() == [255, 0, 0]
    with pytest.raises(ValueError, match="no picture"):
        decode(b"text", (4, 6, 3))


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ("{", "not JSON"),
        ("[]", "is a mapping"),
        ({"column": {}}, "column: unknown key (did you mean 'columns'?)"),
        ({"defaults": {"numbers": {}}}, "defaults.numbers: unknown type (did you mean 'number'?)"),
        ({"defaults": {"number": {"scale": "standrd"}}}, "'standrd' is unknown (did you mean 'standard'?)"),
        ({"columns": {"a": {"type": "txt"}}}, "columns.a.type: 'txt' is unknown (did you mean 'text'?)"),
        (
            {"columns": {"a": {"type": "date", "parts": ["monht"]}}},
            "'monht' is no part of a date (did you mean 'month'?)",
        ),
        ({"columns": {"a": {"type": "text", "ngrams": [2, 1]}}}, "not a pair such as [1, 2]"),
        ({"columns": {"a": {"missing": "constant"}}}, "needs a 'value'"),
        ({"columns": {"a": {"misssing": "mean"}}}, "unknown key (did you mean 'missing'?)"),
        ({"columns": {"a": {"type": "number", "parts": ["day"]}}}, "columns.a.parts: unknown key"),
        ({"columns": {"a": {"type": "category", "order": ["x"]}}}, "two or more different categories"),
    ],
)
def test_a_wrong_configuration_is_one_line_with_the_near_name(configuration: Any, message: str) -> None:
    text = configuration if isinstance(configuration, str) else json.dumps(configuration)
    if "missing" in message or "'value'" in message:
        with pytest.raises(TrainingError, match="--preprocessing"):
            parse(text).treatment("a", "number")
    with pytest.raises(TrainingError) as caught:
        parse(text).treatment("a", "number")
    assert message in str(caught.value)


def test_a_configured_column_that_is_not_there_brings_the_near_one(mixed: Path) -> None:
    with pytest.raises(TrainingError, match=r"columns.revew: no such column in the data \(did you mean 'review'"):
        prepared(mixed, {"columns": {"revew": {"ngrams": 2}}})


def test_an_order_that_lacks_a_value_of_the_data_is_told(mixed: Path) -> None:
    with pytest.raises(TrainingError, match=r"columns\.kind\.order: lacks 'c'"):
        prepared(mixed, {"columns": {"kind": {"order": ["a", "b"]}}})
