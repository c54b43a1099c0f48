"""Training jobs really train: the script, its input, its log, its metrics, its model, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError
from running_emulator import KIT, RunningEmulator
from training_requests import SCRIPT, Bench

FOREVER = """
import time, os
print("validation:score=0.5;", flush=True)
open(os.path.join(os.environ["SM_MODEL_DIR"], "part.txt"), "w").write("so far")
open("/tmp/" + os.environ["SM_HP_MARK"], "w").close()
time.sleep(300)
"""


@pytest.fixture
def bench(emulator: RunningEmulator, unique: Callable[[str], str]) -> Bench:
    return Bench(emulator, unique("bench"))


def test_a_script_finds_its_arguments_and_channels_and_its_model_is_in_s3(bench: Bench) -> None:
    job = bench.train(f"{bench.name}-Job", bench.code(SCRIPT), hyperparameters={"alpha": "0.5", "name": '"x"'})
    assert job["TrainingJobStatus"] == "Completed"
    transitions = [step["Status"] for step in job["SecondaryStatusTransitions"]]
    assert transitions == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == (
        f"s3://{bench.bucket}/output/{bench.name}-Job/output/model.tar.gz"
    )
    made = json.loads(bench.model_file(job))
    assert made == {"arguments": ["--alpha", "0.5", "--name", "x"], "channels": ["train"]}
    assert job["TrainingTimeInSeconds"] >= 1
    assert job["TrainingStartTime"] < job["TrainingEndTime"]


def test_metrics_are_found_in_the_log_and_are_in_cloudwatch_too(bench: Bench) -> None:
    job = bench.train(bench.name, bench.code(SCRIPT))
    assert [(metric["MetricName"], metric["Value"]) for metric in job["FinalMetricDataList"]] == [("score", 0.75)]
    statistics = bench.running.client("cloudwatch").get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs", MetricName="score",
        Dimensions=[{"Name": "TrainingJobName", "Value": bench.name}], Period=3600,
        StartTime=job["CreationTime"].replace(minute=0, second=0),
        EndTime=job["TrainingEndTime"].replace(minute=59, second=59),
        Statistics=["Minimum", "Maximum", "SampleCount"],
    )["Datapoints"]  # fmt: skip
    assert sum(point["SampleCount"] for point in statistics) == 2
    assert min(point["Minimum"] for point in statistics) == 0.25
    assert max(point["Maximum"] for point in statistics) == 0.75
    assert "validation:score=0.75;" in bench.lines(bench.name)


def test_a_script_that_raises_fails_the_job_with_its_own_reason(bench: Bench) -> None:
    job = bench.train(bench.name, bench.code("print('so far'); raise ValueError('no such luck')"))
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ExecuteUserScriptError:\nExitCode 1\n")
    assert "ValueError: no such luck" in job["FailureReason"]
    assert job["FailureReason"].endswith(", exit code: 1")
    assert "ModelArtifacts" not in job or not job["ModelArtifacts"].get("S3ModelArtifacts")
    assert {"so far", "ValueError: no such luck"} <= set(bench.lines(bench.name))


def test_a_requirement_that_the_image_lacks_and_nobody_declared_fails_as_there(bench: Bench) -> None:
    job = bench.train(bench.name, bench.code("import skops"))
    assert job["TrainingJobStatus"] == "Failed"
    assert "ModuleNotFoundError: No module named 'skops'" in job["FailureReason"]


def test_a_stopped_job_keeps_what_it_has_of_a_model(bench: Bench) -> None:
    request = bench.request(bench.name, bench.code(FOREVER), hyperparameters={"mark": bench.name})
    bench.sagemaker.create_training_job(**request)
    bench.wait(bench.name, until=lambda job: job["FinalMetricDataList"])
    bench.sagemaker.stop_training_job(TrainingJobName=bench.name)
    job = bench.wait(bench.name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert "Stopping" in [step["Status"] for step in job["SecondaryStatusTransitions"]]
    assert bench.model_file(job, "part.txt") == b"so far"
    with pytest.raises(ClientError, match="is in status Stopped"):
        bench.sagemaker.stop_training_job(TrainingJobName=bench.name)


def test_a_job_over_its_time_is_stopped_and_says_so(bench: Bench) -> None:
    job = bench.train(
        bench.name, bench.code(FOREVER), hyperparameters={"mark": bench.name},
        StoppingCondition={"MaxRuntimeInSeconds": 2},
    )  # fmt: skip
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert job["ModelArtifacts"]["S3ModelArtifacts"].endswith("/output/model.tar.gz")


def test_several_machines_each_find_their_name_and_their_share_of_the_data(bench: Bench) -> None:
    for number in range(4):
        bench.s3.put_object(Bucket=bench.bucket, Key=f"parts/{number}.txt", Body=str(number).encode())
    script = (
        "import json, os\n"
        "found = sorted(os.listdir(os.environ['SM_CHANNEL_PARTS']))\n"
        "print(os.environ['SM_CURRENT_HOST'], json.loads(os.environ['SM_HOSTS']), found)\n"
    )
    parts = bench.channel("parts", "parts/", S3DataDistributionType="ShardedByS3Key")
    bench.train(
        bench.name, bench.code(script), InputDataConfig=[parts],
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5},
    )  # fmt: skip
    told = [line for line in bench.lines(bench.name) if line.startswith("algo-")]
    assert sorted(told) == [
        "algo-1 ['algo-1', 'algo-2'] ['0.txt', '2.txt']",
        "algo-2 ['algo-1', 'algo-2'] ['1.txt', '3.txt']",
    ]


def test_checkpoints_go_to_s3_and_come_back_to_the_next_job(bench: Bench) -> None:
    script = (
        "import os\n"
        "place = '/opt/ml/checkpoints/count'\n"
        "count = int(open(place).read()) + 1 if os.path.exists(place) else 1\n"
        "open(place, 'w').write(str(count))\n"
        "print('validation:score=%d;' % count)\n"
    )
    kept = {"S3Uri": f"s3://{bench.bucket}/checkpoints/"}
    first = bench.train(f"{bench.name}-1", bench.code(script), CheckpointConfig=kept)
    second = bench.train(f"{bench.name}-2", bench.code(script), CheckpointConfig=kept)
    assert [job["FinalMetricDataList"][0]["Value"] for job in (first, second)] == [1.0, 2.0]


def test_an_entry_point_of_the_job_runs_instead_of_the_toolkit(bench: Bench) -> None:
    request = bench.request(bench.name)
    request["AlgorithmSpecification"] |= {
        "ContainerEntrypoint": ["/bin/sh", "-c"],
        "ContainerArguments": ["echo validation:score=0.5\\;; pwd; test -f /opt/ml/input/data/train/iris.csv"],
    }
    bench.sagemaker.create_training_job(**request)
    job = bench.wait(bench.name)
    assert job["TrainingJobStatus"] == "Completed"
    assert "/opt/ml" in bench.lines(bench.name)


def test_a_job_under_way_is_gone_on_with_after_the_emulator_was_killed(
    start_emulator: Callable[[], RunningEmulator],
) -> None:
    running = start_emulator()
    bench = Bench(running, "killed")
    script = (
        "import time\n"
        "for step in range(30):\n"
        "    print('validation:score=%d;' % step, flush=True)\n"
        "    time.sleep(0.1)\n"
        "open('/opt/ml/model/model.json', 'w').write('{}')\n"
    )
    bench.sagemaker.create_training_job(**bench.request("job", bench.code(script)))
    bench.wait("job", until=lambda job: job["FinalMetricDataList"])
    running.kill()
    job = bench.wait("job")
    assert job["TrainingJobStatus"] == "Completed"
    assert [metric["Value"] for metric in job["FinalMetricDataList"]] == [29.0]
    told = [line for line in bench.lines("job") if line.startswith("validation:score=")]
    assert set(told) == {f"validation:score={step};" for step in range(30)}
    assert bench.model_file(job) == b"{}"


def test_nothing_of_the_checkout_or_of_the_emulators_own_environment_is_seen(bench: Bench) -> None:
    script = (
        "import json, os, sys\n"
        "seen = [name for name in ('providers', 'mooring', 'training', 'serving', 'moto') if __import__('importlib')"
        ".util.find_spec(name)]\n"
        "print(json.dumps({'seen': seen, 'path': sys.path, 'environment': dict(os.environ)}))\n"
    )
    bench.train(bench.name, bench.code(f"import importlib.util\n{script}"))
    told = json.loads(next(line for line in bench.lines(bench.name) if line.startswith('{"seen"')))
    assert told["seen"] == []
    assert not [entry for entry in told["path"] if entry.startswith(str(KIT))]
    ours = [name for name in told["environment"] if name.startswith(("MOORING_", "VIRTUAL_ENV", "PYTHONHOME"))]
    assert ours == ["MOORING_JOB_FOLDER"]  # by which its processes are found when nobody guards them any more
    assert str(KIT) not in json.dumps(told["environment"])
