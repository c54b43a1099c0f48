"""Processing jobs: the operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from providers.aws.emulator import images
from providers.aws.emulator.errors import in_use, not_found, validation
from providers.aws.emulator.sagemaker import listing, permissions, quotas, tags
from providers.aws.emulator.sagemaker.call import Call, operation
from providers.aws.emulator.sagemaker.processing import container, paths
from providers.aws.emulator.sagemaker.processing.run import KIND, TERMINAL, ProcessingRun
from providers.aws.emulator.state import Thing

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

ARN_KIND = "processing-job"
LONGEST_RUN = 86400
"""Seconds that a job may run where its request does not say."""


@operation("CreateProcessingJob")
def create(call: Call) -> dict[str, Any]:
    """Check the request as AWS does, write the job down, and begin it."""
    name = call.given["ProcessingJobName"]
    arn = call.arn(ARN_KIND, name)
    _check(call)
    stopping = call.given.get("StoppingCondition") or {"MaxRuntimeInSeconds": LONGEST_RUN}
    body = call.new("ProcessingJobArn", arn, ProcessingJobStatus="InProgress", StoppingCondition=stopping)
    with call.state.transaction():
        if call.state.find(KIND, call.region, name):
            raise in_use(
                "Job name must be unique within an AWS account and region, and a job with this name already exists "
                f"({arn})"
            )
        tags.add(call.state, call.region, arn, call.given.get("Tags"))
        call.state.put(KIND, call.region, name, body)
    ProcessingRun(call.service, call.region, name).begin()
    return {"ProcessingJobArn": arn}


def _check(call: Call) -> None:
    given = call.given
    if given.get("ExperimentConfig"):
        raise validation("ExperimentConfig is not emulated by Mooring for processing jobs (docs/emulators.md)")
    if not given["AppSpecification"].get("ContainerEntrypoint"):
        raise validation("ContainerEntrypoint must be given: an image's own entry point is not emulated by Mooring")
    kind, machines = container.machines(given)
    if not kind:
        raise validation("ClusterConfig must have an InstanceType or InstancePreferences")
    quotas.check(kind, "processing job", machines)
    permissions.require_role(call.region, given["RoleArn"])
    images.resolve(given["AppSpecification"]["ImageUri"], call.service.clients.get("ecr", call.region))
    paths.check(given)


@operation("DescribeProcessingJob")
def describe(call: Call) -> Thing:
    """The job as it stands."""
    return _existing(call)


@operation("ListProcessingJobs")
def list_jobs(call: Call) -> dict[str, Any]:
    """A page of jobs."""
    return listing.listed(call, call.state.list(KIND, call.region), "ProcessingJobName", "ProcessingJobStatus")


@operation("StopProcessingJob")
def stop(call: Call) -> None:
    """Have the job end."""

    def note(body: Thing) -> None:
        if body["ProcessingJobStatus"] in TERMINAL:
            raise validation(
                f"The request was rejected because the processing job is in status {body['ProcessingJobStatus']}."
            )
        body["ProcessingJobStatus"] = "Stopping"

    call.state.edit(KIND, call.region, _existing(call)["ProcessingJobName"], note)


@operation("DeleteProcessingJob")
def delete(call: Call) -> None:
    """Forget a job that has ended."""
    job = _existing(call)
    if job["ProcessingJobStatus"] not in TERMINAL:
        raise in_use(
            f"The processing job {job['ProcessingJobArn']} is in status {job['ProcessingJobStatus']}; stop it first"
        )
    ProcessingRun(call.service, call.region, job["ProcessingJobName"]).tidy()
    call.state.remove(KIND, call.region, job["ProcessingJobName"])
    tags.forget(call.state, call.region, job["ProcessingJobArn"])


def _existing(call: Call) -> Thing:
    name = call.given["ProcessingJobName"]
    job = call.state.find(KIND, call.region, name)
    if job is None:
        raise not_found(f"Could not find requested job with name: {name}")
    return job


def resume(service: SageMaker) -> None:
    """Go on with the jobs that were under way, and with the tidying up of those that had just ended."""
    for region, name, job in service.state.everywhere(KIND):
        run = ProcessingRun(service, region, name)
        if job["ProcessingJobStatus"] not in TERMINAL or run.is_left:
            run.begin()
