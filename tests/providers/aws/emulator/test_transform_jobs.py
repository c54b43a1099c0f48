"""Transform jobs send objects to the model and put its answers into S3."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running_emulator import RunningEmulator
from transform_bench import TERMINAL, TransformBench

Unique = Callable[[str], str]
CLIENT = "ClientError: See job logs for more information"


@pytest.fixture(scope="module")
def bench(emulator: RunningEmulator) -> TransformBench:
    return TransformBench(emulator, f"transform-{time.time_ns()}")


@pytest.fixture(scope="module")
def model(bench: TransformBench) -> str:
    return bench.model(f"adds-{time.time_ns()}")


@pytest.fixture
def name(unique: Unique) -> str:
    return unique("transform")


def refused(bench: TransformBench, words: str, request: dict[str, Any], code: str = "ValidationException") -> None:
    """Assert that a request is refused."""
    with pytest.raises(ClientError) as caught:
        bench.sagemaker.create_transform_job(**request)
    assert caught.value.response["Error"]["Code"] == code
    assert words in caught.value.response["Error"]["Message"]


def test_each_object_has_its_result(bench: TransformBench, model: str, name: str) -> None:
    source = bench.put(name, a_csv="1,2\n3,4\n", b_csv="5,6\n")
    job = bench.transform(name, model, source)
    assert job["TransformJobStatus"] == "Completed", job
    assert bench.results(name) == {"a.csv.out": "103.0\n107.0\n", "b.csv.out": "111.0\n"}
    assert job["CreationTime"] <= job["TransformStartTime"] <= job["TransformEndTime"]
    assert job["TransformJobArn"] == f"arn:aws:sagemaker:us-east-1:123456789012:transform-job/{name}"
    assert "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD" in bench.log_of(name)
    assert not [line for line in bench.processes() if name in line], "its server is gone"


def test_folders_below_the_prefix_are_kept(bench: TransformBench, model: str, name: str) -> None:
    bench.put(f"{name}/x", a_csv="1,2")
    bench.put(name, a_csv="3,4")
    assert bench.transform(name, model, f"s3://{bench.bucket}/{name}")["TransformJobStatus"] == "Completed"
    assert bench.results(name) == {"a.csv.out": "107.0\n", "x/a.csv.out": "103.0\n"}


def test_a_manifest_names_objects(bench: TransformBench, model: str, name: str) -> None:
    source = bench.put(name, a_csv="1,2", b_csv="3,4", c_csv="5,6")
    manifest = bench.put(f"{name}-manifest", all_json=json.dumps([{"prefix": source}, "a.csv", "c.csv"])) + "all.json"
    assert bench.transform(name, model, manifest, kind="ManifestFile")["TransformJobStatus"] == "Completed"
    assert bench.results(name) == {"a.csv.out": "103.0\n", "c.csv.out": "111.0\n"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"BatchStrategy": "SingleRecord"}, "1.0\n1.0\n1.0\n"),
        ({"BatchStrategy": "MultiRecord"}, "3.0\n"),
        ({"split": "None", "assemble": "None"}, "3.0"),
        ({"BatchStrategy": "SingleRecord", "assemble": "None"}, "1.01.01.0"),
    ],
)
def test_records_are_sent_as_the_strategy_says(
    bench: TransformBench, model: str, name: str, changes: dict[str, Any], expected: str
) -> None:
    source = bench.put(name, a_csv="1,2\n3,4\n5,6\n")
    job = bench.transform(name, model, source, Environment={"COUNT_ROWS": "yes"}, **changes)
    assert job["TransformJobStatus"] == "Completed", job
    assert bench.results(name) == {"a.csv.out": expected}


def test_payloads_keep_to_their_size_and_order(bench: TransformBench, model: str, name: str) -> None:
    rows = [f"{number},{'0' * 2000}" for number in range(1200)]
    source = bench.put(name, a_csv="\n".join(rows))
    job = bench.transform(name, model, source, MaxPayloadInMB=1, MaxConcurrentTransforms=4)
    assert job["TransformJobStatus"] == "Completed", job
    assert bench.results(name)["a.csv.out"].split() == [str(number + 100.0) for number in range(1200)]


def test_a_record_over_the_size_fails_its_object(bench: TransformBench, model: str, name: str) -> None:
    source = bench.put(name, a_csv="1,2", b_csv="0" * (2 << 20))
    job = bench.transform(name, model, source, MaxPayloadInMB=1)
    assert (job["TransformJobStatus"], job["FailureReason"]) == ("Failed", CLIENT)
    assert bench.results(name) == {"a.csv.out": "103.0\n"}
    assert "b.csv: ClientError: Too much data for max payload size" in bench.log_of(name)


def test_packed_objects_are_unpacked(bench: TransformBench, model: str, name: str) -> None:
    source = bench.put(name, a_gz=gzip.compress(b"1,2\n3,4"))
    assert bench.transform(name, model, source, compression="Gzip")["TransformJobStatus"] == "Completed"
    assert bench.results(name) == {"a.gz.out": "103.0\n107.0\n"}


def test_columns_are_left_out_joined_and_chosen(bench: TransformBench, model: str, name: str) -> None:
    source = bench.put(name, a_csv="id-1,1,2\nid-2,3,4\n")
    processing = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    job = bench.transform(name, model, source, DataProcessing=processing)
    assert job["TransformJobStatus"] == "Completed", bench.log_of(name)
    assert bench.results(name) == {"a.csv.out": "id-1,103.0\nid-2,107.0\n"}


def test_json_lines_are_joined(bench: TransformBench, model: str, name: str) -> None:
    source = bench.put(name, a_jsonl='{"id": 1, "x": [1, 2]}\n{"id": 2, "x": [3, 4]}\n')
    lines = "application/jsonlines"
    processing = {"JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"}
    job = bench.transform(name, model, source, content=lines, accept=lines, DataProcessing=processing)
    assert job["TransformJobStatus"] == "Completed", bench.log_of(name)
    found = [json.loads(line) for line in bench.results(name)["a.jsonl.out"].splitlines()]
    assert found == [{"id": 1, "SageMakerOutput": {"sum": 103}}, {"id": 2, "SageMakerOutput": {"sum": 107}}]


def test_a_json_object_is_filtered(bench: TransformBench, model: str, name: str) -> None:
    source = bench.put(name, a_json='{"features": {"x": [1, 2]}}')
    kind = "application/json"
    processing = {"InputFilter": "$.features", "OutputFilter": "$.sum"}
    job = bench.transform(name, model, source, content=kind, accept=kind, split="None", assemble="None",
                          DataProcessing=processing)  # fmt: skip
    assert job["TransformJobStatus"] == "Completed", bench.log_of(name)
    assert bench.results(name) == {"a.json.out": "103.0"}


def test_an_index_out_of_a_record_fails(bench: TransformBench, model: str, name: str) -> None:
    source = bench.put(name, a_csv="1,2\n")
    job = bench.transform(name, model, source, DataProcessing={"OutputFilter": "$[3]"})
    assert (job["TransformJobStatus"], job["FailureReason"]) == ("Failed", CLIENT)
    assert "index 3 is not within the 1 elements of the record" in bench.log_of(name)


def test_no_object_is_told(bench: TransformBench, model: str, name: str) -> None:
    job = bench.transform(name, model, f"s3://{bench.bucket}/nothing/here/")
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"] == (
        f'ClientError: No S3 objects found under S3 URL "s3://{bench.bucket}/nothing/here/" given in input data source.'
    )
    assert "TransformStartTime" not in job


def test_an_error_of_the_models_code_fails_the_job_and_is_in_its_log(
    bench: TransformBench, model: str, name: str
) -> None:
    source = bench.put(name, a_csv="1,2", b_csv="raise", c_csv="3,4")
    job = bench.transform(name, model, source, ModelClientConfig={"InvocationsMaxRetries": 0})
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information"
    assert bench.results(name) == {"a.csv.out": "103.0\n", "c.csv.out": "107.0\n"}
    log = bench.log_of(name)
    assert "b.csv: Bad HTTP status received from algorithm: 500" in log
    assert "RuntimeError: cannot do that" in log


def test_a_model_that_cannot_be_loaded_does_not_answer_its_ping(bench: TransformBench, name: str) -> None:
    broken = bench.model(name, serving="def model_fn(folder):\n    raise ValueError('no model here')\n")
    job = bench.transform(name, broken, bench.put(name, a_csv="1,2"))
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: Model container failed to respond to ping.")
    assert "no model here" in bench.log_of(name)


def test_a_server_that_ends_fails_the_job(bench: TransformBench, model: str, name: str) -> None:
    job = bench.transform(name, model, bench.put(name, a_csv="crash"))
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information"
    assert "a.csv: Unable to get response from algorithm" in bench.log_of(name)


def test_a_slow_answer_is_not_waited_for(bench: TransformBench, model: str, name: str) -> None:
    config = {"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 0}
    job = bench.transform(name, model, bench.put(name, a_csv="1,2"), Environment={"PAUSE": "30"},
                          ModelClientConfig=config)  # fmt: skip
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information"
    assert "did not respond to /invocations request within 1 seconds" in bench.log_of(name)


def test_several_instances_share_the_objects(bench: TransformBench, model: str, name: str) -> None:
    source = bench.put(name, a_csv="1,2", b_csv="3,4", c_csv="5,6")
    machines = {"InstanceType": "ml.m5.large", "InstanceCount": 2}
    assert bench.transform(name, model, source, TransformResources=machines)["TransformJobStatus"] == "Completed"
    assert bench.results(name) == {"a.csv.out": "103.0\n", "b.csv.out": "107.0\n", "c.csv.out": "111.0\n"}


def test_a_stop_ends_the_job_and_keeps_what_is_done(bench: TransformBench, model: str, name: str) -> None:
    source = bench.put(name, a_csv="1,2", b_csv="3,4")
    request = bench.transform_request(name, model, source, Environment={"PAUSE": "2"})
    bench.sagemaker.create_transform_job(**request)
    deadline = time.monotonic() + 60
    while not bench.results(name) and time.monotonic() < deadline:
        time.sleep(0.05)
    bench.sagemaker.stop_transform_job(TransformJobName=name)
    job = bench.transformed(name)
    assert job["TransformJobStatus"] == "Stopped"
    assert bench.results(name) == {"a.csv.out": "103.0\n"}
    with pytest.raises(ClientError, match="is in status Stopped"):
        bench.sagemaker.stop_transform_job(TransformJobName=name)


def test_a_restarted_and_a_killed_emulator_go_on_with_the_job(bench: TransformBench, model: str, name: str) -> None:
    source = bench.put(name, **{f"{letter}_csv": "1,2" for letter in "abcd"})
    request = bench.transform_request(name, model, source, Environment={"PAUSE": "1"})
    bench.sagemaker.create_transform_job(**request)
    for count, end in ((1, bench.running.restart), (2, bench.running.kill)):
        deadline = time.monotonic() + 60
        while len(bench.results(name)) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        end()
    assert bench.transformed(name)["TransformJobStatus"] == "Completed"
    assert set(bench.results(name)) == {"a.csv.out", "b.csv.out", "c.csv.out", "d.csv.out"}
    assert not [line for line in bench.processes() if name in line]


def test_jobs_are_listed_and_named_once(bench: TransformBench, model: str, name: str) -> None:
    source = bench.put(name, a_csv="1,2")
    bench.transform(name, model, source)
    (summary,) = bench.sagemaker.list_transform_jobs(NameContains=name, StatusEquals="Completed")[
        "TransformJobSummaries"
    ]
    assert summary["TransformJobName"] == name
    refused(bench, "Job name must be unique", bench.transform_request(name, model, source), "ResourceInUse")
    with pytest.raises(ClientError, match="Could not find requested job with name: absent") as caught:
        bench.sagemaker.describe_transform_job(TransformJobName="absent")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFound"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ModelName": "absent"}, 'Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/absent"'),
        ({"split": "RecordIO"}, "SplitType RecordIO is not emulated"),
        ({"kind": "AugmentedManifestFile"}, "AugmentedManifestFile is not emulated"),
        ({"MaxPayloadInMB": 101}, "MaxPayloadInMB cannot be greater than 100"),
        ({"MaxPayloadInMB": 30, "MaxConcurrentTransforms": 4}, "MaxConcurrentTransforms * MaxPayloadInMB"),
        ({"DataProcessing": {"InputFilter": "features"}}, "InputFilter is not a JSONPath expression"),
        ({"DataProcessing": {"OutputFilter": "$[a]"}}, "OutputFilter is not a JSONPath expression"),
        ({"DataProcessing": {"JoinSource": "Input"}, "assemble": "None"}, "must be the same"),
        ({"DataProcessing": {"JoinSource": "Input"}, "content": "image/png"}, "DataProcessing supports the content"),
        ({"DataCaptureConfig": {"DestinationS3Uri": "s3://x/y"}}, "DataCaptureConfig is not emulated"),
    ],
)
def test_requests_that_cannot_be_are_refused(
    bench: TransformBench, model: str, name: str, changes: dict[str, Any], words: str
) -> None:
    own = changes.pop("ModelName", model)
    refused(bench, words, bench.transform_request(name, own, f"s3://{bench.bucket}/x/", **changes))


def test_more_machines_than_an_account_has_are_refused(bench: TransformBench, model: str, name: str) -> None:
    machines = {"InstanceType": "ml.m5.large", "InstanceCount": 21}
    request = bench.transform_request(name, model, f"s3://{bench.bucket}/x/", TransformResources=machines)
    refused(bench, "'ml.m5.large for transform job usage' is 20 Instances", request, "ResourceLimitExceeded")


def test_what_a_completed_job_made_outlives_a_kill(start_emulator: Callable[[], RunningEmulator]) -> None:
    bench = TransformBench(start_emulator(), "made")
    request = bench.transform_request("made", bench.model("made"), bench.put("made", a_csv="1,2"))
    bench.sagemaker.create_transform_job(**request)
    deadline = time.monotonic() + 60
    while bench.sagemaker.describe_transform_job(TransformJobName="made")["TransformJobStatus"] not in TERMINAL:
        assert time.monotonic() < deadline
    bench.running.kill()
    assert bench.results("made") == {"a.csv.out": "103.0\n"}
