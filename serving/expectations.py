"""What the model saw in training, by the signature: values outside of it are predicted, but warned about.

Costs well under a microsecond for a row of few columns, so it runs with every request unless it is switched off.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import numpy as np

from serving.cells import Column, shown
from serving.columns import FEW, Features
from serving.http import Reply

OUT_OF_RANGE = "out_of_range"
UNSEEN = "unseen_category"
HEADER = b"x-mooring-warnings"
"""The reply's header with the number of warnings."""
LISTED = 100
"""At most so many warnings are spelt out in a reply; all are counted."""
SLACK = 1e-11
"""Relative: a signature's ranges are rounded to twelve significant digits."""
_LARGEST = "the largest value of the training data"


@dataclass(frozen=True, slots=True)
class Unlike:
    """One value that training saw nothing like of: its row (from 0), its column, what kind it is, and why."""

    row: int
    column: str
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class _Range:
    """Bounds of a column's values in training; infinite where the signature has none."""

    name: str
    low: float
    high: float
    date: bool


class Expectations:
    """Compares encoded rows with the signature's `min`, `max` and `categories`. Any thread may use one."""

    def __init__(
        self,
        columns: Sequence[Column],
        entries: Sequence[Mapping[str, Any]],
        known: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> None:
        """`known` are values of text columns that the signature does not list."""
        pairs = list(zip(columns, entries, strict=True))
        self._ranges = [_range(column, entry) for column, entry in pairs if column.numeric]
        self._low = np.array([one.low for one in self._ranges])
        self._high = np.array([one.high for one in self._ranges])
        self._bounds = [(one.low, one.high) for one in self._ranges]
        self._bounded = any(math.isfinite(one.low) or math.isfinite(one.high) for one in self._ranges)
        self._brightest = [
            (column.name, float(entry["max"]) * (1 + SLACK))
            for column, entry in pairs
            if column.type == "image" and entry.get("max")
        ]
        textual = [(column, entry) for column, entry in pairs if column.textual]
        self._categories = [
            (at, column.name, frozenset([*seen, ""]))  # a missing value is no unseen one
            for at, (column, entry) in enumerate(textual)
            if column.type == "string" and (seen := entry.get("categories") or known.get(column.name))
        ]

    def unlike(self, features: Features) -> list[Unlike]:
        """What training saw nothing like of; missing values are none of that."""
        found: list[Unlike] = []
        if self._bounded and not self._all_within(features):
            found += self._outside(features)
        for at, name, known in self._categories:
            texts = features.texts[:, at].tolist()
            if not known.issuperset(texts):
                found += [
                    Unlike(row, name, UNSEEN, f"{shown(text)} is not in the training data")
                    for row, text in enumerate(texts)
                    if text not in known
                ]
        for name, most in self._brightest:
            largest = features.tensors[name].reshape(features.rows, -1).max(axis=1)
            found += [
                Unlike(row, name, OUT_OF_RANGE, f"a pixel of {largest[row]:g} is above {most:.10g}, {_LARGEST}")
                for row in np.flatnonzero(largest > most).tolist()
            ]
        if len(found) > 1:
            found.sort(key=lambda one: one.row)
        return found

    def _all_within(self, features: Features) -> bool:
        numbers = features.numbers
        if numbers.size > FEW:
            return not bool(((numbers < self._low) | (numbers > self._high)).any())
        for row in numbers.tolist():
            for value, (low, high) in zip(row, self._bounds, strict=True):
                if value < low or value > high:
                    return False
        return True

    def _outside(self, features: Features) -> list[Unlike]:
        numbers = features.numbers
        places = np.argwhere((numbers < self._low) | (numbers > self._high)).tolist()
        return [
            Unlike(row, self._ranges[at].name, OUT_OF_RANGE, _told(self._ranges[at], float(numbers[row, at])))
            for row, at in places
        ]


def _range(column: Column, entry: Mapping[str, Any]) -> _Range:
    if column.optional:  # bounds of what may be asked for, not of what was seen
        return _Range(column.name, -math.inf, math.inf, False)
    low, high = (_bound(entry.get(key), sign) for key, sign in (("min", -1.0), ("max", 1.0)))
    return _Range(column.name, low - abs(low) * SLACK, high + abs(high) * SLACK, column.type == "date")


def _bound(value: Any, sign: float) -> float:
    """A bound of a signature: a number, or a date as text; none at all is infinite."""
    if isinstance(value, str):
        from mooring_transforms.moments import seconds_of

        return seconds_of(value)
    return sign * math.inf if value is None else float(value)


def _told(bounds: _Range, value: float) -> str:
    below = value < bounds.low
    limit = _written(bounds, bounds.low if below else bounds.high)
    side = f"below {limit}, the smallest value of the training data" if below else f"above {limit}, {_LARGEST}"
    return f"{_written(bounds, value)} is {side}"


def _written(bounds: _Range, value: float) -> str:
    if not bounds.date:
        return f"{value:.10g}"
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=round(value))
    except OverflowError:
        return f"{value:.10g}"
    return moment.isoformat().replace("+00:00", "Z").replace("T00:00:00Z", "")


def noted(reply: Reply, unlike: Sequence[Unlike]) -> Reply:
    """The reply, with the number of warnings in its headers and their kinds for the metrics."""
    if unlike:
        reply.headers = (*reply.headers, (HEADER, b"%d" % len(unlike)))
        reply.warned = Counter((one.column, one.kind) for one in unlike)
    return reply


def listed(unlike: Sequence[Unlike]) -> list[dict[str, Any]]:
    """The first warnings as a reply's JSON has them."""
    return [{"row": one.row, "column": one.column, "message": one.message} for one in unlike[:LISTED]]
