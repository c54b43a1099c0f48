"""The logs of an endpoint's servers, out of CloudWatch Logs, as one stream of lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from providers.aws import session
from providers.aws.endpoint.place import Place
from providers.aws.faults import translated
from providers.errors import MooringError, NotFound

LAST_WORDS = 5
POLL_SECONDS, POLL_EMULATED = 2.0, 0.2
_OVERLAP = 60_000
"""Milliseconds that are read again while following: CloudWatch may show an event later than one after it."""


def group_of(endpoint: str) -> str:
    """The log group of an endpoint."""
    return f"/aws/sagemaker/Endpoints/{endpoint}"


def read_logs(region: str, endpoint: str, tail: int | None) -> Iterator[str]:
    """What is there now: oldest first, or stream by stream where only the last lines are wanted."""
    if tail is None:
        for event in _events(region, endpoint, 0):
            yield _line(event["logStreamName"], event)
        return
    logs, group = session.client("logs", region), group_of(endpoint)
    for stream in _streams(region, endpoint):
        with translated(f"reading logs of {endpoint}"):
            found = logs.get_log_events(
                logGroupName=group, logStreamName=stream, limit=max(1, min(tail, 10_000)), startFromHead=False
            )
        yield from (_line(stream, event) for event in found["events"][-tail:] if tail)


def follow_logs(region: str, endpoint: str, since: int, exists: Callable[[], bool]) -> Iterator[str]:
    """Lines from the time `since` (milliseconds) on, until the endpoint is gone."""
    seen: dict[str, int] = {}
    latest = since
    while exists():
        for event in _events(region, endpoint, max(since, latest - _OVERLAP)):
            if event["eventId"] not in seen:
                latest = max(latest, int(event["timestamp"]))
                yield _line(event["logStreamName"], event)
            seen[event["eventId"]] = int(event["timestamp"])
        seen = {id: at for id, at in seen.items() if at >= latest - 2 * _OVERLAP}
        time.sleep(POLL_EMULATED if session.endpoint_url() else POLL_SECONDS)


def last_words(place: Place) -> list[str]:
    """The last lines that any of its servers printed; none where that cannot be told."""
    try:
        streams = _streams(place.region, place.name)[-1:]
        if not streams:
            return []
        with translated("reading logs"):
            found = session.client("logs", place.region).get_log_events(
                logGroupName=group_of(place.name), logStreamName=streams[0], limit=LAST_WORDS, startFromHead=False
            )
        return [str(event["message"]).rstrip() for event in found["events"]]
    except MooringError:
        return []


def _streams(region: str, endpoint: str) -> list[str]:
    """Names of its streams; the one written last comes last."""
    logs = session.client("logs", region)
    try:
        with translated(f"reading logs of {endpoint}"):
            pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group_of(endpoint))
            found = [stream for page in pages for stream in page["logStreams"]]
    except NotFound:
        return []
    return [str(one["logStreamName"]) for one in sorted(found, key=lambda one: int(one.get("lastIngestionTime", 0)))]


def _events(region: str, endpoint: str, since: int) -> list[dict[str, Any]]:
    logs = session.client("logs", region)
    try:
        with translated(f"reading logs of {endpoint}"):
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=group_of(endpoint), startTime=since, interleaved=True
            )
            return [event for page in pages for event in page["events"]]
    except NotFound:
        return []


def _line(stream: str, event: dict[str, Any]) -> str:
    return f"[{stream}] {str(event['message']).rstrip()}"
