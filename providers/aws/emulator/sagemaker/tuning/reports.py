"""The values of the objective that a trial has reported so far, out of its log as it grows."""

from __future__ import annotations

import math
import re
from pathlib import Path

from providers.local.jobs.job_records import LOG


class Reports:
    """Reads on in one log at every look. A log that is gone has nothing new."""

    def __init__(self, folder: Path, regex: str, known: int) -> None:
        """`known` values at its beginning are left out, as they were told before."""
        self._log, self._pattern, self._known = folder / LOG, re.compile(regex), known
        self._offset = 0

    def new(self) -> list[float]:
        """Values since the last look."""
        try:
            with self._log.open("rb") as stream:
                stream.seek(self._offset)
                block = stream.read()
        except OSError:
            return []
        block = block[: block.rfind(b"\n") + 1]
        self._offset += len(block)
        lines = block.decode("utf-8", errors="replace").splitlines()
        matches = (match for line in lines for match in self._pattern.finditer(line))
        found = [value for match in matches if (value := _number(match[1])) is not None]
        left_out = min(self._known, len(found))
        self._known -= left_out
        return found[left_out:]


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
