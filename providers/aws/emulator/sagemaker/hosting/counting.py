"""What invocations leave behind in memory until it is written: counts, captured data, requests under way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

MOST_CAPTURED = 20_000
"""Captured requests that may wait; what comes beyond is not captured, as AWS does not promise it to be."""

VariantKey = tuple[str, str, str]
"""Region, endpoint and variant."""


@dataclass
class Counts:
    """One fleet's invocations since the last look. Latencies are in microseconds."""

    invocations: int = 0
    client_errors: int = 0
    server_errors: int = 0
    model_errors: int = 0
    instances: int = 1
    model: list[float] = field(default_factory=list)
    overhead: list[float] = field(default_factory=list)
    setup: list[float] = field(default_factory=list)


class Counted:
    """Counts by variant and configuration, and how many requests each variant ever had."""

    def __init__(self) -> None:
        self._counts: dict[tuple[VariantKey, str], Counts] = {}
        self._totals: dict[VariantKey, int] = {}
        self._lock = threading.Lock()

    def add(self, variant: VariantKey, config: str, status: int, instances: int, model: float, overhead: float) -> None:
        """Count one invocation. `status` is the model's (0: it gave none); times are in seconds."""
        with self._lock:
            counts = self._counts.setdefault((variant, config), Counts())
            counts.invocations += 1
            counts.instances = max(1, instances)
            counts.client_errors += 400 <= status < 500
            counts.server_errors += status >= 500 or status == 0
            counts.model_errors += not 200 <= status < 300
            counts.model.append(model * 1e6)
            counts.overhead.append(overhead * 1e6)
            self._totals[variant] = self._totals.get(variant, 0) + 1

    def woken(self, variant: VariantKey, config: str, seconds: float) -> None:
        """Note how long a sleeping variant took to be there."""
        with self._lock:
            self._counts.setdefault((variant, config), Counts()).setup.append(seconds * 1e6)

    def take(self) -> dict[tuple[VariantKey, str], Counts]:
        """What was counted since the last call."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return counts

    def total(self, variant: VariantKey) -> int:
        """All requests of a variant since this process began."""
        return self._totals.get(variant, 0)


class Captured:
    """Records of data capture that wait to be written, by endpoint and variant."""

    def __init__(self) -> None:
        self._records: dict[VariantKey, list[dict[str, Any]]] = {}
        self._count = 0
        self._lock = threading.Lock()

    def add(self, variant: VariantKey, record: dict[str, Any]) -> None:
        """Take one."""
        with self._lock:
            if self._count < MOST_CAPTURED:
                self._records.setdefault(variant, []).append(record)
                self._count += 1

    def take(self) -> dict[VariantKey, list[dict[str, Any]]]:
        """What came since the last call."""
        with self._lock:
            records, self._records, self._count = self._records, {}, 0
        return records


class InFlight:
    """Requests under way by serverless variant, when each had its last, and which are known to be asleep."""

    def __init__(self) -> None:
        self._busy: dict[VariantKey, int] = {}
        self.last: dict[VariantKey, float] = {}
        self.asleep: set[VariantKey] = set()
        self._lock = threading.Lock()

    @contextmanager
    def one(self, variant: VariantKey, most: int, now: float) -> Iterator[bool]:
        """Count a request while it lasts; False where there are `most` already."""
        with self._lock:
            admitted = self._busy.get(variant, 0) < most
            if admitted:
                self._busy[variant] = self._busy.get(variant, 0) + 1
                self.last[variant] = now
        try:
            yield admitted
        finally:
            if admitted:
                with self._lock:
                    self._busy[variant] -= 1

    def busy(self, variant: VariantKey) -> int:
        """How many there are."""
        return self._busy.get(variant, 0)
