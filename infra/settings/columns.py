"""The columns of a CSV dataset, read from its first line only: a misspelt target shows in the preview."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path as FilePath

from infra.settings.models import Settings
from infra.settings.problems import Path
from providers.errors import did_you_mean

LONGEST = 1 << 20
"""Characters of a header line that are looked at; the trainer reads a longer one."""


def target_findings(settings: Settings, root: FilePath) -> Iterator[tuple[Path, str]]:
    """Targets of Mooring's own trainer that are no column of their dataset."""
    for name, model in settings.models.items():
        training = model.training
        if training is None or training.source is not None or training.target is None:
            continue
        dataset = settings.datasets.get(training.dataset)
        if (
            dataset is None
            or not dataset.path
            or dataset.delimiter
            or (dataset.format or FilePath(dataset.path).suffix.lower()) not in ("csv", ".csv")
        ):
            continue
        columns = header(root / dataset.path)
        if columns and training.target not in columns:
            hint = did_you_mean(training.target, columns)
            yield ("models", name, "training", "target"), f"{dataset.path} has no column '{training.target}'{hint}"


def header(file: FilePath) -> list[str]:
    """Names of the columns, without surrounding blanks; none where they cannot be told from the first line.

    What is wrong with such a file is said by whoever reads all of it.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            line = stream.readline(LONGEST)
            return [cell.strip() for cell in next(csv.reader([line], strict=True), [])]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
