"""The signature of a model: the columns it takes, with types and ranges, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data.table import Column

MAX_CATEGORIES = 1000
"""At most so many categories of a text column are listed; then `categories` is left out."""


def rounded(value: float) -> float:
    """Twelve significant digits: enough for a range, and free of the last bits' noise."""
    return float(f"{value:.12g}")


def describe_column(column: Column, nullable: bool = True) -> dict[str, Any]:
    """The signature's entry of one column: its type, and the range or the categories that training saw."""
    if column.kind == "number":
        values = column.values[~column.missing]
        return {
            "name": column.name,
            "type": "number",
            "nullable": nullable,
            "min": rounded(float(values.min())),
            "max": rounded(float(values.max())),
            "mean": rounded(float(values.mean())),
        }
    entry: dict[str, Any] = {"name": column.name, "type": "string", "nullable": nullable}
    categories = sorted(set(column.values[~column.missing].tolist()))
    if len(categories) <= MAX_CATEGORIES:
        entry["categories"] = categories
    return entry


def describe_prediction(name: str, task: str, classes: Sequence[Any] | None) -> dict[str, Any]:
    """The signature's entry of what is predicted: name, type, and the classes in the order of their probabilities."""
    if task != "classification":
        return {"name": name, "type": "number"}
    labels = plain(classes or [])
    return {
        "name": name,
        "type": "integer" if all(type(label) is int for label in labels) else "string",
        "classes": labels,
    }


def plain(labels: Sequence[Any] | npt.NDArray[Any]) -> list[Any]:
    """Class labels as JSON can hold them: whole numbers stay numbers, all else becomes text."""
    found = np.asarray(labels)
    if found.dtype.kind in "iu":
        return [int(label) for label in found]
    if found.dtype.kind == "f" and (found % 1 == 0).all():
        return [int(label) for label in found]
    return [str(label) for label in found.tolist()]
