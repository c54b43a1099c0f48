"""What a user of boto3 does, for `benchmarks.aws_emulator`: the same calls to whichever server."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from providers.local.environments.environments import Environments

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "examples" / "emulated-aws" / "source"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


class User:
    """One user of one server."""

    def __init__(self, url: str) -> None:
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        session = boto3.session.Session("test", "test", region_name="us-east-1")
        self.s3, self.iam, self.sagemaker = (
            session.client(name, endpoint_url=url, config=config) for name in ("s3", "iam", "sagemaker")
        )
        self.count = 0

    def prepare(self) -> None:
        """A bucket with code and data, and a role."""
        self.s3.create_bucket(Bucket="bench")
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            for path in sorted(SOURCE.iterdir()):
                tar.add(path, path.name)
        self.s3.put_object(Bucket="bench", Key="code/sourcedir.tar.gz", Body=packed.getvalue())
        self.s3.put_object(Bucket="bench", Key="data/iris.csv", Body=(ROOT / "data" / "iris.csv").read_bytes())
        self.role = self.iam.create_role(RoleName="bench", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        self.iam.put_role_policy(RoleName="bench", PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
        self.sagemaker.create_model_package_group(ModelPackageGroupName="group", Tags=[{"Key": "a", "Value": "b"}])
        time.sleep(0.5)

    def calls(self) -> dict[str, Callable[[], Any]]:
        """Calls that both servers answer."""
        return {
            "s3 list_buckets": self.s3.list_buckets,
            "s3 put_object, 1 KiB": lambda: self.s3.put_object(Bucket="bench", Key="small", Body=b"x" * 1024),
            "s3 get_object, 1 KiB": lambda: self.s3.get_object(Bucket="bench", Key="small")["Body"].read(),
            "iam get_role": lambda: self.iam.get_role(RoleName="bench"),
            "sagemaker create_model_package_group": self._create_group,
            "sagemaker describe_model_package_group": lambda: self.sagemaker.describe_model_package_group(
                ModelPackageGroupName="group"
            ),
            "sagemaker list_training_jobs": self.sagemaker.list_training_jobs,
        }

    def _create_group(self) -> None:
        self.count += 1
        self.sagemaker.create_model_package_group(ModelPackageGroupName=f"group-{self.count}")

    def train(self) -> float:
        """Seconds from a job's creation to its end."""
        self.count += 1
        self.job = f"job-{self.count}"
        request = {
            "TrainingJobName": self.job,
            "RoleArn": self.role,
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "HyperParameters": {
                "sagemaker_program": "train.py",
                "sagemaker_submit_directory": "s3://bench/code/sourcedir.tar.gz",
            },
            "InputDataConfig": [
                {
                    "ChannelName": "train",
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bench/data/"}},
                }
            ],
            "OutputDataConfig": {"S3OutputPath": "s3://bench/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        }
        began = time.perf_counter()
        self.sagemaker.create_training_job(**request)
        while True:
            found = self.sagemaker.describe_training_job(TrainingJobName=self.job)
            if found["TrainingJobStatus"] not in ("InProgress", "Stopping"):
                break
            time.sleep(0.02)
        if found["TrainingJobStatus"] != "Completed":
            raise SystemExit(f"the job {found['TrainingJobStatus']}: {found.get('FailureReason')}")
        self.model = found["ModelArtifacts"]["S3ModelArtifacts"]
        return time.perf_counter() - began

    def bare_script(self) -> float:
        """Seconds of the script alone, in the same environment."""
        with tempfile.TemporaryDirectory() as folder:
            variables = {"SM_CHANNEL_TRAIN": str(ROOT / "data"), "SM_MODEL_DIR": folder}
            return self._timed([str(SOURCE / "train.py")], variables)

    def bare_load(self) -> float:
        """Seconds of a Python that loads the model that the last job made."""
        with tempfile.TemporaryDirectory() as folder:
            bucket, _, key = self.model.removeprefix("s3://").partition("/")
            body = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as tar:
                tar.extractall(folder, filter="data")
            code = f"import sys; sys.path.insert(0, {str(SOURCE)!r}); import inference; inference.model_fn({folder!r})"
            return self._timed(["-c", code], {})

    def host(self) -> float:
        """Seconds from an endpoint's creation to InService; it is deleted afterwards."""
        self.count += 1
        name = f"endpoint-{self.count}"
        code = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "s3://bench/code/sourcedir.tar.gz"}
        container = {"Image": IMAGE, "ModelDataUrl": self.model, "Environment": code}
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=self.role, PrimaryContainer=container)
        variant = {"VariantName": "main", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        began = time.perf_counter()
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        while (found := self.sagemaker.describe_endpoint(EndpointName=name))["EndpointStatus"] == "Creating":
            time.sleep(0.02)
        taken = time.perf_counter() - began
        if found["EndpointStatus"] != "InService":
            raise SystemExit(f"the endpoint {found['EndpointStatus']}: {found.get('FailureReason')}")
        self.sagemaker.delete_endpoint(EndpointName=name)
        return taken

    def close(self) -> None:
        """Wait until no endpoint is left."""
        until = time.monotonic() + 30
        while self.sagemaker.list_endpoints()["Endpoints"] and time.monotonic() < until:
            time.sleep(0.1)

    def _timed(self, words: list[str], variables: dict[str, str]) -> float:
        python = Environments().ensure("aws/scikit-learn")
        began = time.perf_counter()
        subprocess.run([python, *words], env={"PATH": os.defpath, **variables}, check=True, capture_output=True)
        return time.perf_counter() - began
