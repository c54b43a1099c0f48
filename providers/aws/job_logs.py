"""What a training job writes, out of CloudWatch Logs: a stream for each of its machines.

https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from providers.aws import session
from providers.aws.faults import translated
from providers.errors import NotFound

GROUP = "/aws/sagemaker/TrainingJobs"
_PAGE = 10_000
"""Events that AWS gives at once, at most."""


class JobLog:
    """The log of one training job, or of all those of a tuning job; or of a job that logs into another `group`."""

    def __init__(self, region: str, job: str, *, is_tuning: bool = False, group: str = GROUP) -> None:
        self.region, self.job, self.group = region, job, group
        self._prefix = f"{job}-" if is_tuning else f"{job}/"
        self._tokens: dict[str, str] = {}

    @property
    def _logs(self) -> Any:
        return session.client("logs", self.region)

    def tail(self, count: int) -> list[str]:
        """The last lines of all machines, oldest first."""
        events: list[tuple[int, str]] = []
        for stream in self._streams():
            with translated(f"reading the log of {self.job}"):
                page = self._logs.get_log_events(
                    logGroupName=self.group, logStreamName=stream, startFromHead=False, limit=min(max(count, 1), _PAGE)
                )
            events += [(int(event["timestamp"]), str(event["message"])) for event in page["events"]]
        events.sort(key=lambda event: event[0])
        return _lines(message for _, message in events)[-count:] if count else []

    def new(self) -> list[str]:
        """The lines that have come since the last call; all of them at the first."""
        events: list[tuple[int, str]] = []
        for stream in self._streams():
            while True:
                asked = {"nextToken": self._tokens[stream]} if stream in self._tokens else {}
                with translated(f"reading the log of {self.job}"):
                    page = self._logs.get_log_events(
                        logGroupName=self.group, logStreamName=stream, startFromHead=True, limit=_PAGE, **asked
                    )
                events += [(int(event["timestamp"]), str(event["message"])) for event in page["events"]]
                is_end = page["nextForwardToken"] == self._tokens.get(stream) or not page["events"]
                self._tokens[stream] = page["nextForwardToken"]
                if is_end:
                    break
        events.sort(key=lambda event: event[0])
        return _lines(message for _, message in events)

    def follow(self, has_ended: Callable[[], bool], every: float, tail: int | None = None) -> Iterator[str]:
        """All lines until the job has ended; of those that are there already, only the last `tail`."""
        if tail is not None:
            known = self.new()
            yield from known[max(0, len(known) - tail) :]
        while True:
            ended = has_ended()  # before the lines are read, so that the last ones are not missed
            yield from self.new()
            if ended:
                return
            time.sleep(every)

    def _streams(self) -> list[str]:
        """Names of the streams; none before the job has written anything."""
        try:
            with translated(f"reading the log of {self.job}"):
                pages = self._logs.get_paginator("describe_log_streams").paginate(
                    logGroupName=self.group, logStreamNamePrefix=self._prefix
                )
                return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
        except NotFound:
            return []


def _lines(messages: Iterator[str]) -> list[str]:
    return [line for message in messages for line in message.rstrip("\n").split("\n")]
