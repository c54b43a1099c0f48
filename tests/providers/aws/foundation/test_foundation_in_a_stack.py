"""The whole program on AWS: what its `moor` resources are given of the foundation, and in which order.

The adapter is one of files: what is looked at is what it is asked, not what it does.
"""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from aws_stack import KIT, PASSPHRASE, SALT
from contract.fake_cloud import fake_adapter
from running_emulator import RunningEmulator

from infra.engine.api import Event, Options, Result, StackRef, StepEvent
from infra.engine.engine import EmbeddedEngine
from providers import registry
from providers.aws.naming import stable_name
from providers.aws.standin.servicer import AwsStandin
from providers.contract import Ownership
from providers.servicer import MoorServicer

SETTINGS = """\
encryptionsalt: {salt}
config:
  mooring:cloud: aws
  mooring:region: eu-north-1
  mooring:account: "999988887777"
  mooring:tags: {{team: ml}}
  mooring:network: {{access: {access}}}
  mooring:datasets:
    iris: {{path: a.csv}}
  mooring:models:
    iris:
      training: {{dataset: iris, target: y}}
  mooring:endpoints:
    iris: {{model: iris}}
  mooring:batches:
    all: {{model: iris, dataset: iris}}
"""


class Deployed:
    """The kit's program as one stack of a project of its own, on the emulator at `url`."""

    def __init__(self, root: Path, url: str) -> None:
        self.url = url
        for folder in ("stacks", "backend"):
            (root / folder).mkdir()
        (root / "a.csv").write_text("x,y\n1,2\n")
        (root / "passphrase").write_text(PASSPHRASE)
        (root / "Pulumi.yaml").write_text("name: mooring\nruntime: python\n")
        self.file = root / "stacks" / "Pulumi.dev.yaml"
        self.write("public")
        self.ref = StackRef(
            "mooring", "dev", root, KIT / "infra", root / "backend", self.file, root / "passphrase", "aws", emulate=True
        )
        adapter = fake_adapter(root / "cloud", cloud="aws")
        moor = partial(MoorServicer, root=root, adapters=lambda cloud: adapter, clouds=lambda: ("aws",))
        self.engine = EmbeddedEngine({"moor": moor, "aws": AwsStandin})
        self.events: list[Event] = []

    def write(self, access: str) -> None:
        self.file.write_text(SETTINGS.format(salt=SALT, access=access))

    def well(self, verb: str) -> Result:
        self.events = []
        asked = Options(environment={"MOORING_AWS_ENDPOINT": self.url, "MOORING_PROJECT": str(self.ref.root)})
        result: Result = getattr(self.engine, verb)(self.ref, asked, self.events.append, threading.Event())
        assert result.ok, result.errors
        return result

    def resources(self) -> list[dict[str, Any]]:
        return list(self.engine.export(self.ref)["deployment"]["resources"])

    def moor(self) -> dict[str, dict[str, Any]]:
        """Inputs of the package's resources, by type and name."""
        return {
            f"{r['type'].rpartition(':')[2]}/{r['urn'].rpartition('::')[2]}": r["inputs"]
            for r in self.resources()
            if r["type"].startswith("moor:")
        }

    def order(self, op: str) -> list[str]:
        """Types in the order in which they were done."""
        return [e.type for e in self.events if isinstance(e, StepEvent) and e.phase == "done" and e.op == op]


@pytest.fixture
def deployed(emulator: RunningEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    monkeypatch.setattr(registry, "adapter", lambda cloud: None)
    monkeypatch.setattr(registry, "available", lambda: ("local", "aws"))
    return Deployed(tmp_path, emulator.url)


def test_resources_get_bucket_roles_and_network_after_they_are_there(deployed: Deployed) -> None:
    deployed.write("private")
    deployed.well("preview")
    given = deployed.well("up").outputs["foundation"]
    inputs = deployed.moor()
    assert {one["container"] for one in inputs.values()} == {given["bucket"]}
    principals = {key: one["identity"]["principal"] for key, one in inputs.items() if "identity" in one}
    assert principals == {
        "TrainingRun/iris": given["trainingRole"],
        "Endpoint/iris": given["servingRole"],
        "BatchPrediction/all": given["servingRole"],
    }
    for key in principals:
        network = inputs[key]["network"]
        assert network["access"] == "private"
        assert len(network["subnets"]) == 2
        assert len(network["securityGroups"]) == 1
    made = deployed.order("create")
    needed = ("aws:s3/bucketPolicy:BucketPolicy", "aws:iam/rolePolicy:RolePolicy", "aws:ec2/vpcEndpoint:VpcEndpoint")
    first = made.index("moor:index:Dataset")
    assert all(max(i for i, type in enumerate(made) if type == name) < first for name in needed)
    assert made.index("aws:cloudwatch/metricAlarm:MetricAlarm") > made.index("moor:index:Endpoint")

    logged = [r["id"] for r in deployed.resources() if r["type"].endswith(":LogGroup")]
    urn = next(r["urn"] for r in deployed.resources() if r["type"] == "moor:index:Endpoint")
    assert logged == [f"/aws/sagemaker/Endpoints/{stable_name('iris', Ownership('mooring', 'dev', urn, ''))}"]

    deployed.well("preview")
    assert not [e for e in deployed.events if isinstance(e, StepEvent) and e.op != "same"]

    deployed.well("destroy")
    gone = deployed.order("delete")
    last = max(i for i, type in enumerate(gone) if type.startswith("moor:"))
    assert all(gone.index(name) > last for name in ("aws:s3/bucket:Bucket", *needed))


def test_the_emulator_s_address_is_in_no_resource_but_the_provider(
    deployed: Deployed, emulator: RunningEmulator
) -> None:
    deployed.well("up")
    for resource in deployed.resources():
        if not resource["type"].startswith("pulumi:providers:"):
            assert emulator.url not in str(resource), resource["urn"]
    deployed.well("destroy")
