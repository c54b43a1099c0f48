"""Batch transform jobs: the operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from providers.aws.emulator.errors import in_use, not_found, validation
from providers.aws.emulator.sagemaker import listing, models, quotas, tags
from providers.aws.emulator.sagemaker.call import Call, operation
from providers.aws.emulator.sagemaker.transform import sources
from providers.aws.emulator.sagemaker.transform.data_processing import DataProcessing
from providers.aws.emulator.sagemaker.transform.manner import DEFAULT_MEGABYTES
from providers.aws.emulator.sagemaker.transform.run import KIND, TERMINAL, TransformRun
from providers.aws.emulator.state import Thing

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

ARN_KIND = "transform-job"
MOST_MEGABYTES = 100
"""Megabytes of all payloads that may be under way at once."""


@operation("CreateTransformJob")
def create(call: Call) -> dict[str, Any]:
    """Check the request as AWS does, write the job down, and begin it."""
    name = call.given["TransformJobName"]
    arn = call.arn(ARN_KIND, name)
    _check(call)
    with call.state.transaction():
        if call.state.find(KIND, call.region, name):
            raise in_use(
                "Job name must be unique within an AWS account and region, and a job with this name already exists "
                f"({arn})"
            )
        tags.add(call.state, call.region, arn, call.given.get("Tags"))
        call.state.put(KIND, call.region, name, call.new("TransformJobArn", arn, TransformJobStatus="InProgress"))
    TransformRun(call.service, call.region, name).begin()
    return {"TransformJobArn": arn}


def _check(call: Call) -> None:
    given = call.given
    for member in ("DataCaptureConfig", "ExperimentConfig"):
        if given.get(member):
            raise validation(f"{member} is not emulated by Mooring for transform jobs (docs/emulators.md)")
    models.existing(call, given["ModelName"])
    resources = given["TransformResources"]
    quotas.check(resources["InstanceType"], "transform job", resources["InstanceCount"])
    sources.check(given)
    DataProcessing.of(given)
    megabytes = given.get("MaxPayloadInMB")
    if megabytes is not None and megabytes > MOST_MEGABYTES:
        raise validation(f"MaxPayloadInMB cannot be greater than {MOST_MEGABYTES}")
    concurrent = given.get("MaxConcurrentTransforms") or 1
    if concurrent * (DEFAULT_MEGABYTES if megabytes is None else megabytes) > MOST_MEGABYTES:
        raise validation(f"The value of MaxConcurrentTransforms * MaxPayloadInMB cannot exceed {MOST_MEGABYTES}")


@operation("DescribeTransformJob")
def describe(call: Call) -> Thing:
    """The job as it stands."""
    return _existing(call)


@operation("ListTransformJobs")
def list_jobs(call: Call) -> dict[str, Any]:
    """A page of jobs."""
    return listing.listed(call, call.state.list(KIND, call.region), "TransformJobName", "TransformJobStatus")


@operation("StopTransformJob")
def stop(call: Call) -> None:
    """Have the job end; results of objects that are done stay."""

    def note(body: Thing) -> None:
        if body["TransformJobStatus"] in TERMINAL:
            raise validation(
                f"The request was rejected because the transform job is in status {body['TransformJobStatus']}."
            )
        body["TransformJobStatus"] = "Stopping"

    call.state.edit(KIND, call.region, _existing(call)["TransformJobName"], note)


def _existing(call: Call) -> Thing:
    name = call.given["TransformJobName"]
    job = call.state.find(KIND, call.region, name)
    if job is None:
        raise not_found(f"Could not find requested job with name: {name}")
    return job


def resume(service: SageMaker) -> None:
    """Go on with the jobs that were under way."""
    for region, name, job in service.state.everywhere(KIND):
        if job["TransformJobStatus"] not in TERMINAL:
            TransformRun(service, region, name).begin()
