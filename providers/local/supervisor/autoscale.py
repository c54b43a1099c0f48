"""Replicas that follow the load: up at once, down after a quiet while."""

from __future__ import annotations

import math
import time
from typing import Any

from providers.local.supervisor.endpoint import Endpoint

SECONDS = 1.0
QUIET_SECONDS = 30.0
"""How long fewer replicas must have been enough before some are ended."""

DEFAULT_TARGET = 100.0
"""Requests/s a replica when the target is not given."""


class Scaler:
    """Compares the requests of the last interval with the target, slot by slot."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._counted: dict[str, tuple[str, int, float]] = {}
        self._high: dict[str, tuple[int, float]] = {}

    def step(self) -> None:
        """One look; scales when due."""
        counters = self._endpoint.counters()
        if counters is None:
            return
        for slot in list(self._endpoint.record["live"]):
            rate = self._rate(slot, counters)
            if rate is not None:
                self._adjust(slot, rate)

    def _rate(self, slot: str, counters: dict[str, Any]) -> float | None:
        """Requests/s since the last look; None for a first one (or a restarted router)."""
        seen = counters["slots"].get(slot)
        total = sum(seen["codes"].values()) + seen["in_flight"] if seen else 0
        now = time.monotonic()
        run, before, moment = self._counted.get(slot, ("", 0, now))
        self._counted[slot] = (counters["run"], total, now)
        return (total - before) / (now - moment) if run == counters["run"] and now > moment else None

    def _adjust(self, slot: str, rate: float) -> None:
        rules = self._endpoint.record["autoscaling"]
        target = float(rules.get("target_requests_per_replica") or DEFAULT_TARGET)
        enough = min(int(rules["max_replicas"]), max(int(rules["min_replicas"]), math.ceil(rate / target)))
        have = int(self._endpoint.record["scale"].get(slot, 1))
        now = time.monotonic()
        needed, since = self._high.get(slot, (enough, now))
        if enough >= needed or now - since > QUIET_SECONDS:
            needed, since = enough, now
        self._high[slot] = (needed, since)
        if enough > have or (needed < have and now - since <= SECONDS * 2):
            self._endpoint.scale(slot, max(enough, needed))
            self._endpoint.save()
