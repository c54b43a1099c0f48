"""A script under the local contract, whose log is looked at for metrics."""

from __future__ import annotations

import os
import sys

from training.jobs.scripts.metrics import read_file
from training.jobs.scripts.process import Command, Ended
from training.jobs.scripts.script import Session, search_path


class LocalSession(Session):
    """The script runs where its code is, with the variables of this process; all is in its place already."""

    def prepare(self) -> Command:
        """The script by its interpreter."""
        program = "/bin/sh" if self.script.entry_point.endswith(".sh") else sys.executable
        own = {name: value for name, value in os.environ.items() if name.startswith("MOORING_")}
        environment = {**self.script.environment, **own, "PYTHONPATH": search_path(self.script.source)}
        return Command((program, self.script.entry_point, *self.script.arguments), self.script.source, environment)

    def finish(self, ended: Ended) -> dict[str, float]:
        """What the log told, and `metrics.json` of the folders; the metrics file itself is read by the caller."""
        job = self.script.job
        folders = [folder for folder in (job.output_dir, job.model_dir) if folder is not None]
        return {} if ended.code else read_file(*folders) | self.log.found
