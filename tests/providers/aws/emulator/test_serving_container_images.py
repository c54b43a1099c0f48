"""Which server a model gets: Mooring's own for its image and artifact, the framework's contract for the others."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
from botocore.exceptions import ClientError
from hosting_bench import CODE, IMAGE, SCRIPT, HostingBench, eventually, hosting, packed
from running_emulator import KIT, RunningEmulator

from providers.local.environments.environments import Environments


@pytest.fixture(scope="module")
def bench(emulator: RunningEmulator) -> Iterator[HostingBench]:
    with hosting(emulator, f"images-{time.time_ns()}") as made:
        yield made


@pytest.fixture(scope="module")
def own_image(bench: HostingBench) -> str:
    bench.running.client("ecr").create_repository(repositoryName=bench.name)
    return f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{bench.name}:1"


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A model of the kit's own, as a training job leaves it."""
    from training.jobs.job import Job
    from training.workflow import run_job

    folder = tmp_path_factory.mktemp("artifact") / "iris"
    parameters = {"target": "species", "n_estimators": "5"}
    with mock.patch.dict(os.environ, {"MOORING_TRIAL": "1"}):
        run_job(Job({"train": KIT / "data" / "iris.csv"}, folder, hyperparameters=parameters), lambda line: None)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)
    return stream.getvalue()


def test_moorings_own_image_serves_moorings_own_artifact(bench: HostingBench, own_image: str, artifact: bytes) -> None:
    model = f"{bench.name}-own"
    container = {"Image": own_image, "ModelDataUrl": bench.put("own.tar.gz", artifact)}
    bench.sagemaker.create_model(ModelName=model, PrimaryContainer=container)
    name = bench.endpoint("own", bench.config("own", model))
    rows = [{"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}]
    reply = bench.invoke(name, json.dumps({"instances": rows}).encode())
    assert reply["InvokedProductionVariant"] == "one"
    assert json.loads(reply["Body"].read())["predictions"] == ["setosa"]
    assert (
        bench.invoke(name, b"6.3,3.3,6.0,2.5\n", "text/csv", Accept="text/csv")["Body"].read().strip() == b"virginica"
    )


def test_an_own_image_serves_a_script_where_the_model_is_no_artifact(bench: HostingBench, own_image: str) -> None:
    address = bench.put("script.tar.gz", packed({"name.txt": "scripted", "code/inference.py": SCRIPT}))
    model = f"{bench.name}-script"
    bench.sagemaker.create_model(ModelName=model, PrimaryContainer={"Image": own_image, "ModelDataUrl": address})
    assert bench.says(bench.endpoint("script", bench.config("script", model)))["model"] == "scripted"


def test_a_scikit_learn_model_with_its_code_in_s3(bench: HostingBench, tmp_path: Path) -> None:
    trains = (
        "import joblib, sys\nfrom sklearn.datasets import load_iris\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "joblib.dump(LogisticRegression(max_iter=500).fit(*load_iris(return_X_y=True)), sys.argv[1])\n"
    )
    python = Environments().ensure("aws/scikit-learn")
    subprocess.run([str(python), "-c", trains, str(tmp_path / "model.joblib")], check=True, timeout=120)
    script = "import joblib, os\ndef model_fn(folder):\n    return joblib.load(os.path.join(folder, 'model.joblib'))\n"
    code = bench.put("sourcedir.tar.gz", packed({"serve.py": script}))
    model = bench.model(
        "sklearn", {"model.joblib": (tmp_path / "model.joblib").read_bytes()}, SAGEMAKER_PROGRAM="serve.py",
        SAGEMAKER_SUBMIT_DIRECTORY=code,
    )  # fmt: skip
    name = bench.endpoint("sklearn", bench.config("sklearn", model))
    assert json.loads(bench.invoke(name, b"[[5.1,3.5,1.4,0.2],[6.3,3.3,6.0,2.5]]")["Body"].read()) == [0, 2]
    with pytest.raises(ClientError) as caught:
        bench.invoke(name, b"x", "text/plain")
    assert caught.value.response["OriginalStatusCode"] == 415
    told = caught.value.response["Error"]["Message"]
    assert told.startswith("Received client error (415) from primary")
    assert "Content type text/plain is not supported" in told


def test_an_isolated_container_finds_no_way_to_aws(bench: HostingBench) -> None:
    code = bench.put("isolated.tar.gz", packed({"inference.py": SCRIPT}))
    address = bench.put("name.tar.gz", packed({"name.txt": "isolated"}))
    model = f"{bench.name}-isolated"
    variables = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": code, "AWS_MAX_ATTEMPTS": "1"}
    container = {"Image": IMAGE, "ModelDataUrl": address, "Environment": variables}
    bench.sagemaker.create_model(ModelName=model, PrimaryContainer=container, EnableNetworkIsolation=True)
    name = bench.begin("isolated", bench.config("isolated", model))
    assert bench.settled(name)["EndpointStatus"] == "Failed"
    assert eventually(lambda: [line for line in bench.log(name) if "Could not connect" in line])


def test_a_model_of_the_registry_with_data_as_it_is_in_s3(bench: HostingBench, unique: Callable[[str], str]) -> None:
    for name, content in {"name.txt": "registered", "code/inference.py": SCRIPT}.items():
        bench.put(f"unpacked/{name}", content.encode())
    source = {"S3Uri": f"s3://{bench.bucket}/unpacked/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    registered = {"Image": IMAGE, "ModelDataSource": {"S3DataSource": source}, "Environment": {**CODE, "LOADING": "9"}}
    group = unique("group")
    bench.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    package = bench.sagemaker.create_model_package(
        ModelPackageGroupName=group, InferenceSpecification={"Containers": [registered], **types}
    )["ModelPackageArn"]
    model = f"{bench.name}-registered"
    container = {"ModelPackageName": package, "Environment": {"LOADING": "0"}}
    bench.sagemaker.create_model(ModelName=model, PrimaryContainer=container)
    assert bench.says(bench.endpoint("registered", bench.config("registered", model)))["model"] == "registered"


def test_an_endpoint_is_in_service_within_two_seconds_of_its_model_being_loaded(bench: HostingBench) -> None:
    name = bench.endpoint("quick", bench.config("quick", bench.model("quick")))
    in_service = bench.describe(name)["LastModifiedTime"].timestamp()
    assert in_service - bench.says(name)["loaded"] < 2.0
