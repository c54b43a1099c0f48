"""What a dataset holds, in numbers: rows, and for each column its missing and different values, range and shape.

One column at a time, exactly, for up to `EXACT` rows; of more rows a seeded sample of that many is looked at, and the
profile says so (`"sampled"`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

EXACT = 20_000_000
"""Rows whose quantiles and different values are counted exactly."""
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BINS = 10
TOP = 50
"""Most frequent values of a column of categories that are kept."""
LONGEST = 100
"""Characters of a value that are kept."""


def of_numbers(values: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Mean, deviation, range, quantiles (linear between ranks), histogram and different values; NaN left out."""
    ranked = np.sort(values)  # NaN last
    ranked = ranked[: int(np.searchsorted(ranked, np.nan, side="left"))]
    base = _counts(values, ranked)
    if not ranked.size:
        return base
    edges = np.histogram_bin_edges(ranked[[0, -1]], bins=BINS)
    places = np.concatenate([[0], np.searchsorted(ranked, edges[1:-1], side="left"), [len(ranked)]])
    mean = float(ranked.mean())
    return {
        **base,
        "distinct": _distinct(ranked),
        "mean": rounded(mean),
        "std": rounded(float(ranked.std())),
        "min": rounded(float(ranked[0])),
        "max": rounded(float(ranked[-1])),
        "quantiles": {f"{share:g}": rounded(_quantile(ranked, share)) for share in QUANTILES},
        "histogram": {"edges": [rounded(float(edge)) for edge in edges], "counts": np.diff(places).tolist()},
    }


def of_dates(values: npt.NDArray[np.datetime64]) -> dict[str, Any]:
    """Range, quantiles and different values, as ISO 8601; NaT left out."""
    ranked = np.sort(values[~np.isnat(values)])
    base = _counts(values, ranked)
    if not ranked.size:
        return base
    last = len(ranked) - 1
    return {
        **base,
        "distinct": _distinct(ranked),
        "min": str(ranked[0]),
        "max": str(ranked[-1]),
        "quantiles": {f"{share:g}": str(ranked[round(share * last)]) for share in QUANTILES},
    }


def of_categories(counts: Iterable[tuple[str, int]], rows: int, present: int, distinct: int) -> dict[str, Any]:
    """Different values and the most frequent ones; `counts` has at least these, with how often each is there."""
    top = sorted(counts, key=lambda pair: (-pair[1], pair[0]))[:TOP]
    shown = {value[:LONGEST]: count for value, count in top}
    return {"count": present, "missing": rows - present, "distinct": distinct, "top": shown}


def of_texts(rows: int, present: int, distinct: int, characters: int, words: int) -> dict[str, Any]:
    """Different texts, and how many characters and words they have on average; both are given in sum."""
    return {
        "count": present,
        "missing": rows - present,
        "distinct": distinct,
        "characters": rounded(characters / max(present, 1)),
        "words": rounded(words / max(present, 1)),
    }


def of_column(type: str, values: npt.NDArray[Any]) -> dict[str, Any]:
    """The profile of a column in memory, by its schema's type."""
    if type in ("number", "integer"):
        return of_numbers(values)
    if type == "date":
        return of_dates(values)
    present = values[values != ""].tolist()
    if type == "text":
        words = sum(len(text.split()) for text in present)
        return of_texts(len(values), len(present), len(set(present)), sum(map(len, present)), words)
    counts = Counter(present)
    return of_categories(counts.items(), len(values), len(present), len(counts))


def rounded(value: float) -> float:
    """Twelve significant digits: free of the last bits' noise."""
    return float(f"{value:.12g}")


def _counts(values: npt.NDArray[Any], ranked: npt.NDArray[Any]) -> dict[str, Any]:
    return {"count": len(ranked), "missing": len(values) - len(ranked), "distinct": 0}


def _distinct(ranked: npt.NDArray[Any]) -> int:
    return 1 + int(np.count_nonzero(ranked[1:] != ranked[:-1]))


def _quantile(ranked: npt.NDArray[np.float64], share: float) -> float:
    place = share * (len(ranked) - 1)
    below = int(place)
    above = min(below + 1, len(ranked) - 1)
    return float(ranked[below] + (ranked[above] - ranked[below]) * (place - below))
