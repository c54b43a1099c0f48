"""Processing jobs run a container's own entry point between what they get from S3 and what goes back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_emulator import RunningEmulator
from training_requests import IMAGE
from transform_bench import TransformBench

Unique = Callable[[str], str]
TERMINAL = ("Completed", "Failed", "Stopped")
IN, OUT = "/opt/ml/processing/input", "/opt/ml/processing/output"
SCRIPT = f"""
import json, os, pathlib, sys
config = json.load(open("/opt/ml/config/processingjobconfig.json"))
hosts = json.load(open("/opt/ml/config/resourceconfig.json"))
print("hello from", hosts["current_host"])
found = sorted(path.relative_to("{IN}/data").as_posix() for path in pathlib.Path("{IN}/data").rglob("*.csv"))
facts = {{"files": found, "arguments": sys.argv[1:], "mark": os.environ.get("MARK"), "hosts": hosts["hosts"],
         "name": config["ProcessingJobName"]}}
folder = pathlib.Path("{OUT}/all/deep")
folder.mkdir()
(folder / (hosts["current_host"] + ".json")).write_text(json.dumps(facts))
"""


class ProcessingBench(TransformBench):
    """A bench that processes."""

    def processing_request(self, name: str, script: str, **changes: Any) -> dict[str, Any]:
        """A whole request. `count` machines, `mode` of the upload, `share` of the data, `words` and members."""
        self.put(f"{name}/code", run_py=script)
        count, mode = changes.pop("count", 1), changes.pop("mode", "EndOfJob")
        data = changes.pop("data", f"s3://{self.bucket}/{name}/data/")
        inputs = [self.input("code", f"s3://{self.bucket}/{name}/code/run.py")]
        inputs += [self.input("data", data, changes.pop("share", "FullyReplicated"))] if data else []
        target = {"S3Uri": f"s3://{self.bucket}/out/{name}", "LocalPath": f"{OUT}/all", "S3UploadMode": mode}
        return {
            "ProcessingJobName": name,
            "RoleArn": self.role,
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", f"{IN}/code/run.py"],
                "ContainerArguments": changes.pop("words", ["--depth", "3"]),
            },
            "ProcessingInputs": inputs,
            "ProcessingOutputConfig": {"Outputs": [{"OutputName": "all", "S3Output": target}]},
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": count, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
            },
        } | changes

    @staticmethod
    def input(name: str, uri: str, share: str = "FullyReplicated", **changes: str) -> dict[str, Any]:
        """One input."""
        place = {"S3Uri": uri, "LocalPath": f"{IN}/{name}", "S3DataType": "S3Prefix", "S3InputMode": "File",
                 "S3DataDistributionType": share}  # fmt: skip
        return {"InputName": name, "S3Input": place | changes}

    def process(self, name: str, script: str, **changes: Any) -> dict[str, Any]:
        """Create a job and wait for its end."""
        self.sagemaker.create_processing_job(**self.processing_request(name, script, **changes))
        return self.processed(name)

    def processed(self, name: str, until: Callable[[], object] | None = None) -> dict[str, Any]:
        """The job once it has ended, or once `until` is true."""
        deadline = time.monotonic() + 90
        while True:
            job: dict[str, Any] = self.sagemaker.describe_processing_job(ProcessingJobName=name)
            if until() if until else job["ProcessingJobStatus"] in TERMINAL:
                return job
            assert time.monotonic() < deadline, f"{job}\n{self.running.log.read_text()[-3000:]}"
            time.sleep(0.05)

    def said(self, name: str) -> str:
        """All lines of a job's log."""
        return self.log_of(name, "/aws/sagemaker/ProcessingJobs")


@pytest.fixture(scope="module")
def bench(emulator: RunningEmulator) -> ProcessingBench:
    return ProcessingBench(emulator, f"processing-{time.time_ns()}")


@pytest.fixture
def name(unique: Unique, bench: ProcessingBench) -> str:
    """A name, and two files of data below it."""
    own = unique("Process")
    bench.put(f"{own}/data", a_csv="1")
    bench.put(f"{own}/data/deep", b_csv="2")
    return own


def test_inputs_come_and_outputs_go(bench: ProcessingBench, name: str) -> None:
    job = bench.process(name, SCRIPT, Environment={"MARK": "here"})
    assert job["ProcessingJobStatus"] == "Completed", bench.said(name)
    facts = json.loads(bench.results(name)["deep/algo-1.json"])
    assert facts == {"files": ["a.csv", "deep/b.csv"], "arguments": ["--depth", "3"], "mark": "here",
                     "hosts": ["algo-1"], "name": name}  # fmt: skip
    assert job["CreationTime"] <= job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    assert job["ProcessingJobArn"] == f"arn:aws:sagemaker:us-east-1:123456789012:processing-job/{name.lower()}"
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}
    assert "hello from algo-1" in bench.said(name)
    assert not {"ExitMessage", "FailureReason"} & set(job)


def test_machines_share_the_data(bench: ProcessingBench, name: str) -> None:
    job = bench.process(name, SCRIPT, count=2, share="ShardedByS3Key")
    assert job["ProcessingJobStatus"] == "Completed", bench.said(name)
    found = {path: json.loads(text) for path, text in bench.results(name).items()}
    assert set(found) == {"deep/algo-1.json", "deep/algo-2.json"}
    assert sorted(facts["files"] for facts in found.values()) == [["a.csv"], ["deep/b.csv"]]
    assert all(facts["hosts"] == ["algo-1", "algo-2"] for facts in found.values())


def test_a_manifest_names_the_data(bench: ProcessingBench, name: str) -> None:
    listed = json.dumps([{"prefix": f"s3://{bench.bucket}/{name}/data/"}, "a.csv"])
    manifest = bench.put(f"{name}/manifest", all_json=listed) + "all.json"
    request = bench.processing_request(name, SCRIPT)
    request["ProcessingInputs"][1] = bench.input("data", manifest, S3DataType="ManifestFile")
    bench.sagemaker.create_processing_job(**request)
    assert bench.processed(name)["ProcessingJobStatus"] == "Completed", bench.said(name)
    assert json.loads(bench.results(name)["deep/algo-1.json"])["files"] == ["a.csv"]


def test_a_failure_tells_its_code_and_message_and_uploads_nothing(bench: ProcessingBench, name: str) -> None:
    script = f"""
open("{OUT}/all/part", "w").write("x")
open("/opt/ml/output/message", "w").write("three rows were bad")
raise SystemExit(7)
"""
    job = bench.process(name, script)
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information, exit code: 7"
    assert job["ExitMessage"] == "three rows were bad"
    assert bench.results(name) == {}


def test_missing_data_fails_the_job(bench: ProcessingBench, name: str) -> None:
    job = bench.process(name, SCRIPT, data=f"s3://{bench.bucket}/absent/")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == f"ClientError: S3 key: s3://{bench.bucket}/absent/ matched no files on s3"


def test_continuous_outputs_go_while_it_runs_and_a_stop_ends_it(bench: ProcessingBench, name: str) -> None:
    script = f"""
import time
open("{OUT}/all/first", "w").write("1")
time.sleep(2)
open("{OUT}/all/first", "w").write("12")
open("{OUT}/all/second", "w").write("2")
time.sleep(60)
"""
    bench.sagemaker.create_processing_job(**bench.processing_request(name, script, mode="Continuous"))
    bench.processed(name, until=lambda: bench.results(name) == {"first": "1"})
    bench.processed(name, until=lambda: bench.results(name) == {"first": "12", "second": "2"})
    with pytest.raises(ClientError, match="stop it first"):
        bench.sagemaker.delete_processing_job(ProcessingJobName=name)
    bench.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert bench.processed(name)["ProcessingJobStatus"] == "Stopped"
    with pytest.raises(ClientError, match="is in status Stopped"):
        bench.sagemaker.stop_processing_job(ProcessingJobName=name)


def test_the_time_limit_stops_it(bench: ProcessingBench, name: str) -> None:
    job = bench.process(name, "import time; time.sleep(60)", StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert job["ProcessingJobStatus"] == "Stopped"


def test_an_isolated_container_finds_no_aws(bench: ProcessingBench, name: str) -> None:
    script = f"import os; open('{OUT}/all/url', 'w').write(os.environ['AWS_ENDPOINT_URL'])"
    bench.process(name, script, NetworkConfig={"EnableNetworkIsolation": True})
    assert bench.results(name)["url"] not in ("", bench.running.url)


def test_a_killed_emulator_goes_on_with_the_job(bench: ProcessingBench, name: str) -> None:
    script = f"""
import time
time.sleep(2)
open("{OUT}/all/runs", "a").write("once")
"""
    bench.sagemaker.create_processing_job(**bench.processing_request(name, script))
    bench.processed(name, until=lambda: "ProcessingStartTime" in bench.sagemaker.describe_processing_job(
        ProcessingJobName=name))  # fmt: skip
    bench.running.kill()
    assert bench.processed(name)["ProcessingJobStatus"] == "Completed"
    assert bench.results(name) == {"runs": "once"}


def test_jobs_are_listed_named_once_and_deleted(bench: ProcessingBench, name: str) -> None:
    request = bench.processing_request(name, "print('done')")
    bench.sagemaker.create_processing_job(**request)
    bench.processed(name)
    listed = bench.sagemaker.list_processing_jobs(NameContains=name, StatusEquals="Completed")
    assert [one["ProcessingJobName"] for one in listed["ProcessingJobSummaries"]] == [name]
    with pytest.raises(ClientError, match="Job name must be unique") as caught:
        bench.sagemaker.create_processing_job(**request)
    assert caught.value.response["Error"]["Code"] == "ResourceInUse"
    bench.sagemaker.delete_processing_job(ProcessingJobName=name)
    with pytest.raises(ClientError, match="Could not find requested job with name") as caught:
        bench.sagemaker.describe_processing_job(ProcessingJobName=name)
    assert caught.value.response["Error"]["Code"] == "ResourceNotFound"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"LocalPath": "/tmp/data"}, "must be an absolute path that begins with /opt/ml/processing/"),
        ({"LocalPath": "/opt/ml/processing/../../../etc"}, "must be an absolute path that begins with"),
        ({"S3InputMode": "Pipe"}, "S3InputMode Pipe is not emulated"),
        ({"S3CompressionType": "Gzip"}, "Gzip can only be used when Pipe mode"),
        ({"S3Uri": "https://bucket/key"}, "is not an S3 URI"),
    ],
)
def test_inputs_that_cannot_be_are_refused(
    bench: ProcessingBench, name: str, changes: dict[str, str], words: str
) -> None:
    request = bench.processing_request(name, SCRIPT)
    request["ProcessingInputs"][1]["S3Input"] |= changes
    with pytest.raises(ClientError, match=words):
        bench.sagemaker.create_processing_job(**request)


def test_an_entry_point_and_an_image_are_needed(bench: ProcessingBench, name: str) -> None:
    request = bench.processing_request(name, SCRIPT)
    app = request["AppSpecification"]
    for changes, words in (
        ({"ContainerEntrypoint": None}, "ContainerEntrypoint must be given"),
        ({"ImageUri": "docker.io/library/python"}, "is not a URI of Amazon ECR"),
    ):
        request["AppSpecification"] = {key: value for key, value in {**app, **changes}.items() if value}
        with pytest.raises(ClientError, match=words):
            bench.sagemaker.create_processing_job(**request)


def test_a_role_that_cannot_be_assumed_is_refused(bench: ProcessingBench, name: str) -> None:
    absent = "arn:aws:iam::123456789012:role/absent"
    with pytest.raises(ClientError, match=f"Could not assume role {absent}"):
        bench.sagemaker.create_processing_job(**bench.processing_request(name, SCRIPT, RoleArn=absent))


def test_more_machines_than_an_account_has_are_refused(bench: ProcessingBench, name: str) -> None:
    with pytest.raises(ClientError, match=r"'ml\.m5\.large for processing job usage' is 20 Instances") as caught:
        bench.sagemaker.create_processing_job(**bench.processing_request(name, SCRIPT, count=21))
    assert caught.value.response["Error"]["Code"] == "ResourceLimitExceeded"


def test_what_a_completed_job_made_outlives_a_kill(start_emulator: Callable[[], RunningEmulator]) -> None:
    bench = ProcessingBench(start_emulator(), "made")
    bench.sagemaker.create_processing_job(**bench.processing_request("made", SCRIPT, data=""))
    deadline = time.monotonic() + 60
    while bench.sagemaker.describe_processing_job(ProcessingJobName="made")["ProcessingJobStatus"] not in TERMINAL:
        assert time.monotonic() < deadline
    bench.running.kill()
    assert list(bench.results("made")) == ["deep/algo-1.json"]
