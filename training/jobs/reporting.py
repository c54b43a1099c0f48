"""How a platform is told of metrics and of a failure; each contract has a `Reporter` of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class Reporter:
    """Tells nobody: the base of the contracts' reporters, and all that `local` needs, which reads the metrics file
    and the last line of standard error."""

    def metrics(self, metrics: Mapping[str, float]) -> None:
        """Report metrics, name to value."""

    def failure(self, reason: str) -> None:
        """Report why the job failed, in one line."""


def write_whole(path: Path, text: str) -> None:
    """Write a text file that is whole or absent at any time; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
