"""What the tests of models and endpoints on AWS share: a stack's bucket, role and image, and artifacts."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from running_emulator import KIT, RunningEmulator
from training_requests import make_role

from providers.aws import session
from providers.aws.contents import Contents, Stored
from providers.aws.endpoints import EndpointKind
from providers.aws.models import ModelKind
from providers.aws.objects import stack_uri
from providers.aws.versions import ModelVersionKind
from providers.contract import Context, Ownership
from providers.values import EndpointSpec, ModelSpec, ModelVersionSpec, ModelVersionState

REGION = "us-east-1"
ROW = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


class ModelsBench:
    """One stack in an emulator. Its methods find that by `session.ENDPOINT`, which each test sets."""

    def __init__(self, running: RunningEmulator, root: Path, name: str) -> None:
        self.running, self.root, self.bucket = running, root, name
        self.home = root / "home"
        self.home.mkdir(parents=True)
        self.owner = Ownership(name, "dev", "", "inputs", REGION, name)
        s3 = running.client("s3")
        s3.create_bucket(Bucket=name)
        tags = {"mooring:project": name, "mooring:stack": "dev"}
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": pairs})
        running.client("ecr").create_repository(repositoryName=name)
        self.role = make_role(running, name, "*")
        self.sagemaker = running.client("sagemaker")
        self.models, self.versions = ModelKind(self.home), ModelVersionKind(self.home)
        self.endpoints = EndpointKind(self.home)
        self.told: list[str] = []
        self._artifacts: dict[int, Stored] = {}

    def context(self, name: str, **changes: str) -> Context:
        """The context of the resource `name`."""
        owner = replace(self.owner, urn=f"urn:pulumi:dev::{self.bucket}::moor:index:X::{name}", **changes)
        return Context(owner, self.root, lambda message, fraction: self.told.append(message))

    def run(self, trees: int) -> Stored:
        """An artifact, as a training run has left it in S3."""
        if trees not in self._artifacts:
            base = stack_uri(self.bucket, self.owner, "runs", f"run-{trees}")
            self._artifacts[trees] = Contents(REGION, self.home).put(trained(self.root / f"trees-{trees}", trees), base)
        return self._artifacts[trees]

    def model(self, name: str, **changes: Any) -> str:
        """A model; its id."""
        spec = ModelSpec.model_validate({**self.scope(name), **changes})
        id = self.models.create(spec, self.context(f"model-{name}"))
        self.models.wait(id, spec, self.context(f"model-{name}"))
        self.models.claim(id)
        return id

    def version_spec(self, model: str, stored: Stored, **changes: Any) -> ModelVersionSpec:
        """What a version of a run's artifact asks for."""
        own = {"model": model, "artifact": stored.uri, "digest": stored.digest}
        return ModelVersionSpec.model_validate({**self.scope(model), **own, **changes})

    def version(self, model: str, stored: Stored, name: str = "", **changes: Any) -> tuple[str, ModelVersionState]:
        """A registered version that a state holds, and its id."""
        spec, context = self.version_spec(model, stored, **changes), self.context(f"version-{name or model}")
        id = self.versions.create(spec, context)
        state = self.versions.wait(id, spec, context)
        self.versions.claim(id)
        return id, state

    def endpoint_spec(self, model: str, *digests: str, **changes: Any) -> EndpointSpec:
        """An endpoint that shares its traffic between these versions."""
        share = 100 // len(digests)
        own = {
            "deployments": [
                {"name": f"v{number}", "model": model, "digest": digest, "weight": share}
                for number, digest in enumerate(digests, 1)
            ],
            "identity": {"principal": self.role},
        }
        return EndpointSpec.model_validate({**self.scope(model), **own, **changes})

    def scope(self, name: str) -> dict[str, Any]:
        """What every spec has."""
        return {"cloud": "aws", "region": REGION, "container": self.bucket, "name": name}

    def names(self, kind: str) -> list[str]:
        """Names of all endpoints, configurations or models of this stack that SageMaker has."""
        member = {"endpoints": "Endpoint", "endpoint_configs": "EndpointConfig", "models": "Model"}[kind]
        found = [one for page in self.sagemaker.get_paginator(f"list_{kind}").paginate() for one in page[f"{member}s"]]
        return [str(one[f"{member}Name"]) for one in found if self._is_mine(one[f"{member}Arn"])]

    def _is_mine(self, arn: str) -> bool:
        tags = {tag["Key"]: tag["Value"] for tag in self.sagemaker.list_tags(ResourceArn=arn)["Tags"]}
        return tags.get("mooring:project") == self.bucket

    def keys(self, prefix: str = "") -> list[str]:
        """Keys of all objects of the stack below a part of its prefix."""
        base = f"mooring/{self.bucket}/dev/{prefix}"
        pages = self.running.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=base)
        return [item["Key"].removeprefix(base) for page in pages for item in page.get("Contents", ())]

    def close(self) -> None:
        """Delete the endpoints that were made."""
        for found in self.endpoints.find(self.owner):
            self.endpoints.delete(found.id, self.context("close"))


def trained(folder: Path, trees: int) -> Path:
    """An artifact of the kit's own trainer."""
    from training.jobs.job import Job
    from training.workflow import run_job

    parameters = {"target": "species", "n_estimators": str(trees)}
    with mock.patch.dict(os.environ, {"MOORING_TRIAL": "1"}):
        run_job(Job({"train": KIT / "data" / "iris.csv"}, folder, hyperparameters=parameters), lambda line: None)
    return folder


@contextmanager
def models_bench(running: RunningEmulator, root: Path) -> Iterator[ModelsBench]:
    """A bench; what it served is gone afterwards."""
    with mock.patch.dict(os.environ, {session.ENDPOINT: running.url}):
        bench = ModelsBench(running, root, f"bench-{time.time_ns()}")
        try:
            yield bench
        finally:
            bench.close()
            session.close()
