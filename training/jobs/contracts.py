"""Which platform's contract holds, and the job under it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from training.errors import TrainingError, nearest
from training.jobs import azureml, local, sagemaker, vertex
from training.jobs.job import Job
from training.jobs.reporting import Reporter

VARIABLE = "MOORING_CONTRACT"
"""Names the contract; without it, the environment tells."""


@dataclass(frozen=True)
class Contract:
    """One platform's way to hand over a job."""

    name: str
    applies: Callable[[Mapping[str, str]], bool]
    read: Callable[[Sequence[str], Mapping[str, str]], Job]
    reporter: Callable[[Mapping[str, str]], Reporter] = lambda environment: Reporter()
    """Tells of what went wrong before there was a job."""


CONTRACTS = {
    contract.name: contract
    for contract in (
        Contract(local.NAME, local.applies, local.local_job),
        Contract(sagemaker.NAME, sagemaker.applies, sagemaker.sagemaker_job, sagemaker.reporter),
        Contract(azureml.NAME, azureml.applies, azureml.azureml_job),
        Contract(vertex.NAME, vertex.applies, vertex.vertex_job),
    )
}
"""In the order of detection: Mooring's own variables come first, as a trial of a tuning has them on any platform."""


def contract_of(environment: Mapping[str, str] = os.environ) -> Contract:
    """The contract that `MOORING_CONTRACT` names, else the first that the environment fits, else `local`.

    Raises TrainingError for an unknown name.
    """
    if name := environment.get(VARIABLE):
        if name not in CONTRACTS:
            raise TrainingError(f"{VARIABLE}: there is no contract '{name}'{nearest(name, CONTRACTS)}")
        return CONTRACTS[name]
    fitting = (contract for contract in CONTRACTS.values() if contract.applies(environment))
    return next(fitting, CONTRACTS[local.NAME])


def current_job(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Job:
    """The job of this process. Raises TrainingError for what is missing or malformed."""
    return contract_of(environment).read(arguments, environment)
