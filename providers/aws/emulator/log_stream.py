"""Lines of a job or server into a stream of CloudWatch Logs, in batches."""

from __future__ import annotations

import time
from typing import Any

BATCH_SECONDS = 0.5
BATCH_LINES = 1000
LONGEST = 256 * 1024 - 26
"""Bytes of one event: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html"""


class LogStream:
    """One stream of a group; both are made when the first line comes. Not to be shared between threads."""

    def __init__(self, logs: Any, group: str, stream: str) -> None:
        self._logs, self._group, self._stream = logs, group, stream
        self._waiting: list[dict[str, Any]] = []
        self._sent = time.monotonic()
        self._made = False

    def put(self, line: str) -> None:
        """Take a line; it is sent with others."""
        text = line.encode("utf-8", errors="replace")[:LONGEST].decode("utf-8", errors="ignore")
        self._waiting.append({"timestamp": int(time.time() * 1000), "message": text or " "})
        if len(self._waiting) >= BATCH_LINES:
            self.flush()
        self.flush_due()

    def flush_due(self) -> None:
        """Send what waits, if it has waited long enough; to be called now and then, as no further line may come."""
        if time.monotonic() - self._sent > BATCH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        if self._waiting:
            try:
                self._send()
            except self._logs.exceptions.ResourceNotFoundException:  # the user deleted the group or the stream
                self._made = False
                self._send()
        self._sent = time.monotonic()

    def _send(self) -> None:
        self._make()
        self._logs.put_log_events(
            logGroupName=self._group, logStreamName=self._stream, logEvents=self._waiting[:BATCH_LINES]
        )
        del self._waiting[:BATCH_LINES]

    def _make(self) -> None:
        if self._made:
            return
        already = self._logs.exceptions.ResourceAlreadyExistsException
        for create, names in (
            (self._logs.create_log_group, {"logGroupName": self._group}),
            (self._logs.create_log_stream, {"logGroupName": self._group, "logStreamName": self._stream}),
        ):
            try:
                create(**names)
            except already:
                pass  # by an earlier job, or by the user, with a retention of their own
        self._made = True

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting
