"""The profile of the rows that a model learned from: what drift is later measured against."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from training.artifact.signature import moment, rounded
from training.data.table import Column, Table

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BINS = 10
TOP = 50
"""Most frequent texts that a profile keeps."""

Values = npt.NDArray[Any]


def profile(table: Table, target: Column) -> dict[str, Any]:
    """Number of rows, and statistics of each column and of the target, by name."""
    return {"rows": len(table), "columns": {column.name: statistics(column) for column in (*table.columns, target)}}


def statistics(column: Column) -> dict[str, Any]:
    """One column's type, count of values, count of missing ones, and how its values are distributed."""
    values = column.values[~column.missing]
    base: dict[str, Any] = {"type": column.kind, "count": len(values), "missing": int(column.missing.sum())}
    if not len(values):
        return base
    if column.kind == "string":
        counts = Counter(values.tolist())
        top = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:TOP]
        return {**base, "distinct": len(counts), "top": dict(top)}
    if column.kind == "text":
        return {**base, "distinct": len(set(values.tolist())), "length": _numbers(_lengths(values))}
    if column.kind == "date":
        return {**base, **_dates(values)}
    if column.kind == "image":
        brightness = values.reshape(len(values), -1).mean(axis=1, dtype=np.float64)
        return {**base, "shape": list(values.shape[1:]), "brightness": _numbers(brightness)}
    return {**base, **_numbers(values)}


def _numbers(values: Values) -> dict[str, Any]:
    """Mean, spread, range, quantiles and histogram; those that are beyond double precision are left out."""
    with np.errstate(over="ignore", invalid="ignore"):
        facts = {"mean": values.mean(), "std": values.std(), "min": values.min(), "max": values.max()}
    found: dict[str, Any] = {name: rounded(float(value)) for name, value in facts.items() if np.isfinite(value)}
    if "std" not in found:
        return found
    counted, edges = np.histogram(values, bins=BINS)
    return found | {
        "quantiles": {f"{q:g}": rounded(float(value)) for q, value in zip(QUANTILES, _quantiles(values), strict=True)},
        "histogram": {"edges": [rounded(float(edge)) for edge in edges], "counts": counted.tolist()},
    }


def _quantiles(values: Values) -> Values:
    found: Values = np.quantile(values, QUANTILES)
    return found


def _lengths(values: Values) -> Values:
    """Characters of each text."""
    return np.fromiter((len(text) for text in values), dtype=np.float64, count=len(values))


def _dates(values: Values) -> dict[str, Any]:
    """Range, quantiles and histogram of moments, as ISO 8601 texts."""
    ticks = values.astype("datetime64[us]").astype(np.int64)
    counted, edges = np.histogram(ticks, bins=BINS)
    ordered = np.sort(ticks)

    def iso(tick: float) -> str:
        return moment(np.datetime64(round(float(tick)), "us"))

    return {
        "min": iso(ordered[0]),
        "max": iso(ordered[-1]),
        "quantiles": {f"{q:g}": iso(ordered[int(q * (len(ordered) - 1))]) for q in QUANTILES},
        "histogram": {"edges": [iso(edge) for edge in edges], "counts": counted.tolist()},
    }
