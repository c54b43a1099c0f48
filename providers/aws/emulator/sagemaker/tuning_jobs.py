"""Hyperparameter tuning jobs: the operations."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from providers.aws.emulator.errors import in_use, not_found, validation
from providers.aws.emulator.sagemaker import listing, tags, training_jobs
from providers.aws.emulator.sagemaker.call import Call, operation
from providers.aws.emulator.sagemaker.tuning import trials
from providers.aws.emulator.sagemaker.tuning.definitions import Definition, check_strategy, definitions
from providers.aws.emulator.sagemaker.tuning.run import KIND, SEED, TERMINAL, TuningRun, parents
from providers.aws.emulator.sagemaker.tuning.trials import Trial
from providers.aws.emulator.state import Thing

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

ARN_KIND = "hyper-parameter-tuning-job"
LONGEST_NAME = "-000-00000000"
"""What is added to a tuning job's name to make a training job's."""


@operation("CreateHyperParameterTuningJob")
def create(call: Call) -> dict[str, Any]:
    """Check the request, and what its training jobs will ask for, as AWS does; then begin."""
    name = call.given["HyperParameterTuningJobName"]
    config = call.given["HyperParameterTuningJobConfig"]
    if call.given.get("Autotune"):
        raise validation("Autotune is not emulated; give the strategy, the ranges and the limits")
    found = definitions(call.given)
    check_strategy(config, found)
    _check_training(call, found)
    _check_parents(call)
    arn = call.arn(ARN_KIND, name)
    seed = config.get("RandomSeed")
    facts: Thing = {
        "HyperParameterTuningJobStatus": "InProgress",
        SEED: secrets.randbelow(2**31) if seed is None else seed,
    }
    trials.write(facts, [])
    with call.state.transaction():
        if call.state.find(KIND, call.region, name):
            raise in_use(
                "Hyperparameter tuning job names must be unique within an AWS account and region, and a "
                f"hyperparameter tuning job with this name already exists ({arn})"
            )
        tags.add(call.state, call.region, arn, call.given.get("Tags"))
        call.state.put(KIND, call.region, name, call.new("HyperParameterTuningJobArn", arn, **facts))
    TuningRun(call.service, call.region, name).begin()
    return {"HyperParameterTuningJobArn": arn}


def _check_training(call: Call, found: list[Definition]) -> None:
    """Raise ApiError for what a training job of any definition would be refused for."""
    for definition in found:
        values = {one.name: "" for one in definition.ranges}
        request = definition.training_job(call.given["HyperParameterTuningJobName"] + LONGEST_NAME, values)
        call.service.model.check("CreateTrainingJob", request)
        training_jobs.check(call.service, call.region, request)


def _check_parents(call: Call) -> None:
    for name in parents(call.given):
        parent = call.state.find(KIND, call.region, name)
        if parent is None:
            raise not_found(_absent(name))
        if parent["HyperParameterTuningJobStatus"] not in TERMINAL:
            raise validation(f"The parent hyperparameter tuning job {name} must be in a terminal state")
        if call.given["WarmStartConfig"]["WarmStartType"] == "IdenticalDataAndAlgorithm":
            ours, theirs = ({_data_and_algorithm(one) for one in definitions(job)} for job in (call.given, parent))
            if ours != theirs:
                raise validation(
                    f"With IdenticalDataAndAlgorithm the input data and the training image must be those of {name}; "
                    "use TransferLearning"
                )


def _data_and_algorithm(definition: Definition) -> str:
    body = definition.body
    return f"{body['AlgorithmSpecification'].get('TrainingImage')} {body.get('InputDataConfig')}"


@operation("DescribeHyperParameterTuningJob")
def describe(call: Call) -> Thing:
    """The job as it stands, with the best that it found."""
    job = _existing(call)
    found = trials.read(job)
    kind = definitions(job)[0].objective["Type"]
    job["BestTrainingJob"] = _summary(call, job, trials.best(found, kind))
    job["TuningJobCompletionDetails"] = {"NumberOfTrainingJobsObjectiveNotImproving": trials.not_improving(found, kind)}
    if (job.get("WarmStartConfig") or {}).get("WarmStartType") == "IdenticalDataAndAlgorithm":
        job["OverallBestTrainingJob"] = _overall_best(call, job, kind)
    return job


def _overall_best(call: Call, job: Thing, kind: str) -> dict[str, Any] | None:
    """The best of this job and of those that it started warm from."""
    jobs = [job, *(call.state.find(KIND, call.region, name) or {} for name in parents(job))]
    found = [(trial, one) for one in jobs for trial in trials.read(one)]
    winner = trials.best([trial for trial, _ in found], kind)
    return next((_summary(call, one, trial) for trial, one in found if trial is winner), None)


def _summary(call: Call, job: Thing, trial: Trial | None) -> dict[str, Any] | None:
    if trial is None:
        return None
    objective = next(one.objective for one in definitions(job) if one.name == trial.definition)
    return trials.summary(call.region, job["HyperParameterTuningJobName"], trial, objective)


@operation("ListHyperParameterTuningJobs")
def list_jobs(call: Call) -> dict[str, Any]:
    """A page of jobs."""
    jobs = call.state.list(KIND, call.region)
    for job in jobs:
        config = job["HyperParameterTuningJobConfig"]
        job |= {"Strategy": config["Strategy"], "ResourceLimits": config["ResourceLimits"]}
    return listing.listed(call, jobs, "HyperParameterTuningJobName", "HyperParameterTuningJobStatus")


@operation("ListTrainingJobsForHyperParameterTuningJob")
def list_training_jobs(call: Call) -> dict[str, Any]:
    """A page of a job's training jobs; by their objective, those that have one."""
    job = _existing(call)
    summaries = [summary for trial in trials.read(job) if (summary := _summary(call, job, trial))]
    if call.given.get("SortBy") == "FinalObjectiveMetricValue":
        member = "FinalHyperParameterTuningJobObjectiveMetric"
        wanted = call.given.get("StatusEquals")
        chosen = [one for one in summaries if one[member] and wanted in (None, one["TrainingJobStatus"])]
        is_falling = call.given.get("SortOrder") == "Descending"
        chosen.sort(key=lambda one: float(one[member]["Value"]), reverse=is_falling)
        shown, token = listing.page(chosen, call.given)
        return {"TrainingJobSummaries": shown, "NextToken": token}
    return listing.listed(call, summaries, "TrainingJobName", "TrainingJobStatus")


@operation("StopHyperParameterTuningJob")
def stop(call: Call) -> None:
    """Stop the job and the training jobs that run for it."""
    job = _existing(call)

    def note(body: Thing) -> None:
        status = body["HyperParameterTuningJobStatus"]
        if status in TERMINAL:
            raise validation(f"The request was rejected because the hyperparameter tuning job is in status {status}.")
        body["HyperParameterTuningJobStatus"] = "Stopping"

    call.state.edit(KIND, call.region, job["HyperParameterTuningJobName"], note)


@operation("DeleteHyperParameterTuningJob")
def delete(call: Call) -> None:
    """Forget a job that has ended; its training jobs stay."""
    job = _existing(call)
    if job["HyperParameterTuningJobStatus"] not in TERMINAL:
        raise validation(
            f"The hyperparameter tuning job {job['HyperParameterTuningJobName']} is in status "
            f"{job['HyperParameterTuningJobStatus']}; stop it first"
        )
    call.state.remove(KIND, call.region, job["HyperParameterTuningJobName"])
    tags.forget(call.state, call.region, job["HyperParameterTuningJobArn"])


def _existing(call: Call) -> Thing:
    name = call.given["HyperParameterTuningJobName"]
    job = call.state.find(KIND, call.region, name)
    if job is None:
        raise not_found(_absent(name))
    return job


def _absent(name: str) -> str:
    return f"Amazon SageMaker can't find a tuning job with the name {name}."


def resume(service: SageMaker) -> None:
    """Go on with the jobs that were under way."""
    for region, name, job in service.state.everywhere(KIND):
        if job["HyperParameterTuningJobStatus"] not in TERMINAL:
            TuningRun(service, region, name).begin()
