"""Metrics out of a training job's log, by the regular expressions of its `MetricDefinitions`."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from providers.aws.emulator.errors import validation

NAMESPACE = "/aws/sagemaker/TrainingJobs"
"""CloudWatch's namespace: https://docs.aws.amazon.com/sagemaker/latest/dg/training-metrics.html"""
BATCH = 500


class LogMetrics:
    """Finds metrics line by line, keeps the last value of each, and puts all of them into CloudWatch."""

    def __init__(self, job: str, definitions: Sequence[Mapping[str, str]], cloudwatch: Any) -> None:
        self._patterns = [(definition["Name"], compiled(definition)) for definition in definitions]
        self._cloudwatch, self._dimensions = cloudwatch, [{"Name": "TrainingJobName", "Value": job}]
        self._waiting: list[dict[str, Any]] = []
        self.last: dict[str, dict[str, Any]] = {}

    def take(self, line: str) -> bool:
        """Look at one line; whether it held a metric."""
        found = False
        for name, pattern in self._patterns:
            for match in pattern.finditer(line):
                found = self._keep(name, match[1]) or found
        return found

    def _keep(self, name: str, text: str | None) -> bool:
        try:
            value = float(text or "")
        except ValueError:
            return False
        if not math.isfinite(value):
            return False
        now = time.time()
        self.last[name] = {"MetricName": name, "Value": value, "Timestamp": now}
        self._waiting.append({"MetricName": name, "Dimensions": self._dimensions, "Value": value, "Timestamp": now})
        return True

    def flush(self) -> None:
        """Put what waits into CloudWatch."""
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            self._cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=batch)


def compiled(definition: Mapping[str, str]) -> re.Pattern[str]:
    """The expression of a definition. Raises ApiError for one that is none, or that captures nothing."""
    try:
        pattern = re.compile(definition["Regex"])
    except re.error as error:
        raise validation(f"MetricDefinition {definition['Name']}: {definition['Regex']} is invalid: {error}") from error
    if not pattern.groups:
        raise validation(f"MetricDefinition {definition['Name']}: {definition['Regex']} has no capture group")
    return pattern
