"""What is kept of retired runs: the newest, as many as the model keeps versions, and those whose version is there."""

from __future__ import annotations

from collections.abc import Iterator

from providers.aws import packages, run_records
from providers.aws.model_groups import Group
from providers.aws.objects import Objects, stack_uri
from providers.aws.sagemaker_jobs import TRAINING, TUNING, Job, SageMakerJobs
from providers.boundaries import boundary


def enforce(group: Group) -> None:
    """Remove retired runs beyond those to keep."""
    keep = group.policy().keep_versions if group.owned() else 0
    retired = [(jobs, job) for jobs, job in _of_model(group) if job.retired]
    retired.sort(key=lambda pair: str(pair[1].body["CreationTime"]), reverse=True)
    spent = retired[keep:]
    if not spent:
        return
    kept = {package.digest for package in packages.listed(group)}
    for jobs, job in spent:
        state = run_records.state(group.objects, job) or {}
        if state.get("digest") not in kept:
            remove(jobs, job)


def purge(group: Group) -> None:
    """Remove all runs of a model that no state holds, and its checkpoints. Those that run end by themselves, and are
    found again by the next deployment of their resource."""
    for jobs, job in _of_model(group):
        if job.has_ended and (job.retired or not job.claimed):
            remove(jobs, job)
    boundary("model:runs-removed")
    group.objects.delete(stack_uri(group.container, group.owner, "checkpoints", group.model))


def remove(jobs: SageMakerJobs, job: Job) -> None:
    """Remove a job that has ended: what is kept of it in S3, then the job, by which it is found."""
    Objects(jobs.region).delete(job.base)
    boundary("run:files-removed")
    jobs.delete(job.name)


def _of_model(group: Group) -> Iterator[tuple[SageMakerJobs, Job]]:
    for words in (TRAINING, TUNING):
        jobs = SageMakerJobs(words, group.region)
        for job in jobs.owned(group.owner):
            if job.model == group.model:
                yield jobs, job
