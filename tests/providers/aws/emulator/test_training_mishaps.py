"""What happens beside a training job, and to it, does not keep it from ending."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_emulator import RunningEmulator, StartEmulator
from training_requests import SCRIPT, Bench

from providers.aws.emulator.sagemaker.training import container

GROUP = "/aws/sagemaker/TrainingJobs"
UNTIL_TOLD = """
import os, time
print("first", flush=True)
time.sleep(0.1)
print("validation:score=1;", flush=True)
until = time.time() + 60
while not os.path.exists(os.environ["SM_HP_MARK"]) and time.time() < until:
    time.sleep(0.05)
print("last", flush=True)
"""


@pytest.fixture
def bench(emulator: RunningEmulator, unique: Callable[[str], str]) -> Bench:
    return Bench(emulator, unique("mishap"))


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """The file that the script UNTIL_TOLD waits for."""
    return tmp_path / "mark"


def seen(bench: Bench, line: str, seconds: float = 10.0) -> bool:
    """Whether a line is in CloudWatch before so long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if line in bench.lines(bench.name):
                return True
        except ClientError:
            pass  # the group is not there yet
        time.sleep(0.1)
    return False


def test_a_line_is_in_the_log_though_no_other_follows(bench: Bench, mark: Path) -> None:
    bench.sagemaker.create_training_job(
        **bench.request(bench.name, bench.code(UNTIL_TOLD), hyperparameters={"mark": str(mark)})
    )
    assert seen(bench, "validation:score=1;")
    assert bench.sagemaker.describe_training_job(TrainingJobName=bench.name)["TrainingJobStatus"] == "InProgress"
    mark.touch()
    assert bench.wait(bench.name)["TrainingJobStatus"] == "Completed"


def test_a_job_ends_and_logs_on_when_its_log_group_is_deleted(start_emulator: StartEmulator, mark: Path) -> None:
    bench = Bench(start_emulator(), "deleted")
    bench.sagemaker.create_training_job(
        **bench.request(bench.name, bench.code(UNTIL_TOLD), hyperparameters={"mark": str(mark)})
    )
    assert seen(bench, "first")
    bench.running.client("logs").delete_log_group(logGroupName=GROUP)
    mark.touch()
    assert bench.wait(bench.name, 20)["TrainingJobStatus"] == "Completed"
    assert "last" in bench.lines(bench.name)


def test_a_manifest_names_the_data_and_keeps_its_folders(bench: Bench) -> None:
    for key in ("part/a.csv", "part/deep/b.csv", "part/c.csv"):
        bench.s3.put_object(Bucket=bench.bucket, Key=key, Body=key.encode())
    listed = [{"prefix": f"s3://{bench.bucket}/part/"}, "a.csv", "deep/b.csv"]
    bench.s3.put_object(Bucket=bench.bucket, Key="list.json", Body=json.dumps(listed).encode())
    script = (
        "import glob\n"
        "print(sorted(glob.glob('/opt/ml/input/data/train/**/*.csv', recursive=True)))\n"
    )  # fmt: skip
    channel = bench.channel("train", "list.json", S3DataType="ManifestFile")
    job = bench.train(bench.name, bench.code(script), InputDataConfig=[channel])
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert "['/opt/ml/input/data/train/a.csv', '/opt/ml/input/data/train/deep/b.csv']" in bench.lines(bench.name)


def test_input_that_cannot_be_brought_fails_the_job(bench: Bench) -> None:
    for key in ("clash/a", "clash/a/b"):
        bench.s3.put_object(Bucket=bench.bucket, Key=key, Body=b"1")
    absent = bench.channel("train", "data/", S3DataType="ManifestFile")
    for number, (channel, reason) in enumerate(((absent, "NoSuchKey"), (bench.channel("train", "clash/"), "exists"))):
        bench.sagemaker.create_training_job(
            **bench.request(f"{bench.name}-{number}", bench.code(SCRIPT), InputDataConfig=[channel])
        )
        job = bench.wait(f"{bench.name}-{number}", 20)
        assert job["TrainingJobStatus"] == "Failed"
        assert reason in job["FailureReason"]


def test_checkpoints_go_to_s3_when_they_change_and_files_that_vanish_do_no_harm(bench: Bench) -> None:
    script = """
import os, time
begin = time.time()
open("/opt/ml/checkpoints/0", "w").write("0")
while time.time() < begin + 5:
    for number in range(50):
        name = "/opt/ml/checkpoints/temporary-%d" % number
        open(name, "w").write("x")
        os.rename(name, "/opt/ml/checkpoints/last")
"""
    versioning = {"Status": "Enabled"}
    bench.s3.put_bucket_versioning(Bucket=bench.bucket, VersioningConfiguration=versioning)
    kept = {"S3Uri": f"s3://{bench.bucket}/checkpoints"}
    job = bench.train(bench.name, bench.code(script), CheckpointConfig=kept)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    found = bench.s3.list_object_versions(Bucket=bench.bucket, Prefix="checkpoints/")["Versions"]
    assert [one["Key"] for one in found].count("checkpoints/0") == 1
    assert [one["Key"] for one in found].count("checkpoints/last") >= 2


def test_checkpoints_may_not_lie_outside_of_the_job(bench: Bench) -> None:
    kept = {"S3Uri": f"s3://{bench.bucket}/checkpoints", "LocalPath": "/opt/ml/../../../../tmp/elsewhere"}
    with pytest.raises(ClientError, match="is not below /opt/ml"):
        bench.sagemaker.create_training_job(**bench.request(bench.name, CheckpointConfig=kept))


def test_a_job_that_is_stopped_twice_is_stopping_once(bench: Bench) -> None:
    bench.sagemaker.create_training_job(
        **bench.request(bench.name, bench.code("import time; time.sleep(300)"))
    )  # fmt: skip
    bench.wait(bench.name, until=lambda job: job["SecondaryStatus"] == "Training")
    for _ in range(2):
        bench.sagemaker.stop_training_job(TrainingJobName=bench.name)
    steps = [step["Status"] for step in bench.wait(bench.name)["SecondaryStatusTransitions"]]
    assert steps.count("Stopping") == 1


def test_what_a_killed_emulator_left_of_an_ended_job_is_removed(start_emulator: StartEmulator) -> None:
    bench = Bench(start_emulator(), "left")
    bench.train("job", bench.code(SCRIPT))
    folder = bench.running.home / "jobs" / container.job_id("us-east-1", "job", "algo-1")
    bench.running.kill_and(lambda: (folder / "opt").mkdir(parents=True))
    deadline = time.monotonic() + 10
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not folder.exists()


def test_a_line_that_was_noted_as_told_outlives_a_kill(start_emulator: StartEmulator, mark: Path) -> None:
    bench = Bench(start_emulator(), "told")
    request = bench.request("told", bench.code(UNTIL_TOLD), hyperparameters={"mark": str(mark)})
    bench.sagemaker.create_training_job(**request)
    place = bench.running.home / "jobs" / container.job_id("us-east-1", "told", "algo-1") / "told.json"
    deadline = time.monotonic() + 30
    while not place.exists() and time.monotonic() < deadline:
        time.sleep(0.001)
    bench.running.kill()
    mark.touch()
    bench.wait("told")
    assert bench.lines("told") == ["first", "validation:score=1;", "last"]


def test_the_name_of_a_deleted_job_may_be_taken_at_once(bench: Bench) -> None:
    code = bench.code(SCRIPT)
    for _ in range(3):
        assert bench.train(bench.name, code)["TrainingJobStatus"] == "Completed"
        bench.sagemaker.delete_training_job(TrainingJobName=bench.name)


def test_more_machines_than_an_account_has_are_refused(bench: Bench) -> None:
    machine: dict[str, Any] = {"InstanceType": "ml.m5.large", "InstanceCount": 100000, "VolumeSizeInGB": 1}
    with pytest.raises(ClientError, match=r"'ml\.m5\.large for training job usage' is 20 Instances") as caught:
        bench.sagemaker.create_training_job(**bench.request(bench.name, ResourceConfig=machine))
    assert caught.value.response["Error"]["Code"] == "ResourceLimitExceeded"
