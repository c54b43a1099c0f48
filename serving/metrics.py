"""Counters of the server in Prometheus's text format (version 0.0.4)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate

from serving.http import Reply

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency histogram, seconds."""


class Metrics:
    """Counts requests by route and status code, their latency, and rows. Used from the event loop only."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._labels = ",".join(f'{name}="{escape(value)}"' for name, value in labels.items())
        self._requests: dict[tuple[str, int], int] = {}
        self._latency: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}
        self._warned: dict[tuple[str, str], int] = {}
        self.rows = 0
        self.in_flight = 0

    def observe(self, route: str, reply: Reply, seconds: float) -> None:
        """Count one answered request."""
        key = (route, reply.status)
        self._requests[key] = self._requests.get(key, 0) + 1
        counts = self._latency.get(route)
        if counts is None:
            counts = self._latency[route] = [0] * (len(BUCKETS) + 1)
        counts[bisect_left(BUCKETS, seconds)] += 1
        self._seconds[route] = self._seconds.get(route, 0.0) + seconds
        self.rows += reply.rows
        for column, count in reply.warned.items():
            self._warned[column] = self._warned.get(column, 0) + count

    def text(self) -> bytes:
        """All of it, as a scrape wants it."""
        lines = ["# HELP mooring_requests_total Requests answered.", "# TYPE mooring_requests_total counter"]
        for (route, status), count in sorted(self._requests.items()):
            lines.append(f'mooring_requests_total{{{self._labels},route="{route}",code="{status}"}} {count}')
        lines += ["# HELP mooring_request_seconds Time to answer.", "# TYPE mooring_request_seconds histogram"]
        for route, counts in sorted(self._latency.items()):
            lines += self._histogram(route, counts)
        lines += ["# HELP mooring_rows_total Rows predicted.", "# TYPE mooring_rows_total counter"]
        lines.append(f"mooring_rows_total{{{self._labels}}} {self.rows}")
        lines += ["# HELP mooring_input_warnings_total Values unlike those the model was trained on."]
        lines += ["# TYPE mooring_input_warnings_total counter"]
        for (column, kind), count in sorted(self._warned.items()):
            labels = f'{self._labels},column="{escape(column)}",kind="{kind}"'
            lines.append(f"mooring_input_warnings_total{{{labels}}} {count}")
        lines += ["# HELP mooring_in_flight Requests being answered.", "# TYPE mooring_in_flight gauge"]
        lines.append(f"mooring_in_flight{{{self._labels}}} {self.in_flight}")
        return ("\n".join(lines) + "\n").encode()

    def _histogram(self, route: str, counts: list[int]) -> list[str]:
        labels = f'{self._labels},route="{route}"'
        totals = list(accumulate(counts))
        bounds = [*(f"{bound:g}" for bound in BUCKETS), "+Inf"]
        name = "mooring_request_seconds"
        lines = [f'{name}_bucket{{{labels},le="{le}"}} {n}' for le, n in zip(bounds, totals, strict=True)]
        lines.append(f"{name}_sum{{{labels}}} {self._seconds[route]:.6f}")
        lines.append(f"{name}_count{{{labels}}} {totals[-1]}")
        return lines


def escape(value: str) -> str:
    """A label's value as the format wants it."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
