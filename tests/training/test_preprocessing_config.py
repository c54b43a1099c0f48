"""The preprocessing's configuration: what is said of a type and of a column, and what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from training.errors import TrainingError
from training.preprocessing.config import parse
from training.preprocessing.rules import RULES

VALUES: dict[str, dict[str, Any]] = {
    "number": {"missing": "median", "scale": "robust"},
    "category": {"encode": "ordinal", "order": ["S", "M", "L"], "unseen": "error"},
    "text": {"ngrams": [1, 2], "max_features": 50, "min_df": 2, "max_df": 0.9, "lowercase": True},
    "date": {"parts": ["year", "weekday"], "cyclic": True},
    "image": {"size": [8, 8], "channels": 1, "scale": "none"},
}
KIND = {"number": "number", "category": "string", "text": "text", "date": "date", "image": "image"}


@pytest.mark.parametrize("type", sorted(RULES))
def test_a_column_is_treated_the_same_whether_its_type_is_declared_or_told_from_the_data(type: str) -> None:
    declared = parse(json.dumps({"columns": {"image": {"type": type, **VALUES[type]}}}))
    told = parse(json.dumps({"columns": {"image": VALUES[type]}}))
    by_type = parse(json.dumps({"defaults": {type: VALUES[type]}}))
    treatment = declared.treatment("image", KIND[type])
    assert treatment == told.treatment("image", KIND[type]) == by_type.treatment("image", KIND[type])
    told_as_given = {key: list(value) if isinstance(value, tuple) else value for key, value in treatment.items()}
    assert {key: told_as_given[key] for key in VALUES[type]} == VALUES[type]


def test_pictures_are_read_as_their_column_says() -> None:
    assert parse('{"columns": {"image": {"type": "image", "size": [4, 6]}}}').pictures()["size"] == (4, 6)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"columns": {"a": {"type": "txt"}}}', r"columns\.a\.type: 'txt' is unknown \(did you mean 'text'\?\)"),
        ('{"columns": {"a": {"type": "text", "ngrams": [2, 1]}}}', r"columns\.a\.ngrams: .* is not a pair such as"),
        ('{"columns": {"a": {"scael": "robust"}}}', r"columns\.a\.scael: unknown key \(did you mean 'scale'"),
        ('{"default": {}}', r"default: unknown key \(did you mean 'defaults'\?\)"),
        ("{", "not JSON"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_its_place(text: str, reason: str) -> None:
    with pytest.raises(TrainingError, match=reason):
        parse(text)
