"""What is kept of retired versions and runs, and how all of a model goes in the end.

The newest retired versions stay, as many as the model keeps; what an endpoint serves or a state holds always stays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from providers.boundaries import boundary
from providers.local import records
from providers.local.home import component
from providers.local.jobs import checkpoints
from providers.local.jobs.job_records import JobRecord
from providers.local.jobs.jobs import Jobs
from providers.local.storage import Store
from providers.local.store.groups import Group

_DIGEST = re.compile(rb"sha256:[0-9a-f]{64}")
KEEP = 5
"""Retired versions kept where no `Model` resource says otherwise."""


def owned(home: Path, project: str, stack: str, model: str) -> bool:
    """Whether a `Model` resource owns what is retired."""
    return Group(home, project, stack, model).owned()


def served_digests(home: Path) -> set[str]:
    """Digests of all versions that any endpoint of this home names, whatever stage it is in."""
    found: set[str] = set()
    for path in records.below(home / "endpoints"):
        try:
            found |= {match.decode() for match in _DIGEST.findall(path.read_bytes())}
        except OSError:  # an endpoint that is going away
            continue
    return found


def enforce(home: Path, project: str, stack: str, model: str) -> None:
    """Remove retired versions and runs beyond those to keep."""
    group = Group(home, project, stack, model)
    with group.lock():
        keep = int(group.load().get("keep_versions", KEEP)) if group.owned() else 0
        served = served_digests(home)
        retired = [
            version for version in group.versions() if not version["holders"] and version["digest"] not in served
        ]
        for version in retired[: max(0, len(retired) - keep)]:
            Store(home).delete(version["uri"])
            boundary("version:bytes-removed")
            group.remove_version(version["number"])
        kept = {version["digest"] for version in group.versions()}
        if not kept and not group.owned() and not group.intakes():
            group.remove()
    _enforce_runs(home, project, stack, model, keep, kept)


def _enforce_runs(home: Path, project: str, stack: str, model: str, keep: int, kept: set[str]) -> None:
    jobs = Jobs(home)
    retired = [record for record in _jobs_of(jobs, project, stack, model) if record.retired]
    for record in retired[keep:]:
        result = jobs.result(record.id) or {}
        if result.get("state", {}).get("digest") not in kept:
            purge_job(home, record.id)


def _jobs_of(jobs: Jobs, project: str, stack: str, model: str) -> list[JobRecord]:
    return [
        record
        for record in jobs.list()
        if (record.owner.get("project"), record.owner.get("stack"), record.spec.data.get("model"))
        == (project, stack, model)
    ]


def purge_model(home: Path, project: str, stack: str, model: str) -> None:
    """Remove all of a model that no state holds: versions, runs, checkpoints, the group."""
    jobs = Jobs(home)
    for record in _jobs_of(jobs, project, stack, model):
        if record.retired or not record.claimed:
            purge_job(home, record.id)
    boundary("model:runs-removed")
    checkpoints.forget_model(home, project, stack, model)
    group = Group(home, project, stack, model)
    with group.lock():
        for intake in group.intakes():
            if not intake["claimed"]:
                group.remove_intake(intake["id"])
        for version in group.versions():
            if not version["holders"]:
                Store(home).delete(version["uri"])
                group.remove_version(version["number"])
        if not group.versions() and not group.intakes():
            Store(home).delete_key(group.key)
            group.remove()


def purge_job(home: Path, id: str, *, keep_checkpoints: bool = False) -> None:
    """Remove a job and all that it left; silent when it is gone."""
    jobs = Jobs(home)
    record = jobs.find(id)
    if record is None:
        return
    jobs.stop(id)
    Store(home).delete_key(job_key(record.owner, id))
    if not keep_checkpoints:
        checkpoints.forget(home, record.owner)
    jobs.delete(id)


def job_key(owner: Mapping[str, str], id: str) -> str:
    """The store's key for what a job leaves."""
    return "/".join([component(owner["project"]), component(owner["stack"]), "runs", id])
