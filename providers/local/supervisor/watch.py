"""Judging a deployment by the router's counters since a moment."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.local.router.stats import BOUNDS, quantile

Counters = dict[str, Any] | None

ENOUGH_FOR_ERRORS, ENOUGH_FOR_LATENCY = 10, 20
"""Requests before a verdict in the middle of a watch; at its end whatever came is judged."""


@dataclass
class Seen:
    """What one slot did since the watch began."""

    total: int = 0
    errors: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    ages: list[float] = field(default_factory=list)


class Watch:
    """Counts from the moment it is made. `max_latency_ms` None: latency is not judged."""

    def __init__(
        self,
        counters: Callable[[], Counters],
        slots: Mapping[str, str],
        max_error_percent: float,
        max_latency_ms: float | None,
    ) -> None:
        self._counters = counters
        self._slots = slots
        self._max_error_percent = max_error_percent
        self._max_latency_ms = max_latency_ms
        self._before = counters()

    def requests(self) -> int:
        """Replies and failures of the watched slots so far."""
        now = self._counters()
        return sum(self._seen(now, slot).total for slot in self._slots)

    def breach(self, final: bool = False) -> str | None:
        """Which limit is broken, in numbers, or None."""
        now = self._counters()
        for slot, deployment in self._slots.items():
            seen = self._seen(now, slot)
            if found := self._errors(seen, final) or self._latency(seen, final):
                return f"deployment '{deployment}': {found}"
        return None

    def _seen(self, now: Counters, slot: str) -> Seen:
        if now is None or slot not in now["slots"]:
            return Seen()
        after = now["slots"][slot]
        same_run = self._before is not None and self._before["run"] == now["run"]
        before = self._before["slots"].get(slot) if same_run and self._before is not None else None
        codes = _difference(after["codes"], before["codes"] if before else {})
        failed = after["failed"] - (before["failed"] if before else 0)
        old = before["buckets"] if before else [0] * len(after["buckets"])
        return Seen(
            total=sum(codes.values()) + failed,
            errors=sum(count for code, count in codes.items() if code >= "500") + failed,
            buckets=[new - was for new, was in zip(after["buckets"], old, strict=True)],
            ages=list(after["ages"]),
        )

    def _errors(self, seen: Seen, final: bool) -> str | None:
        if not seen.total or (seen.total < ENOUGH_FOR_ERRORS and not final):
            return None
        percent = 100 * seen.errors / seen.total
        if percent <= self._max_error_percent:
            return None
        return (
            f"{seen.errors} of {seen.total} requests failed ({percent:.1f} %, "
            f"the limit is {self._max_error_percent:g} %)"
        )

    def _latency(self, seen: Seen, final: bool) -> str | None:
        limit = self._max_latency_ms
        if limit is None:
            return None
        buckets = _with_waiting(seen.buckets, seen.ages, limit / 1000)
        total = sum(buckets)
        if not total or (total < ENOUGH_FOR_LATENCY and not final):
            return None
        p99 = quantile(buckets, 0.99) * 1000
        if p99 <= limit:
            return None
        return f"p99 latency {p99:.0f} ms over {total} requests (the limit is {limit:g} ms)"


def _with_waiting(buckets: Iterable[int], ages: Iterable[float], limit: float) -> list[int]:
    """Requests that have waited longer than the limit already count with the time they have waited."""
    result = list(buckets)
    for age in ages:
        if age > limit:
            result[bisect_left(BOUNDS, age)] += 1
    return result


def _difference(after: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    return {code: count - before.get(code, 0) for code, count in after.items()}
