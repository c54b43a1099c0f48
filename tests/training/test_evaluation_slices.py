"""Slices: which rows are in one, and what is measured of them."""

from __future__ import annotations

import numpy as np
import pytest

from training.data.table import Column, Table
from training.errors import TrainingError
from training.evaluation.metrics import assess
from training.evaluation.record import all_metrics
from training.evaluation.slices import columns_of, slices_of


def text(*values: str) -> Column:
    return Column("city", "string", np.array(values, dtype=object))


def numbers(values: list[float]) -> Column:
    return Column("age", "number", np.array(values, dtype=np.float64))


def counted(column: Column) -> dict[str, int]:
    return {name: int(rows.sum()) for name, rows in slices_of(column)}


def test_each_category_is_a_slice_and_so_are_the_missing() -> None:
    assert counted(text("Rome", "Oslo", "", "Rome")) == {"Oslo": 1, "Rome": 2, "(missing)": 1}


def test_rare_categories_are_one_slice() -> None:
    many = [f"c{at:02}" for at in range(25)] * 2 + ["c00"]
    found = counted(text(*many))
    assert len(found) == 21
    assert found["(other)"] == 10
    assert sum(found.values()) == len(many)


def test_a_number_of_few_values_is_sliced_by_value() -> None:
    assert counted(numbers([1, 2, 2, np.nan, 0.5])) == {"0.5": 1, "1": 1, "2": 2, "(missing)": 1}


def test_other_numbers_are_sliced_by_quarters_and_every_row_is_in_one() -> None:
    found = counted(numbers([float(value) for value in range(100)]))
    assert found == {"0 to under 25": 25, "25 to under 50": 25, "50 to under 75": 25, "75 to 99": 25}


def test_quarters_of_a_number_that_is_mostly_one_value_are_fewer() -> None:
    found = counted(numbers([0.0] * 90 + [float(value) for value in range(1, 20)]))
    assert sum(found.values()) == 109
    assert list(found) == ["0 to 19"]


def test_dates_are_sliced_by_quarters_named_by_day() -> None:
    days = np.arange("2024-01-01", "2024-01-21", dtype="datetime64[D]").astype("datetime64[us]")
    found = counted(Column("day", "date", days))
    assert next(iter(found)) == "2024-01-01 to under 2024-01-06"
    assert sum(found.values()) == 20


def test_a_slice_is_measured_as_its_rows_alone_would_be() -> None:
    truth = np.array(["x", "y", "x", "y"], dtype=object)
    guess = np.array(["x", "y", "y", "y"], dtype=object)
    found = assess(truth, guess, None, ["x", "y"], "classification", [text("Rome", "Rome", "Oslo", "Oslo")])
    slices = {entry["value"]: entry for entry in found.details["slices"]}
    assert (slices["Rome"]["metrics"]["accuracy"], slices["Oslo"]["metrics"]["accuracy"]) == (1.0, 0.5)
    alone = assess(truth[2:], guess[2:], None, ["x", "y"], "classification")
    assert slices["Oslo"]["metrics"] == alone.metrics
    assert all_metrics(found.metrics, found.details)["accuracy[city=Oslo]"] == 0.5


def test_a_slice_of_one_class_says_why_it_has_no_roc() -> None:
    truth, scores = np.array(["x", "x", "y"]), np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    found = assess(truth, truth, scores, ["x", "y"], "classification", [text("Rome", "Rome", "Oslo")])
    rome = next(entry for entry in found.details["slices"] if entry["value"] == "Rome")
    assert rome["undefined"] == {"roc_auc": "no row of the class 'y'"}


def test_slices_of_numbers_are_measured_too() -> None:
    truth, guess = np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 5.0])
    found = assess(truth, guess, None, None, "regression", [text("Rome", "Rome", "Oslo")])
    oslo = next(entry for entry in found.details["slices"] if entry["value"] == "Oslo")
    assert oslo["metrics"]["mae"] == 2.0
    assert oslo["undefined"] == {"r2": "one row only"}


@pytest.mark.parametrize(
    ("name", "message"),
    [("cty", "names 'cty', no such column (did you mean 'city'?)"), ("review", "a column of texts")],
)
def test_a_column_that_cannot_be_sliced_by_is_refused(name: str, message: str) -> None:
    review = Column("review", "text", np.array(["a b"], dtype=object))
    table = Table((text("Rome"), review), np.arange(1))
    with pytest.raises(TrainingError) as caught:
        columns_of(table, [name])
    assert message in str(caught.value)
