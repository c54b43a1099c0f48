"""Answers of a recommender, a list of `{"item", "score"}` for each row, as cells of CSV and as tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

ITEMS = "items"
"""The type of prediction of a model that answers so."""
OUTPUTS = (("items", "BYTES"), ("scores", "FP64"))
"""Names and datatypes of the Open Inference outputs, each [rows, most items of a row]."""


def cells(value: Any) -> list[Any]:
    """The items of one row as cells of CSV, best first."""
    return [entry["item"] for entry in value]


def outputs(values: Sequence[Sequence[dict[str, Any]]]) -> list[tuple[str, npt.NDArray[Any]]]:
    """The outputs: where a row has fewer items than another, empty text and NaN (null in JSON) fill it up."""
    width = max(map(len, values), default=0)
    items = np.full((len(values), width), "", dtype=object)
    scores = np.full((len(values), width), math.nan)
    for row, offered in enumerate(values):
        for place, entry in enumerate(offered):
            items[row, place], scores[row, place] = entry["item"], entry["score"]
    return [("items", items), ("scores", scores)]
