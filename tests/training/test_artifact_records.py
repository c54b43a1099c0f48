"""Signature, profile, lineage and model card: what an artifact tells of each kind of column, and of its limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.artifact.card import FEW, model_card
from training.artifact.profile import profile, statistics
from training.artifact.records import lineage
from training.artifact.signature import describe_column, describe_prediction
from training.data.table import Column, Table
from training.evaluation.metrics import assess

NAN, NAT = float("nan"), "NaT"


def texts(kind: Any, *values: str) -> Column:
    return Column("c", kind, np.array(values, dtype=object))


def numbers(*values: float) -> Column:
    return Column("c", "number", np.array(values, dtype=np.float64))


def dates(*values: str) -> Column:
    return Column("c", "date", np.array(values, dtype="datetime64[us]"))


def images() -> Column:
    return Column("c", "image", np.arange(3 * 2 * 2, dtype=np.uint8).reshape(3, 2, 2, 1))


@pytest.mark.parametrize(
    ("column", "entry"),
    [
        (numbers(1, 3, NAN), {"type": "number", "min": 1.0, "max": 3.0, "mean": 2.0}),
        (texts("string", "b", "", "a"), {"type": "string", "categories": ["a", "b"]}),
        (texts("text", "good stuff", ""), {"type": "text"}),
        (
            dates("2024-02-01", NAT, "2024-01-31T06:30"),
            {"type": "date", "min": "2024-01-31T06:30:00", "max": "2024-02-01"},
        ),
        (images(), {"type": "image", "nullable": False, "shape": [2, 2, 1], "dtype": "uint8", "max": 11.0}),
    ],
    ids=["number", "string", "text", "date", "image"],
)
def test_a_column_is_described_by_what_training_saw(column: Column, entry: dict[str, Any]) -> None:
    assert describe_column(column) == {"name": "c", "nullable": True, **entry}


def test_more_categories_than_anybody_reads_are_not_listed() -> None:
    assert "categories" not in describe_column(texts("string", *map(str, range(1001))))


def test_classes_are_told_in_the_order_of_their_probabilities() -> None:
    found = describe_prediction("y", "classification", [np.int64(2), np.int64(1)])
    assert found == {"name": "y", "type": "integer", "classes": [2, 1]}
    assert describe_prediction("y", "classification", ["b", "a"])["type"] == "string"
    assert describe_prediction("y", "regression", None) == {"name": "y", "type": "number"}


def test_a_profile_has_statistics_of_every_column_and_the_target() -> None:
    table = Table((Column("a", "number", np.array([1.0, 2, 3, 4])),), np.arange(4))
    found = profile(table, Column("y", "string", np.array(["x", "x", "x", "z"], dtype=object)))
    assert found["rows"] == 4
    assert found["columns"]["a"]["mean"] == 2.5
    assert found["columns"]["a"]["quantiles"]["0.5"] == 2.5
    assert sum(found["columns"]["a"]["histogram"]["counts"]) == 4
    assert found["columns"]["y"]["top"] == {"x": 3, "z": 1}


def test_dates_texts_and_pictures_have_statistics_of_their_own() -> None:
    days = statistics(dates("2024-01-01", "2024-01-03", NAT))
    assert (days["min"], days["max"], days["count"], days["missing"]) == ("2024-01-01", "2024-01-03", 2, 1)
    assert days["histogram"]["edges"][0] == "2024-01-01"
    assert statistics(texts("text", "ab", "abcd", ""))["length"]["mean"] == 3.0
    pictures = statistics(images())
    assert (pictures["shape"], pictures["brightness"]["max"]) == ([2, 2, 1], 9.5)
    assert statistics(numbers(NAN)) == {"type": "number", "count": 0, "missing": 1}
    json.dumps([days, pictures], allow_nan=False)


def test_numbers_whose_spread_is_beyond_double_precision_have_a_range_only() -> None:
    column = numbers(1.7e308, 1.7e308, -1.7e308)
    assert set(statistics(column)) == {"type", "count", "missing", "min", "max"}
    json.dumps(describe_column(numbers(1.7e308, 1.7e308)), allow_nan=False)


def test_lineage_names_data_by_content_and_tells_of_a_sample(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a\n1\n")
    rule = {"rows": 10, "of": 100, "seed": 0, "rule": "every tenth"}
    found = lineage(tmp_path / "d.csv", {"seed": 0}, rows={"train": 8, "test": 2, "dropped": 0}, sample=rule)
    assert found["data"]["file"] == "d.csv"
    assert found["data"]["digest"].startswith("sha256:")
    assert found["data"]["sample"] == rule
    assert str(tmp_path) not in json.dumps(found)


def card(**changes: Any) -> str:
    rows = 4 * FEW
    place = np.arange(rows)
    truth = np.where(place < FEW - 1, "rare", "often").astype(object)
    city = np.where(place % 2, "Rome|x", "Oslo").astype(object)
    guess = np.where(place % 2, truth, "rare").astype(object)
    found = assess(truth, guess, None, ["often", "rare"], "classification", [Column("city", "string", city)])
    origin = {
        "data": {"file": "d.csv", "digest": "sha256:00", "sample": {"rows": 10, "of": 1000, "rule": "seeded"}},
        "rows": {"train": 900, "test": rows, "dropped": 3}, "code": "sha256:11", "python": "3.12.1",
        "packages": {"numpy": "2.0"}, "hyperparameters": {"seed": 0, "card": "secret words"},
    }  # fmt: skip
    signature = {
        "columns": [describe_column(numbers(1, 2)), describe_column(images())],
        "prediction": {"name": "churn", "classes": ["often", "rare"]},
    }
    manifest = {"task": "classification", "serve": "onnx", "estimator": "a.B"}
    given: dict[str, Any] = {"details": found.details, "lineage": origin, **changes}
    return model_card(manifest, signature, found.metrics, **given).decode()


def test_the_card_tells_data_metrics_slices_and_how_to_reproduce() -> None:
    told = card()
    assert told.startswith("# Model card: churn\n\n## Intended use\n\nNot stated.")
    assert "- Rows: 900 to learn from, 120 held out" in told
    assert "- A sample: 10 of 1,000 rows (seeded)" in told
    assert "| accuracy | 0." in told
    assert "| city = Rome\\|x | 60 | 1.0000 | 1.0000 |" in told
    assert "- Code: `sha256:11`" in told
    assert "`seed` = `0`" in told
    assert "secret words" not in told
    assert "| c | image | 2 × 2 × 1 |" in told


def test_the_card_names_what_speaks_against_the_model() -> None:
    limits = card().split("## Limits")[1]
    assert f"Fewer than {FEW} held-out rows of the classes rare" in limits
    assert "Where city = Oslo, its accuracy is 0." in limits
    assert "Rome" not in limits.split("## ")[0]


def test_the_card_says_what_its_maker_says() -> None:
    assert "## Intended use\n\nFor *this* only.\n\n## Model" in card(use="For *this* only.\n")


def test_a_card_of_a_packaged_model_has_neither_data_nor_metrics() -> None:
    signature = {"columns": [{"name": "x", "type": "tensor", "shape": [None, 3]}], "prediction": {"name": "y"}}
    told = model_card({"task": "tensor", "serve": "onnx"}, signature, {}).decode()
    assert "## Data" not in told
    assert "## Metrics" not in told
    assert "| x | tensor | any × 3 |" in told
