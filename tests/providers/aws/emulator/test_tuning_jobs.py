"""Tuning jobs: each trial is a training job, the search learns from them, and the job ends as AWS's do."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_emulator import RunningEmulator
from training_requests import Bench

Unique = Callable[[str], str]
SCRIPT = """
import sys
given = {name.lstrip("-"): value for name, value in zip(sys.argv[1::2], sys.argv[2::2])}
assert "_tuning_objective_metric" not in given
x = float(given.get("x", 0.5))
print(f"validation:score={1 - abs(x - 0.3):.6f};")
"""
SLOW = SCRIPT + "import time; time.sleep(60)"
SILENT = "print('nothing to report')"
BROKEN = "raise ValueError('no luck')"
EPOCHS = """
import sys, time
given = {name.lstrip("-"): value for name, value in zip(sys.argv[1::2], sys.argv[2::2])}
for epoch in range(int(given["epochs"])):
    print(f"validation:score={float(given['x']) * (epoch + 1):.6f};", flush=True)
    time.sleep(float(given["pause"]))
"""
X = {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "0.0", "MaxValue": "1.0"}]}
LETTERS = {
    "CategoricalParameterRanges": [{"Name": "letter", "Values": ["a", "b"]}, {"Name": "digit", "Values": ["1", "2"]}]
}
TERMINAL = ("Completed", "Failed", "Stopped")


class Tuning(Bench):
    """A bench that tunes."""

    def job(
        self, name: str, code: str, strategy: str = "Random", most: int | None = 2, parallel: int = 2, **changes: Any
    ) -> dict[str, Any]:
        """A whole request; `static`, `limits`, `ranges` and members of the configuration may be changed."""
        training = self.request("", self.code(code), hyperparameters=changes.pop("static", {}))
        training["StaticHyperParameters"] = training.pop("HyperParameters")
        del training["TrainingJobName"]
        limits = {"MaxParallelTrainingJobs": parallel, **changes.pop("limits", {})}
        further = {member: changes.pop(member) for member in ("WarmStartConfig", "Tags") if member in changes}
        return {
            "HyperParameterTuningJobName": name,
            "HyperParameterTuningJobConfig": {
                "Strategy": strategy,
                "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "score"},
                "ResourceLimits": limits | ({"MaxNumberOfTrainingJobs": most} if most else {}),
                "ParameterRanges": changes.pop("ranges", X),
                **changes,
            },
            "TrainingJobDefinition": training,
            **further,
        }

    def tune(self, name: str, code: str, *args: Any, **changes: Any) -> dict[str, Any]:
        """Create a job and wait for its end."""
        self.sagemaker.create_hyper_parameter_tuning_job(**self.job(name, code, *args, **changes))
        return self.ended(name)

    def ended(self, name: str, until: Callable[[dict[str, Any]], bool] | None = None) -> dict[str, Any]:
        """The job once it has ended, or once `until` is true of it."""
        until = until or (lambda job: job["HyperParameterTuningJobStatus"] in TERMINAL)
        deadline = time.monotonic() + 120
        while True:
            job: dict[str, Any] = self.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
            if until(job):
                return job
            assert time.monotonic() < deadline, f"{job}\n{self.running.log.read_text()[-3000:]}"
            time.sleep(0.05)

    def trials(self, name: str, **how: Any) -> list[dict[str, Any]]:
        """Summaries of a job's training jobs."""
        reply = self.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name, MaxResults=100, **how
        )
        found: list[dict[str, Any]] = reply["TrainingJobSummaries"]
        return found


@pytest.fixture(scope="module")
def bench(emulator: RunningEmulator) -> Tuning:
    return Tuning(emulator, f"tuning-{time.time_ns()}")


@pytest.fixture(scope="module")
def done(bench: Tuning) -> dict[str, Any]:
    """A Bayesian job of seven trials that is over."""
    return bench.tune(f"done-{uuid.uuid4().hex[:10]}", SCRIPT, "Bayesian", 7, RandomSeed=1)


@pytest.fixture
def name(unique: Unique) -> str:
    return unique("tune")


def values(trials: list[dict[str, Any]]) -> list[float]:
    """Objectives of trials."""
    return [trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for trial in trials]


def refused(bench: Tuning, words: str, request: dict[str, Any], code: str = "ValidationException") -> None:
    """Assert that a request is refused, and that there is no job then."""
    with pytest.raises(ClientError) as caught:
        bench.sagemaker.create_hyper_parameter_tuning_job(**request)
    assert caught.value.response["Error"]["Code"] == code
    assert words in caught.value.response["Error"]["Message"]


def test_each_trial_is_a_training_job_and_the_best_is_named(bench: Tuning, name: str) -> None:
    job = bench.tune(name, SCRIPT, most=3, RandomSeed=7, Tags=[{"Key": "team", "Value": "x"}])
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["HyperParameterTuningJobArn"] == (
        f"arn:aws:sagemaker:us-east-1:123456789012:hyper-parameter-tuning-job/{name}"
    )
    assert job["TrainingJobStatusCounters"] == {
        "Completed": 3, "InProgress": 0, "RetryableError": 0, "NonRetryableError": 0, "Stopped": 0,
    }  # fmt: skip
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 3, "Pending": 0, "Failed": 0}
    trials = bench.trials(name)
    assert [trial["TrainingJobName"][:-8] for trial in trials] == [f"{name}-{n:03}-" for n in (1, 2, 3)]
    assert all(re.fullmatch(r"[0-9a-f]{8}", trial["TrainingJobName"][-8:]) for trial in trials)
    assert job["BestTrainingJob"] == max(
        trials, key=lambda trial: trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    )
    best = job["BestTrainingJob"]
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["MetricName"] == "score"
    x = float(best["TunedHyperParameters"]["x"])
    assert max(values(trials)) == pytest.approx(1 - abs(x - 0.3), abs=1e-5)
    training = bench.sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"])
    assert training["TuningJobArn"] == job["HyperParameterTuningJobArn"]
    assert training["HyperParameters"]["x"] == best["TunedHyperParameters"]["x"]
    assert training["HyperParameters"]["_tuning_objective_metric"] == "score"
    tags = bench.sagemaker.list_tags(ResourceArn=best["TrainingJobArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "x"}]


def test_the_same_seed_draws_the_same_values(bench: Tuning, unique: Unique) -> None:
    drawn = []
    for seed in (5, 5, 6):
        job = unique("seed")
        bench.tune(job, SCRIPT, most=1, RandomSeed=seed)
        drawn.append([trial["TunedHyperParameters"]["x"] for trial in bench.trials(job)])
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_grid_tries_each_combination_once(bench: Tuning, name: str) -> None:
    job = bench.tune(name, SCRIPT, "Grid", None, ranges=LETTERS)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    tuned = [trial["TunedHyperParameters"] for trial in bench.trials(name)]
    tried = sorted(one["letter"] + one["digit"] for one in tuned)
    assert tried == ["a1", "a2", "b1", "b2"]


def test_a_bayesian_search_is_carried_out(bench: Tuning, done: dict[str, Any]) -> None:
    assert done["HyperParameterTuningJobStatus"] == "Completed"
    trials = bench.trials(done["HyperParameterTuningJobName"])
    assert len({trial["TunedHyperParameters"]["x"] for trial in trials}) == 7
    assert values([done["BestTrainingJob"]])[0] == max(values(trials)) > 0.8


def test_hyperband_stops_what_promises_little(bench: Tuning, name: str) -> None:
    band = {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}}
    job = bench.tune(name, EPOCHS, "Hyperband", 7, 2, static={"epochs": "9", "pause": "0.1"}, StrategyConfig=band,
                     RandomSeed=3)  # fmt: skip
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    trials = bench.trials(name)
    stopped = [trial for trial in trials if trial["TrainingJobStatus"] == "Stopped"]
    assert job["TrainingJobStatusCounters"]["Stopped"] == len(stopped) > 0
    assert all(trial["ObjectiveStatus"] == "Succeeded" for trial in trials)
    assert job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == max(values(trials))


def test_early_stopping_compares_with_the_median(bench: Tuning, name: str) -> None:
    ranges = {"CategoricalParameterRanges": [{"Name": "x", "Values": ["0.1", "0.9", "0.8", "0.7", "0.6"]}]}
    job = bench.tune(name, EPOCHS, "Grid", None, 1, ranges=ranges, static={"epochs": "4", "pause": "0.1"},
                     TrainingJobEarlyStoppingType="Auto", RandomSeed=2)  # fmt: skip
    states = {trial["TunedHyperParameters"]["x"]: trial["TrainingJobStatus"] for trial in bench.trials(name)}
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert states["0.9"] == "Completed"
    assert "Stopped" in states.values()


def test_the_target_ends_the_job_and_what_runs(bench: Tuning, name: str) -> None:
    criteria = {"TargetObjectiveMetricValue": 0.2}
    job = bench.tune(name, SCRIPT, most=50, TuningJobCompletionCriteria=criteria)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert len(bench.trials(name)) < 6
    assert job["TrainingJobStatusCounters"]["InProgress"] == 0


def test_no_improvement_ends_the_job(bench: Tuning, name: str) -> None:
    ranges = {"CategoricalParameterRanges": [{"Name": "other", "Values": ["a", "b"]}]}
    criteria = {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}
    job = bench.tune(name, SCRIPT, most=50, parallel=1, ranges=ranges, TuningJobCompletionCriteria=criteria)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert len(bench.trials(name)) == 4
    assert job["TuningJobCompletionDetails"]["NumberOfTrainingJobsObjectiveNotImproving"] == 3


def test_a_metric_that_never_comes_fails_the_job(bench: Tuning, name: str) -> None:
    job = bench.tune(name, SILENT, most=2)
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"] == (
        "No objective metrics found after running 2 training jobs. Please ensure that the custom algorithm is emitting "
        "the objective metric as defined by the regular expression provided."
    )
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 0, "Pending": 0, "Failed": 2}
    assert job["TrainingJobStatusCounters"]["Completed"] == 2
    assert "BestTrainingJob" not in job


def test_five_failures_end_the_job(bench: Tuning, name: str) -> None:
    job = bench.tune(name, BROKEN, most=20, parallel=1)
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"] == (
        "No training job succeeded after 5 attempts. Please take a look at the training job failures to get more "
        "details."
    )
    trials = bench.trials(name)
    assert [trial["TrainingJobStatus"] for trial in trials] == ["Failed"] * 5
    assert "no luck" in trials[0]["FailureReason"]


def test_few_failures_are_all_of_them(bench: Tuning, name: str) -> None:
    job = bench.tune(name, BROKEN, most=2)
    assert job["FailureReason"] == (
        "All training jobs failed. Please take a look at the training jobs failures to get more details."
    )


def test_a_stop_ends_what_runs(bench: Tuning, name: str) -> None:
    bench.sagemaker.create_hyper_parameter_tuning_job(**bench.job(name, SLOW, most=9))
    bench.ended(name, until=lambda job: job["TrainingJobStatusCounters"]["InProgress"] == 2)
    bench.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    job = bench.ended(name)
    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert [trial["TrainingJobStatus"] for trial in bench.trials(name)] == ["Stopped", "Stopped"]
    with pytest.raises(ClientError, match="is in status Stopped"):
        bench.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


def test_trials_are_listed_by_objective_and_status(bench: Tuning, done: dict[str, Any]) -> None:
    name = done["HyperParameterTuningJobName"]
    by = {"SortBy": "FinalObjectiveMetricValue"}
    assert values(bench.trials(name, **by)) == sorted(values(bench.trials(name)))
    falling = values(bench.trials(name, SortOrder="Descending", **by))
    assert falling == sorted(falling, reverse=True)
    assert bench.trials(name, StatusEquals="Failed") == []
    assert len(bench.trials(name, StatusEquals="Completed")) == 7
    (summary,) = bench.sagemaker.list_hyper_parameter_tuning_jobs(NameContains=name)["HyperParameterTuningJobSummaries"]
    assert (summary["Strategy"], summary["ResourceLimits"]["MaxNumberOfTrainingJobs"]) == ("Bayesian", 7)


def test_a_warm_start_knows_its_parents(bench: Tuning, unique: Unique, done: dict[str, Any]) -> None:
    parent, child = done["HyperParameterTuningJobName"], unique("child")
    warm = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": parent}],
        "WarmStartType": "IdenticalDataAndAlgorithm",
    }
    job = bench.tune(child, SCRIPT, "Bayesian", 1, RandomSeed=1, WarmStartConfig=warm)
    best = max((done, job), key=lambda one: values([one["BestTrainingJob"]])[0])["BestTrainingJob"]
    assert job["OverallBestTrainingJob"] == best
    assert job["OverallBestTrainingJob"]["TuningJobName"] in (parent, child)
    other = bench.job(unique("other"), SCRIPT, most=1, WarmStartConfig=warm)
    other["TrainingJobDefinition"]["InputDataConfig"] = [bench.channel("test", "data/")]
    refused(bench, "use TransferLearning", other)
    warm["WarmStartType"] = "TransferLearning"
    bench.sagemaker.create_hyper_parameter_tuning_job(**other)
    assert "OverallBestTrainingJob" not in bench.ended(other["HyperParameterTuningJobName"])


def test_definitions_take_turns(bench: Tuning, name: str) -> None:
    request = bench.job(name, SCRIPT, most=4)
    config, training = request["HyperParameterTuningJobConfig"], request.pop("TrainingJobDefinition")
    objective, ranges = config.pop("HyperParameterTuningJobObjective"), config.pop("ParameterRanges")
    request["TrainingJobDefinitions"] = [
        {**training, "DefinitionName": own, "TuningObjective": objective, "HyperParameterRanges": ranges}
        for own in ("one", "two")
    ]
    bench.sagemaker.create_hyper_parameter_tuning_job(**request)
    job = bench.ended(name)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert [trial["TrainingJobDefinitionName"] for trial in bench.trials(name)] == ["one", "two", "one", "two"]
    assert job["BestTrainingJob"]["TrainingJobDefinitionName"] in ("one", "two")
    request["TrainingJobDefinitions"][1]["DefinitionName"] = "one"
    refused(bench, "must have a DefinitionName of its own", request)


def test_a_name_is_taken_once_and_free_after_deletion(bench: Tuning, name: str) -> None:
    bench.tune(name, SCRIPT, most=1)
    refused(bench, "Hyperparameter tuning job names must be unique", bench.job(name, SCRIPT), "ResourceInUse")
    (trial,) = bench.trials(name)
    bench.sagemaker.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    with pytest.raises(ClientError, match="can't find a tuning job") as caught:
        bench.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert caught.value.response["Error"]["Code"] == "ResourceNotFound"
    left = bench.sagemaker.describe_training_job(TrainingJobName=trial["TrainingJobName"])
    assert left["TrainingJobStatus"] == "Completed"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ranges": {}}, "At least one hyperparameter range must be given"),
        ({"ranges": {"AutoParameters": [{"Name": "x", "ValueHint": "1"}]}}, "AutoParameters are not emulated"),
        ({"ranges": {"ContinuousParameterRanges": [{"Name": "x", "MinValue": "1", "MaxValue": "0"}]}}, "less than Max"),
        ({"ranges": {"IntegerParameterRanges": [{"Name": "x", "MinValue": "0.5", "MaxValue": "2"}]}}, "an integer"),
        ({"ranges": {"ContinuousParameterRanges": [
            {"Name": "x", "MinValue": "0", "MaxValue": "1", "ScalingType": "Logarithmic"}]}}, "greater than 0"),
        ({"ranges": {"ContinuousParameterRanges": [
            {"Name": "x", "MinValue": "0", "MaxValue": "1", "ScalingType": "ReverseLogarithmic"}]}}, "0 <= x < 1.0"),
        ({"static": {"x": "1"}}, "cannot be both static and tunable: x"),
        ({"strategy": "Grid"}, "categorical hyperparameters only"),
        ({"strategy": "Grid", "ranges": LETTERS, "most": 3}, "must be the number of combinations with the Grid"),
        ({"strategy": "Hyperband"}, "MaxResource of the Hyperband strategy is not given"),
        ({"strategy": "Hyperband", "static": {"epochs": "5"}, "TrainingJobEarlyStoppingType": "Auto"}, "must be OFF"),
        ({"most": None}, "must have MaxNumberOfTrainingJobs or MaxRuntimeInSeconds"),
        ({"HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "absent"}},
         "A metric is required for this hyperparameter tuning job objective. Provide a metric in the metric definit"),
    ],
)  # fmt: skip
def test_requests_that_cannot_be_are_refused(bench: Tuning, name: str, changes: dict[str, Any], words: str) -> None:
    refused(bench, words, bench.job(name, SCRIPT, **changes))
    assert bench.sagemaker.list_hyper_parameter_tuning_jobs(NameContains=name)["HyperParameterTuningJobSummaries"] == []


def test_what_its_training_jobs_would_be_refused_for_is_said_at_once(bench: Tuning, name: str) -> None:
    request = bench.job(name, SCRIPT)
    request["TrainingJobDefinition"]["InputDataConfig"] = [bench.channel("train", "nothing/here/")]
    refused(bench, "No S3 objects found under S3 URL", request)


def test_a_restart_goes_on_and_repeats_no_trial(bench: Tuning, name: str) -> None:
    pause = {"epochs": "4", "pause": "0.2"}
    bench.sagemaker.create_hyper_parameter_tuning_job(**bench.job(name, EPOCHS, "Bayesian", 5, 1, static=pause))
    bench.ended(name, until=lambda job: job["TrainingJobStatusCounters"]["Completed"] == 2)
    before = bench.trials(name)
    bench.running.kill()
    job = bench.ended(name)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    after = bench.trials(name)
    assert len(after) == 5
    assert [trial["TrainingJobName"] for trial in after][: len(before)] == [one["TrainingJobName"] for one in before]
    assert len({trial["TunedHyperParameters"]["x"] for trial in after}) == 5
    assert job["ObjectiveStatusCounters"]["Succeeded"] == 5
