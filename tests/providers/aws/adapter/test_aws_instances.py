"""Instances: the smallest that has it all; names as they are."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import boto3
import pytest
from running_emulator import KIT

from providers.aws import instances
from providers.values import Machine


@pytest.mark.parametrize(
    ("use", "machine", "name"),
    [
        ("training", {}, "ml.c7i.large"),
        ("hosting", {}, "ml.c5.large"),
        ("training", {"vcpus": 4, "memory_gib": 8}, "ml.c5.xlarge"),
        ("training", {"vcpus": 4, "memory_gib": 9}, "ml.m5.xlarge"),
        ("training", {"vcpus": 2, "memory_gib": 16}, "ml.r5.large"),
        ("transform", {"vcpus": 2, "memory_gib": 16}, "ml.r6i.large"),
        ("training", {"gpus": 1}, "ml.g4dn.xlarge"),
        ("training", {"gpus": 1, "gpu": "A10G"}, "ml.g5.xlarge"),
        ("training", {"gpus": 2, "gpu": "nvidia-t4"}, "ml.g4dn.12xlarge"),
        ("training", {"gpus": 8, "gpu": "h100"}, "ml.p5.48xlarge"),
    ],
)
def test_the_smallest_that_has_it_all_is_chosen(use: instances.Use, machine: dict[str, Any], name: str) -> None:
    assert instances.choose(Machine(**machine), use) == name


def test_a_name_is_taken_as_it_is() -> None:
    assert instances.choose("ml.p6-b300.48xlarge", "training") == "ml.p6-b300.48xlarge"
    assert instances.choose(None, "training") == instances.DEFAULT


@pytest.mark.parametrize(
    ("use", "machine", "said"),
    [
        ("training", "ml.m5.larg", "did you mean 'ml.m5.large'"),
        ("training", "m5.large", "write 'ml.m5.large'"),
        ("training", "ml.t2.medium", "is not for training"),
        ("training", Machine(vcpus=500), "the largest is"),
        ("training", Machine(gpus=1, gpu="Z9"), "models of GPUs: A100, A10G"),
        ("transform", Machine(gpus=9), "no instance for transform"),
    ],
)
def test_what_there_is_not_is_told_with_what_there_is(use: instances.Use, machine: Machine | str, said: str) -> None:
    (problem,) = instances.problems(machine, use)
    assert said in problem.reason


def test_all_names_are_sagemakers() -> None:
    client = boto3.session.Session("x", "x", region_name="us-east-1").client("sagemaker")
    shapes = {"training": "TrainingInstanceType", "hosting": "ProductionVariantInstanceType",
              "processing": "ProcessingInstanceType", "transform": "TransformInstanceType"}  # fmt: skip
    for use, shape in shapes.items():
        assert instances.names(use) <= set(client.meta.service_model.shape_for(shape).enum)  # type: ignore[arg-type]
        assert {one.name for one in instances.choices(use)} <= instances.names(use)  # type: ignore[arg-type]


def test_a_preview_loads_no_sdk() -> None:
    code = """
import sys
from pathlib import Path
from providers.aws.storage import DatasetKind
from providers.aws.training import TrainingKind
from providers.aws.tuning import TuningKind
from providers.contract import Context, Ownership
from providers.values import TrainingSpec
spec = TrainingSpec(cloud="aws", region="eu-central-1", name="a", container="bucket", model="m",
                    identity={"principal": "arn:aws:iam::123456789012:role/x"},
                    channels={"train": {"uri": "s3://bucket/x/"}}, hyperparameters={"target": "y"})
home = Path(sys.argv[1])
_, problems = TrainingKind(home).check(spec, Context(Ownership("p", "s", "u", "i"), home))
assert not problems, problems
assert not {"boto3", "botocore"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code, "/nonexistent"], cwd=KIT, check=True, timeout=60)
