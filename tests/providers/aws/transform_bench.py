"""What the tests of transform jobs send: a model whose code is a few lines, objects, and requests."""

from __future__ import annotations

import io
import tarfile
import time
from typing import Any

from training_requests import IMAGE, Bench

TERMINAL = ("Completed", "Failed", "Stopped")
SERVING = """
import json, os, time

def model_fn(folder):
    return float(open(os.path.join(folder, "bias.txt")).read())

def input_fn(body, content_type):
    text = body.decode() if isinstance(body, bytes) else body
    time.sleep(float(os.environ.get("PAUSE", "0")))
    if "crash" in text:
        os._exit(7)
    if "raise" in text:
        raise RuntimeError("cannot do that")
    if content_type == "text/csv":
        return [[float(cell) for cell in line.split(",")] for line in text.splitlines()]
    if content_type == "application/json":
        return [json.loads(text)["x"]]
    if content_type == "application/jsonlines":
        return [json.loads(line)["x"] for line in text.splitlines()]
    return [[float(len(text))]]

def predict_fn(rows, bias):
    if os.environ.get("COUNT_ROWS"):
        return [float(len(rows))]
    return [sum(row) + bias for row in rows]

def output_fn(values, accept):
    if accept == "application/json":
        return json.dumps({"sum": values[0]}), accept
    if accept == "application/jsonlines":
        return "\\n".join(json.dumps({"sum": value}) for value in values), accept
    return "\\n".join(map(str, values)), "text/csv"
"""


class TransformBench(Bench):
    """A bench with a model that adds up the numbers of each row, and 100."""

    def model(self, name: str, serving: str = SERVING, **environment: str) -> str:
        """Make a model of this code, and return its name."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            for path, text in {"bias.txt": "100", "code/inference.py": serving}.items():
                entry = tarfile.TarInfo(path)
                entry.size = len(text.encode())
                tar.addfile(entry, io.BytesIO(text.encode()))
        self.s3.put_object(Bucket=self.bucket, Key=f"models/{name}.tar.gz", Body=packed.getvalue())
        code = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://{self.bucket}/models/{name}.tar.gz",
                     "Environment": code | environment}  # fmt: skip
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=self.role, PrimaryContainer=container)
        return name

    def put(self, prefix: str, **objects: str | bytes) -> str:
        """Objects below a prefix, `a_csv` being `a.csv`; its address."""
        for name, content in objects.items():
            body = content.encode() if isinstance(content, str) else content
            self.s3.put_object(Bucket=self.bucket, Key=f"{prefix}/{name.replace('_', '.')}", Body=body)
        return f"s3://{self.bucket}/{prefix}/"

    def transform_request(self, name: str, model: str, source: str, **changes: Any) -> dict[str, Any]:
        """A whole request; `content`, `accept`, `split`, `assemble`, `compression`, `kind` and members."""
        content, accept = changes.pop("content", "text/csv"), changes.pop("accept", "text/csv")
        return {
            "TransformJobName": name,
            "ModelName": model,
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": changes.pop("kind", "S3Prefix"), "S3Uri": source}},
                "ContentType": content,
                "SplitType": changes.pop("split", "Line"),
                "CompressionType": changes.pop("compression", "None"),
            },
            "TransformOutput": {
                "S3OutputPath": f"s3://{self.bucket}/out/{name}",
                "Accept": accept,
                "AssembleWith": changes.pop("assemble", "Line"),
            },
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        } | changes

    def transform(self, name: str, model: str, source: str, **changes: Any) -> dict[str, Any]:
        """Create a job and wait for its end."""
        self.sagemaker.create_transform_job(**self.transform_request(name, model, source, **changes))
        return self.transformed(name)

    def transformed(self, name: str, until: Any = None) -> dict[str, Any]:
        """The job once it has ended, or once `until` is true of it."""
        deadline = time.monotonic() + 90
        while True:
            job: dict[str, Any] = self.sagemaker.describe_transform_job(TransformJobName=name)
            if until(job) if until else job["TransformJobStatus"] in TERMINAL:
                return job
            assert time.monotonic() < deadline, f"{job}\n{self.running.log.read_text()[-3000:]}"
            time.sleep(0.05)

    def results(self, name: str) -> dict[str, str]:
        """What a job left in S3, by key below its output."""
        below = f"out/{name}/"
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=below).get("Contents", ())
        return {
            one["Key"].removeprefix(below): self.s3.get_object(Bucket=self.bucket, Key=one["Key"])["Body"]
            .read()
            .decode()
            for one in found
        }

    def log_of(self, name: str, group: str = "/aws/sagemaker/TransformJobs") -> str:
        """All lines of a job's log."""
        logs = self.running.client("logs")
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
        return "\n".join(
            event["message"]
            for stream in streams
            for event in logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        )
