"""What the router counts: requests by slot and status, latency histograms, requests in flight."""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from providers.local.router.table import Route

SHOWN = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""The bounds that `/metrics` shows."""

GROWTH = 1.15
BOUNDS: tuple[float, ...] = tuple(sorted({*SHOWN, *(0.0001 * GROWTH**step for step in range(97))}))
"""Upper bounds of the latency buckets in seconds, 0.1 ms to about 67 s, each at most 15 % above the one before:
the error of a quantile read from them."""

FORGET_AFTER = 64
"""Slots without a route that are remembered; the oldest goes first."""


@dataclass
class SlotStats:
    """Counters of one slot since the router started. `failed` are attempts that got no whole reply, whether or
    not another replica then answered. `started` are the start times of the requests in flight."""

    route: Route
    codes: dict[int, int] = field(default_factory=dict)
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0
    failed: int = 0
    started: dict[int, float] = field(default_factory=dict)

    def done(self, code: int, seconds: float) -> None:
        """Count one reply."""
        self.codes[code] = self.codes.get(code, 0) + 1
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds

    def snapshot(self) -> dict[str, Any]:
        """Plain values for the supervisor; `ages` are the seconds that requests in flight have waited."""
        now = time.monotonic()
        return {
            "deployment": self.route.deployment,
            "version": self.route.version,
            "codes": {str(code): count for code, count in self.codes.items()},
            "buckets": self.buckets,
            "failed": self.failed,
            "in_flight": len(self.started),
            "ages": [round(now - start, 4) for start in list(self.started.values())[:1000]],
        }


class Stats:
    """All counters of one router."""

    def __init__(self) -> None:
        self.run = f"{os.getpid()}-{time.time_ns()}"
        self.slots: dict[str, SlotStats] = {}
        self.own: dict[int, int] = {}
        self.retries = 0
        self.connections = 0

    def slot(self, route: Route) -> SlotStats:
        """The counters of a route's slot."""
        found = self.slots.get(route.slot)
        if found is None:
            found = self.slots[route.slot] = SlotStats(route)
        return found

    def own_reply(self, code: int) -> None:
        """Count a reply that the router itself made (no replica, bad request, time-out)."""
        self.own[code] = self.own.get(code, 0) + 1

    def forget(self, routed: Iterable[str]) -> None:
        """Drop the oldest counters of slots that have no route any more."""
        keep = set(routed)
        gone = [name for name, one in self.slots.items() if name not in keep and not one.started]
        for name in gone[: max(0, len(gone) - FORGET_AFTER)]:
            del self.slots[name]

    def snapshot(self) -> dict[str, Any]:
        """All of it in plain values. `run` changes when the router restarts and counts from zero."""
        return {
            "run": self.run,
            "retries": self.retries,
            "own": {str(code): count for code, count in self.own.items()},
            "slots": {name: one.snapshot() for name, one in self.slots.items()},
        }


def quantile(buckets: Iterable[int], share: float) -> float:
    """The latency in seconds below which `share` of the counted requests stayed (linear inside a bucket)."""
    counts = list(buckets)
    rank = share * sum(counts)
    below = 0
    for index, count in enumerate(counts):
        if count and below + count >= rank:
            low = BOUNDS[index - 1] if index else 0.0
            high = BOUNDS[index] if index < len(BOUNDS) else BOUNDS[-1] * GROWTH
            return low + (high - low) * (rank - below) / count
        below += count
    return 0.0
