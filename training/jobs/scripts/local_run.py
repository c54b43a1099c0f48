"""A script under the local contract, whose log is looked at for metrics."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from training.jobs.scripts.metrics import LogMetrics
from training.jobs.scripts.process import Command, Ended
from training.jobs.scripts.script import Script, Session, search_path


class LocalSession(Session):
    """The script runs where its code is, with the variables of this process; all is in its place already."""

    def __init__(self, script: Script, definitions: Mapping[str, str]) -> None:
        super().__init__(script)
        self.log = LogMetrics(definitions)

    def prepare(self) -> Command:
        """The script by its interpreter."""
        program = "/bin/sh" if self.script.entry_point.endswith(".sh") else sys.executable
        own = {name: value for name, value in os.environ.items() if name.startswith("MOORING_")}
        environment = {**self.script.environment, **own, "PYTHONPATH": search_path(self.script.source)}
        return Command((program, self.script.entry_point, *self.script.arguments), self.script.source, environment)

    def line(self, text: str) -> None:
        """Metrics are in the log."""
        self.log.line(text)

    def finish(self, ended: Ended) -> dict[str, float]:
        """What the log told; what the script wrote into the metrics file itself is kept beside it."""
        return {} if ended.code else self.log.found
