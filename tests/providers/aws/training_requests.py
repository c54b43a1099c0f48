"""What the tests of training jobs send: a bucket with code and data, and requests as a user of boto3 writes them."""

from __future__ import annotations

import io
import json
import tarfile
import time
from pathlib import Path
from typing import Any

from running_emulator import KIT, RunningEmulator

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
UNTIL_KNOWN = 0.3
"""Seconds; a new role is known after ten of AWS's seconds, a sixth of one of ours."""
TERMINAL = ("Completed", "Failed", "Stopped")
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
SCRIPT = """
import json, os, sys
print("validation:score=0.25;", flush=True)
print("validation:score=0.75;", flush=True)
with open(os.path.join(os.environ["SM_MODEL_DIR"], "model.json"), "w") as stream:
    json.dump({"arguments": sys.argv[1:], "channels": sorted(os.listdir("/opt/ml/input/data"))}, stream)
"""


class Bench:
    """A bucket, a role and jobs of one test's own in a running emulator."""

    def __init__(self, running: RunningEmulator, name: str) -> None:
        self.running, self.bucket, self.name = running, name, name
        self.s3, self.sagemaker = running.client("s3"), running.client("sagemaker")
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.put_object(Bucket=self.bucket, Key="data/iris.csv", Body=(KIT / "data" / "iris.csv").read_bytes())
        self.role = self.make_role(name, "*")

    def make_role(self, name: str, *actions: str, trust: dict[str, Any] | None = None) -> str:
        """See `make_role`."""
        return make_role(self.running, name, *actions, trust=trust)

    def code(self, script: str, key: str = "code/sourcedir.tar.gz", **files: str) -> str:
        """Upload a script as `train.py`, with further files, and return its address."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            for name, text in {"train.py": script, **files}.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(text.encode())
                tar.addfile(entry, io.BytesIO(text.encode()))
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=packed.getvalue())
        return f"s3://{self.bucket}/{key}"

    def request(self, job: str, code: str = "", **changes: Any) -> dict[str, Any]:
        """A whole request; `changes` replace its members, and `hyperparameters` are added to those of the code."""
        own = {"sagemaker_program": '"train.py"', "sagemaker_submit_directory": json.dumps(code)} if code else {}
        return {
            "TrainingJobName": job,
            "RoleArn": self.role,
            "AlgorithmSpecification": {
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "score", "Regex": "validation:score=([0-9.]+);"}],
            },
            "HyperParameters": own | changes.pop("hyperparameters", {}),
            "InputDataConfig": [self.channel("train", "data/")],
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        } | changes

    def channel(self, name: str, prefix: str, **changes: str) -> dict[str, Any]:
        """A channel of the test's bucket."""
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{self.bucket}/{prefix}"} | changes
        return {"ChannelName": name, "DataSource": {"S3DataSource": source}}

    def train(self, job: str, code: str, **changes: Any) -> dict[str, Any]:
        """Create a job and wait for its end."""
        self.sagemaker.create_training_job(**self.request(job, code, **changes))
        return self.wait(job)

    def wait(self, job: str, seconds: float = 120.0, until: Any = None) -> dict[str, Any]:
        """The job once it has ended, or once `until` is true of it."""
        deadline = time.monotonic() + seconds
        while True:
            found: dict[str, Any] = self.sagemaker.describe_training_job(TrainingJobName=job)
            if until(found) if until else found["TrainingJobStatus"] in TERMINAL:
                return found
            assert time.monotonic() < deadline, f"{job} did not get there: {found}\n{self.running.log.read_text()}"
            time.sleep(0.05)

    def lines(self, job: str) -> list[str]:
        """All lines of the job's log, of all its machines."""
        logs = self.running.client("logs")
        group = "/aws/sagemaker/TrainingJobs"
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")["logStreams"]
        return [
            event["message"]
            for stream in streams
            for event in logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]

    def model_file(self, job: dict[str, Any], name: str = "model.json") -> bytes:
        """One file of the job's model.tar.gz."""
        bucket, _, key = str(job["ModelArtifacts"]["S3ModelArtifacts"]).removeprefix("s3://").partition("/")
        body = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as tar:
            member = tar.extractfile(name)
            assert member is not None
            return member.read()

    def processes(self) -> list[str]:
        """Command lines of what runs below the emulator's home."""
        home, found = str(self.running.home).encode(), []
        for place in Path("/proc").glob("[0-9]*/environ"):
            try:
                if home in place.read_bytes():
                    found.append((place.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found


def make_role(running: RunningEmulator, name: str, *actions: str, trust: dict[str, Any] | None = None) -> str:
    """The ARN of a role that may do `actions` on everything, once it can be assumed."""
    iam = running.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust or TRUST))["Role"]
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_role_policy(RoleName=name, PolicyName="some", PolicyDocument=json.dumps(document))
    time.sleep(UNTIL_KNOWN)
    return str(role["Arn"])
