"""Metrics by what identifies them, as alarms ask for them: namespace, name and all dimensions, and nothing less."""

from __future__ import annotations

import bisect
import math
import threading
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary


class Series(NamedTuple):
    """What identifies a metric."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


class Index:
    """moto's list of all that was put, by metric and in the order of time."""

    def __init__(self) -> None:
        self._read = 0
        self._lock = threading.Lock()
        self._data: dict[Series, list[tuple[float, Any]]] = defaultdict(list)

    @classmethod
    def of(cls, backend: Any) -> Index:
        """The index of one of CloudWatch's backends, with all that was put until now."""
        with _lock:
            index = _indexes.setdefault(backend, cls())
        index._take_in(backend.metric_data)
        return index

    def _take_in(self, metric_data: list[Any]) -> None:
        with self._lock:
            if len(metric_data) < self._read:
                self._read = 0
                self._data.clear()
            for datum in metric_data[self._read :]:
                known = self._data[series(datum.namespace, datum.name, datum.dimensions)]
                bisect.insort(known, (seconds(datum.timestamp), datum), key=lambda one: one[0])
                self._read += 1

    def between(self, wanted: Series, start: float, end: float, unit: str | None = None) -> list[Any]:
        """Data of a metric from `start` on and before `end`, in seconds since the epoch."""
        known = self._data.get(wanted, [])
        first = bisect.bisect_left(known, start, key=lambda one: one[0])
        last = bisect.bisect_left(known, end, key=lambda one: one[0])
        return [datum for _, datum in known[first:last] if not unit or datum.unit == unit]


_indexes: WeakKeyDictionary[Any, Index] = WeakKeyDictionary()
_lock = threading.Lock()


def series(namespace: str, name: str, dimensions: Iterable[Any]) -> Series:
    """What identifies a metric, from moto's objects."""
    return Series(namespace, name, frozenset((one.name, one.value) for one in dimensions))


def statistic(data: list[Any], name: str) -> float | None:
    """A statistic of data (`Sum`, `p99`, …); None of no data at all. Raises ValueError for one that is not known."""
    if not data:
        return None
    count = sum(getattr(datum, "sample_count", 1.0) for datum in data)
    match name:
        case "SampleCount":
            return float(count)
        case "Sum":
            return float(_sum(data))
        case "Average":
            return float(_sum(data) / count) if count else None
        case "Minimum":
            return float(min(datum.min if hasattr(datum, "min") else datum.value for datum in data))
        case "Maximum":
            return float(max(datum.max if hasattr(datum, "max") else datum.value for datum in data))
    return _percentile(data, _percent(name))


def _sum(data: list[Any]) -> float:
    return float(sum(datum.sum if hasattr(datum, "sum") else datum.value for datum in data))


def _percent(name: str) -> float:
    if not is_percentile(name):
        raise ValueError(f"the statistic '{name}' is not emulated")
    return float(name[1:])


def is_percentile(name: str) -> bool:
    """Whether a statistic is one of `p0` … `p100`."""
    try:
        return name.startswith("p") and 0 <= float(name[1:]) <= 100
    except ValueError:
        return False


def _percentile(data: list[Any], percent: float) -> float | None:
    """Interpolated between the nearest ranks. Data that came aggregated has none, unless all of it is one value."""
    values: list[float] = []
    for datum in data:
        if not hasattr(datum, "sum"):
            values.append(datum.value)
        elif datum.min == datum.max:
            values.extend([datum.min] * int(datum.sample_count))
        else:
            return None
    values.sort()
    place = percent / 100 * (len(values) - 1)
    low, high = values[math.floor(place)], values[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


def seconds(moment: datetime) -> float:
    """Since the epoch; moto's times are in UTC and mostly do not say so."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
