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


def moment(value: Any) -> str:
    """A date and time in ISO 8601, UTC, without what is zero: `2024-03-01`, `2024-03-01T07:30:00`."""
    text = str(np.datetime64(value, "us"))
    day, _, time = text.partition("T")
    return day if time.startswith("00:00:00.000000") else f"{day}T{time.removesuffix('.000000')}"


def describe_column(column: Column, nullable: bool = True) -> dict[str, Any]:
    """The signature's entry of one column: its type, and the range or the categories that training saw."""
    entry: dict[str, Any] = {"name": column.name, "type": column.kind, "nullable": nullable}
    if column.kind == "image":
        largest = column.values.max() if column.values.size else 0
        shape, dtype = list(column.values.shape[1:]), str(column.values.dtype)
        return {**entry, "nullable": False, "shape": shape, "dtype": dtype, "max": rounded(float(largest))}
    values = column.values[~column.missing]
    if column.kind == "number":
        with np.errstate(over="ignore"):
            facts = {"min": values.min(), "max": values.max(), "mean": values.mean()}
        return entry | {name: rounded(float(value)) for name, value in facts.items() if np.isfinite(value)}
    if column.kind == "date":
        return entry | {"min": moment(values.min()), "max": moment(values.max())}
    if column.kind == "string":
        categories = sorted(set(values.tolist()))
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
