"""What a job is and how it stands, as the job folder keeps it. Standard library only: the runner uses it.

::

    <home>/jobs/<id>/job.json      the `JobSpec`, owner included; written once, before anything else
                     status.json   written by the runner: status, processes, exit code, reason, usage
                     result.json   what the kind made of a finished job
                     claimed, retired, stop    markers: empty files
                     lock          held by the runner for as long as it lives
                     log.txt       standard output and standard error of the process
                     work/ …       the folders that the process was given
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

JobStatus = Literal["pending", "running", "succeeded", "failed", "stopping", "stopped"]
ENDED: frozenset[str] = frozenset({"succeeded", "failed", "stopped"})
JOB, STATUS, RESULT, LOCK, LOG = "job.json", "status.json", "result.json", "lock", "log.txt"
CLAIMED, RETIRED, STOP = "claimed", "retired", "stop"


@dataclass(frozen=True)
class Step:
    """One process of a job. The steps run one after the other; the first that fails ends the job.

    `unless` names a file whose existence skips the step; `needs` a folder that must hold something before it,
    or the job fails with `needs_reason`. `environment` is added to the job's.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    unless: str = ""
    needs: str = ""
    needs_reason: str = ""


@dataclass(frozen=True)
class JobSpec:
    """A job: what runs, with which environment and no other, where, and for how long.

    `time_limit` and `grace` are seconds: of the whole job, and from SIGTERM to SIGKILL. `folders` are made, empty,
    before the first step. `data` is the owning kind's own and opaque here.
    """

    id: str
    kind: str
    steps: tuple[Step, ...]
    environment: Mapping[str, str]
    cwd: str
    time_limit: float
    owner: Mapping[str, str] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    grace: float = 5.0
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_record(self) -> dict[str, Any]:
        """The form kept in `job.json`."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> JobSpec:
        """Read it back; lists become tuples again."""
        steps = tuple(Step(**{**step, "argv": tuple(step["argv"])}) for step in record["steps"])
        return cls(**{**record, "steps": steps, "folders": tuple(record["folders"])})


@dataclass(frozen=True)
class JobRecord:
    """A job as it stands. `exit_code` is the shell's: 128 + signal for a killed process."""

    spec: JobSpec
    status: JobStatus = "pending"
    created: str = ""
    started: str = ""
    ended: str = ""
    exit_code: int | None = None
    reason: str = ""
    usage: Mapping[str, float] = field(default_factory=dict)
    claimed: bool = False
    retired: bool = False
    runner: Mapping[str, Any] | None = None
    process: Mapping[str, Any] | None = None

    @property
    def id(self) -> str:
        """The job's id."""
        return self.spec.id

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it runs any more."""
        return self.status in ENDED

    @property
    def owner(self) -> Mapping[str, str]:
        """project, stack, urn, inputs."""
        return self.spec.owner
