"""The router's counters as Prometheus text (exposition format 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from providers.local.router.replica import Replica
from providers.local.router.stats import BOUNDS, SHOWN, SlotStats, Stats

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render(stats: Stats, replicas: Iterable[Replica]) -> bytes:
    """The body of `/metrics`."""
    slots = _merged(stats)
    lines = [
        *_family("mooring_requests_total", "counter", "Replies by deployment, model version and status code."),
        *(
            f'mooring_requests_total{{{labels},code="{code}"}} {count}'
            for labels, group in slots.items()
            for code, count in sorted(_codes(group).items())
        ),
        *_family("mooring_router_replies_total", "counter", "Replies that the router made itself."),
        *(f'mooring_router_replies_total{{code="{code}"}} {count}' for code, count in sorted(stats.own.items())),
        *_family("mooring_request_failures_total", "counter", "Attempts that got no whole reply from a replica."),
        *(
            f"mooring_request_failures_total{{{labels}}} {sum(one.failed for one in group)}"
            for labels, group in slots.items()
        ),
        *_family("mooring_retries_total", "counter", "Requests given to another connection or replica."),
        f"mooring_retries_total {stats.retries}",
        *_family("mooring_requests_in_flight", "gauge", "Requests without a whole reply."),
        *(
            f"mooring_requests_in_flight{{{labels}}} {sum(len(one.started) for one in group)}"
            for labels, group in slots.items()
        ),
        *_family("mooring_replica_up", "gauge", "1 when a replica takes requests."),
        *(
            f'mooring_replica_up{{{_labels(one.route.deployment, one.route.version)},replica="{one.address.port}"}} '
            f"{int(one.up)}"
            for one in replicas
        ),
        *_family("mooring_client_connections", "gauge", "Open connections of clients."),
        f"mooring_client_connections {stats.connections}",
        *_family("mooring_request_duration_seconds", "histogram", "Time from the request's head to the reply's end."),
        *(line for labels, group in slots.items() for line in _histogram(labels, group)),
    ]
    return ("\n".join(lines) + "\n").encode()


def _family(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"


def _labels(deployment: str, version: str) -> str:
    return f'deployment="{_escaped(deployment)}",model_version="{_escaped(version)}"'


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _merged(stats: Stats) -> dict[str, list[SlotStats]]:
    """Slots by their labels: two generations of one deployment and version are one series."""
    merged: dict[str, list[SlotStats]] = {}
    for one in stats.slots.values():
        merged.setdefault(_labels(one.route.deployment, one.route.version), []).append(one)
    return merged


def _codes(group: list[SlotStats]) -> dict[int, int]:
    codes: dict[int, int] = {}
    for one in group:
        for code, count in one.codes.items():
            codes[code] = codes.get(code, 0) + count
    return codes


def _histogram(labels: str, group: list[SlotStats]) -> Iterator[str]:
    buckets = [sum(counts) for counts in zip(*(one.buckets for one in group), strict=True)]
    for shown in SHOWN:
        count = sum(n for bound, n in zip(BOUNDS, buckets, strict=False) if bound <= shown)
        yield f'mooring_request_duration_seconds_bucket{{{labels},le="{shown:g}"}} {count}'
    yield f'mooring_request_duration_seconds_bucket{{{labels},le="+Inf"}} {sum(buckets)}'
    yield f"mooring_request_duration_seconds_sum{{{labels}}} {sum(one.seconds for one in group):.6f}"
    yield f"mooring_request_duration_seconds_count{{{labels}}} {sum(buckets)}"
