"""The settings of a stack: what a user writes under `mooring:` in `stacks/Pulumi.<stack>.yaml`.

One validation for both readers: the Pulumi program takes them from its configuration
(`from_config`), the `mooring` commands from the stack's file (`load`). All that is wrong is reported in
one `InvalidSettings`, a line each, with the file's line number where there is a file.
"""

from __future__ import annotations

from infra.settings.models import (
    Batch,
    Budget,
    Dataset,
    Endpoint,
    FileSource,
    Model,
    Promoted,
    Settings,
    Training,
    Tuning,
)
from infra.settings.problems import InvalidSettings
from infra.settings.reading import from_config, load, parse

__all__ = [
    "Batch",
    "Budget",
    "Dataset",
    "Endpoint",
    "FileSource",
    "InvalidSettings",
    "Model",
    "Promoted",
    "Settings",
    "Training",
    "Tuning",
    "from_config",
    "load",
    "parse",
]
