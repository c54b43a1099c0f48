"""Training jobs: the operations."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from providers.aws.emulator import images
from providers.aws.emulator.account import arn
from providers.aws.emulator.errors import in_use, validation
from providers.aws.emulator.sagemaker import listing, permissions, quotas, tags
from providers.aws.emulator.sagemaker.call import Call, operation
from providers.aws.emulator.sagemaker.training import container, inputs
from providers.aws.emulator.sagemaker.training.log_metrics import compiled
from providers.aws.emulator.sagemaker.training.run import KIND, TERMINAL, TOLD, TrainingRun
from providers.aws.emulator.state import Thing

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

LONGEST_RUN = 86400
"""Seconds that a job may run where its request does not say."""
_NOT_EMULATED = ("DebugRuleConfigurations", "ProfilerRuleConfigurations", "ServerlessJobConfig", "ModelPackageConfig")
_SWITCHES = {"RemoteDebugConfig": "EnableRemoteDebug", "InfraCheckConfig": "EnableInfraCheck"}
"""What is accepted switched off. `DebugHookConfig` and `ProfilerConfig`, which the SDK sends by itself, are kept and do
nothing, as in an image without the debugger's library."""


@operation("CreateTrainingJob")
def create(call: Call) -> dict[str, Any]:
    """Check the request as AWS does, write the job down, and begin it."""
    return {"TrainingJobArn": create_job(call.service, call.region, call.given)["TrainingJobArn"]}


def create_job(service: SageMaker, region: str, given: dict[str, Any], **facts: Any) -> Thing:
    """The new job of a request that fits the service model; `facts` are laid over its description.

    Raises ApiError, and then there is no job.
    """
    name = given["TrainingJobName"]
    own = arn(region, "training-job", name)
    check(service, region, given)
    now = time.time()
    stopping = {"MaxRuntimeInSeconds": LONGEST_RUN} | (given.get("StoppingCondition") or {})
    body: Thing = {name: value for name, value in given.items() if name != "Tags"} | {
        "TrainingJobArn": own,
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Starting",
        "SecondaryStatusTransitions": [{"Status": "Starting", "StartTime": now, "StatusMessage": TOLD["Starting"]}],
        "CreationTime": now,
        "LastModifiedTime": now,
        "FinalMetricDataList": [],
        "StoppingCondition": stopping,
        "EnableNetworkIsolation": bool(given.get("EnableNetworkIsolation")),
        "EnableInterContainerTrafficEncryption": bool(given.get("EnableInterContainerTrafficEncryption")),
        "EnableManagedSpotTraining": bool(given.get("EnableManagedSpotTraining")),
        **facts,
    }
    with service.state.transaction():
        if service.state.find(KIND, region, name):
            raise in_use(
                "Training job names must be unique within an AWS account and region, and a training job with this "
                f"name already exists ({own})"
            )
        tags.add(service.state, region, own, given.get("Tags"))
        service.state.put(KIND, region, name, body)
    TrainingRun(service, region, name).begin()
    return body


def check(service: SageMaker, region: str, given: dict[str, Any]) -> None:
    """Raise ApiError for a request that AWS would refuse, or that is not emulated."""
    algorithm = given["AlgorithmSpecification"]
    for name in (*_NOT_EMULATED, *_SWITCHES):
        if given.get(name) and (name not in _SWITCHES or given[name].get(_SWITCHES[name])):
            raise validation(f"{name} is not emulated by Mooring (docs/emulators.md)")
    if algorithm.get("AlgorithmName"):
        raise validation("AlgorithmName is not emulated by Mooring; name the image as TrainingImage")
    if not algorithm.get("TrainingImage"):
        raise validation("AlgorithmSpecification: either TrainingImage or AlgorithmName must be given")
    images.resolve(algorithm["TrainingImage"], service.clients.get("ecr", region))
    for definition in algorithm.get("MetricDefinitions") or ():
        compiled(definition)
    machine = given["ResourceConfig"]
    kind = machine.get("InstanceType") or "several instance types"
    quotas.check(kind, "training job", inputs.machines(machine))
    permissions.require_role(region, given["RoleArn"])
    _check_spot(given)
    kept = str((given.get("CheckpointConfig") or {}).get("LocalPath") or container.CHECKPOINTS)
    if not kept.startswith(f"{container.BASE}/") or ".." in Path(kept).parts:
        raise validation(f"CheckpointConfig.LocalPath {kept} is not below {container.BASE}")
    inputs.check(given, service.clients.get("s3", region))


def _check_spot(given: dict[str, Any]) -> None:
    condition = given.get("StoppingCondition") or {}
    wait, run = condition.get("MaxWaitTimeInSeconds"), condition.get("MaxRuntimeInSeconds", LONGEST_RUN)
    if given.get("EnableManagedSpotTraining"):
        if wait is None or wait < run:
            raise validation(
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds "
                "when EnableManagedSpotTraining is true"
            )
    elif wait is not None:
        raise validation("Invalid MaxWaitTimeInSeconds. It is only for jobs with EnableManagedSpotTraining")


@operation("DescribeTrainingJob")
def describe(call: Call) -> dict[str, Any]:
    """The job as it stands."""
    return _existing(call)


@operation("ListTrainingJobs")
def list_jobs(call: Call) -> dict[str, Any]:
    """A page of jobs."""
    return listing.listed(call, call.state.list(KIND, call.region), "TrainingJobName", "TrainingJobStatus")


@operation("StopTrainingJob")
def stop(call: Call) -> dict[str, Any]:
    """Have the job end; what it has of a model by then is kept."""
    stop_job(call.service, call.region, _existing(call)["TrainingJobName"])
    return {}


def stop_job(service: SageMaker, region: str, name: str) -> None:
    """Tell a job to stop. Raises ApiError for one that has ended."""

    def note(body: Thing) -> None:
        if body["TrainingJobStatus"] in TERMINAL:
            raise validation(
                f"The request was rejected because the training job is in status {body['TrainingJobStatus']}."
            )
        if body["TrainingJobStatus"] == "Stopping":
            return
        now = time.time()
        body["SecondaryStatusTransitions"][-1].setdefault("EndTime", now)
        body["SecondaryStatusTransitions"].append(
            {"Status": "Stopping", "StartTime": now, "StatusMessage": TOLD["Stopping"]}
        )
        body |= {"TrainingJobStatus": "Stopping", "SecondaryStatus": "Stopping"}

    service.state.edit(KIND, region, name, note)
    run = TrainingRun(service, region, name)
    run.begin()
    service.work.begin(f"stop:{run.key}", run.stop)


@operation("DeleteTrainingJob")
def delete(call: Call) -> dict[str, Any]:
    """Forget a job that has ended."""
    job = _existing(call)
    if job["TrainingJobStatus"] not in TERMINAL:
        raise in_use(f"The training job {job['TrainingJobArn']} is in status {job['TrainingJobStatus']}; stop it first")
    TrainingRun(call.service, call.region, job["TrainingJobName"]).tidy()
    call.state.remove(KIND, call.region, job["TrainingJobName"])
    tags.forget(call.state, call.region, job["TrainingJobArn"])
    return {}


def _existing(call: Call) -> Thing:
    job = call.state.find(KIND, call.region, call.given["TrainingJobName"])
    if job is None:
        raise validation("Requested resource not found.")
    return job


def resume(service: SageMaker) -> None:
    """Go on with the jobs that were under way, and with the tidying up of those that had just ended."""
    for region, name, job in service.state.everywhere(KIND):
        run = TrainingRun(service, region, name)
        if job["TrainingJobStatus"] not in TERMINAL or run.is_left:
            run.begin()
        if job["TrainingJobStatus"] == "Stopping":
            service.work.begin(f"stop:{run.key}", run.stop)
