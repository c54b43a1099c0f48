"""What the tests of hosting share: a bucket, models of a few lines, endpoints that are gone afterwards."""

from __future__ import annotations

import io
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from running_emulator import RunningEmulator

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
CODE = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
IN_PROGRESS = ("Creating", "Updating", "RollingBack", "Deleting")
SCRIPT = """
import json, os, time

def model_fn(folder):
    time.sleep(float(os.environ.get("LOADING", "0")))
    print("loading the model of", open(os.path.join(folder, "name.txt")).read(), flush=True)
    global LOADED
    LOADED = time.time()
    return open(os.path.join(folder, "name.txt")).read()

def transform_fn(model, body, content_type, accept):
    if content_type == "application/octet-stream":
        return body, content_type
    text = body if isinstance(body, str) else body.decode("latin-1")
    if text.startswith("sleep "):
        time.sleep(float(text.split()[1]))
    if text == "exit":
        os._exit(3)
    if text == "fail" or os.environ.get("ALWAYS_FAILS"):
        raise RuntimeError("this model fails")
    told = {"model": model, "type": content_type, "accept": accept, "pid": os.getpid(), "loaded": LOADED}
    return json.dumps(told | {"is_text": isinstance(body, str)}), "application/json"
"""
"""A model that says its name, and does on request what models should not."""


def packed(files: dict[str, str | bytes]) -> bytes:
    """A tar.gz of these files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


class HostingBench:
    """Names begin with `name`; `close` deletes the endpoints that were made."""

    def __init__(self, running: RunningEmulator, name: str) -> None:
        self.running, self.name, self.bucket = running, name, name
        self.s3, self.sagemaker = running.client("s3"), running.client("sagemaker")
        self.runtime, self.cloudwatch = running.client("sagemaker-runtime"), running.client("cloudwatch")
        self.s3.create_bucket(Bucket=name)
        self._endpoints: list[str] = []

    def put(self, key: str, content: bytes) -> str:
        """Upload an object; its address."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)
        return f"s3://{self.bucket}/{key}"

    def model(
        self, name: str, files: dict[str, str | bytes] | None = None, image: str = IMAGE, **variables: str
    ) -> str:
        """A model that says `name`, or of these files; its full name."""
        full = f"{self.name}-{name}"
        content = files or {"name.txt": name, "code/inference.py": SCRIPT}
        address = self.put(f"models/{full}.tar.gz", packed(content))
        container = {"Image": image, "ModelDataUrl": address, "Environment": CODE | variables}
        self.sagemaker.create_model(ModelName=full, PrimaryContainer=container)
        return full

    def config(self, name: str, *models: str, weights: tuple[float, ...] = (), count: int = 1, **members: Any) -> str:
        """A configuration of these models as variants `one`, `two`, …; its full name."""
        full = f"{self.name}-{name}"
        variants = [
            {"VariantName": variant, "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": count}
            | ({"InitialVariantWeight": weight} if weight is not None else {})
            for variant, model, weight in zip(("one", "two", "three"), models, weights or (None,) * 3, strict=False)
        ]
        members = {"ProductionVariants": variants} | members
        self.sagemaker.create_endpoint_config(EndpointConfigName=full, **members)
        return full

    def begin(self, name: str, config: str, **members: Any) -> str:
        """Begin to create an endpoint; its full name."""
        full = f"{self.name}-{name}"
        self.sagemaker.create_endpoint(EndpointName=full, EndpointConfigName=config, **members)
        self._endpoints.append(full)
        return full

    def endpoint(self, name: str, config: str, **members: Any) -> str:
        """An endpoint that is in service; its full name."""
        full = self.begin(name, config, **members)
        described = self.settled(full)
        assert described["EndpointStatus"] == "InService", (described, self.log(full))
        return full

    def update(self, endpoint: str, config: str, **members: Any) -> dict[str, Any]:
        """Update an endpoint and wait; how it is then."""
        self.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config, **members)
        return self.settled(endpoint)

    def describe(self, endpoint: str) -> dict[str, Any]:
        """How an endpoint is."""
        described: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=endpoint)
        return described

    def settled(self, endpoint: str, seconds: float = 60.0, seen: list[str] | None = None) -> dict[str, Any]:
        """How it is once nothing is under way; statuses on the way are added to `seen`."""
        deadline = time.monotonic() + seconds
        while True:
            described = self.describe(endpoint)
            status = described["EndpointStatus"]
            if seen is not None and (not seen or seen[-1] != status):
                seen.append(status)
            if status not in IN_PROGRESS:
                return described
            assert time.monotonic() < deadline, (described, self.running.log.read_text()[-3000:])
            time.sleep(0.05)

    def delete(self, endpoint: str) -> None:
        """Delete an endpoint and wait until it is gone."""
        self.sagemaker.delete_endpoint(EndpointName=endpoint)
        self.gone(endpoint)

    def gone(self, endpoint: str, seconds: float = 60.0) -> None:
        """Wait until an endpoint is gone."""
        deadline = time.monotonic() + seconds
        while self.exists(endpoint):
            assert time.monotonic() < deadline, self.describe(endpoint)
            time.sleep(0.05)

    def exists(self, endpoint: str) -> bool:
        """Whether there is such an endpoint."""
        try:
            self.describe(endpoint)
        except self.sagemaker.exceptions.ClientError as error:
            if "Could not find endpoint" in str(error):
                return False
            raise
        return True

    def invoke(self, endpoint: str, body: bytes = b"{}", kind: str = "application/json", **members: Any) -> Any:
        """One invocation."""
        return self.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType=kind, **members)

    def says(self, endpoint: str, body: bytes = b"{}", **members: Any) -> dict[str, Any]:
        """What the model of `SCRIPT` says."""
        import json

        told: dict[str, Any] = json.loads(self.invoke(endpoint, body, **members)["Body"].read())
        return told

    def log(self, endpoint: str) -> list[str]:
        """The lines that its servers printed, as CloudWatch Logs has them."""
        logs, group = self.running.client("logs"), f"/aws/sagemaker/Endpoints/{endpoint}"
        try:
            streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [
            event["message"]
            for stream in streams
            for event in logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]

    def close(self) -> None:
        """Delete the endpoints that were made."""
        for endpoint in self._endpoints:
            if self.exists(endpoint) and self.settled(endpoint):
                self.delete(endpoint)


class Asking:
    """Asks an endpoint again and again from another thread, and notes what came of it."""

    def __init__(self, bench: HostingBench, endpoint: str) -> None:
        self.models: list[str] = []
        self.failures: list[str] = []
        self._bench, self._endpoint, self._stop = bench, endpoint, threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def _ask(self) -> None:
        while not self._stop.is_set():
            try:
                self.models.append(self._bench.says(self._endpoint)["model"])
            except Exception as error:  # noqa: BLE001 - whatever it is, the test tells of it
                self.failures.append(str(error))
            self._stop.wait(0.01)

    def __enter__(self) -> Asking:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)


@contextmanager
def hosting(running: RunningEmulator, name: str) -> Iterator[HostingBench]:
    """A bench that is closed afterwards."""
    bench = HostingBench(running, name)
    try:
        yield bench
    finally:
        bench.close()


def eventually(what: Any, seconds: float = 20.0) -> Any:
    """What `what` returns once that is true."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(0.05)
    return found
