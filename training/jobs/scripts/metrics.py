"""Metrics of a user's script: out of its log, or out of a file that it wrote."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path

from training.errors import TrainingError

FILE = "metrics.json"
OWN_LINE = re.compile(r"\[metric\] ([\w.@/-]+)=([-+0-9.eE]+|nan|inf);")
"""`training.jobs.sagemaker.metric_line`: what counts without a definition."""


class LogMetrics:
    """The last value that each regular expression found in the log, as SageMaker's MetricDefinitions work."""

    def __init__(self, definitions: Mapping[str, str]) -> None:
        self.found: dict[str, float] = {}
        self.patterns = {}
        for name, pattern in definitions.items():
            try:
                self.patterns[name] = re.compile(pattern)
            except re.error as error:
                raise TrainingError(f"the metric '{name}': '{pattern}' is no regular expression ({error})") from error
            if self.patterns[name].groups < 1:
                raise TrainingError(f"the metric '{name}': '{pattern}' has no group that holds the value: (…)")

    def line(self, text: str) -> None:
        """Look at one line."""
        for name, pattern in self.patterns.items():
            for match in pattern.finditer(text):
                self._take(name, match[1])
        for match in OWN_LINE.finditer(text):
            if match[1] not in self.patterns:
                self._take(match[1], match[2])

    def _take(self, name: str, value: str | None) -> None:
        try:
            number = float(value or "")
        except ValueError:
            return
        if math.isfinite(number):
            self.found[name] = number


def read_file(*folders: Path) -> dict[str, float]:
    """Numbers out of the first `metrics.json` in the folders; none without one.

    Raises TrainingError for one that is not a JSON object of name to number.
    """
    for path in (folder / FILE for folder in folders):
        if not path.is_file():
            continue
        try:
            found = json.loads(path.read_bytes())
            return {str(name): float(value) for name, value in found.items() if math.isfinite(float(value))}
        except (ValueError, TypeError, AttributeError) as error:
            raise TrainingError(
                f'{FILE}: one JSON object of name to number is expected, as {{"accuracy": 0.97}} ({error})'
            ) from error
    return {}
