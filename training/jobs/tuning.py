"""What a tuning is told to search, under any contract."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.jobs.job import Job

FILE_VARIABLE = "MOORING_TUNING_FILE"
DEFAULTS = {"strategy": "bayesian", "trials": 10, "parallelTrials": 1}


def configuration(job: Job, environment: Mapping[str, str]) -> dict[str, Any]:
    """The tuning's configuration, from the file or from the hyperparameter `tuning`; all other ones are fixed ones.

    Raises TrainingError when there is none, or it is not JSON.
    """
    fixed = dict(job.hyperparameters)
    text, origin = fixed.pop("tuning", ""), "--tuning"
    if file := environment.get(FILE_VARIABLE):
        text, origin = Path(file).read_text(encoding="utf-8"), file
    if not text:
        raise TrainingError("--tuning is missing; it takes the space, objective, strategy and trials as JSON")
    try:
        config = json.loads(text)
    except ValueError as error:
        raise TrainingError(f"{origin}: not JSON ({error})") from error
    if not isinstance(config, dict) or not {"space", "objective"} <= config.keys():
        raise TrainingError(f"{origin}: a JSON object with 'space' and 'objective' is expected")
    return {**DEFAULTS, **config, "hyperparameters": {**fixed, **config.get("hyperparameters", {})}}
