"""Stacks of AWS resources alone, deployed to an emulator by the embedded engine, with the stand-in."""

from __future__ import annotations

import json
import textwrap
import threading
from pathlib import Path
from typing import Any

from infra.engine.api import Event, LogEvent, Options, Result, StackRef, StepEvent
from infra.engine.engine import EmbeddedEngine
from providers.aws.standin.servicer import AwsStandin

KIT = Path(__file__).resolve().parents[3]
PASSPHRASE = "correct horse"
SALT = "v1:lTYf7TB/nUc=:v1:DFkq2YNzgKzyLlOn:Nt60AJRsFNurQioTdz0agxocen6fGg=="
"""An `encryptionsalt` of this passphrase."""
FOUNDATION = """
import dataclasses
from providers.foundation import Wanted, WantedBudget, WatchedEndpoint
from providers.aws.foundation import provision

found = provision(Wanted({arguments}))
for name in {watched}:
    found.watch(name, "proj-dev-" + name, None)
pulumi.export("foundation", dict(found.outputs))
if found.network:
    pulumi.export("subnets", found.network.subnets)
    pulumi.export("groups", found.network.security_groups)
"""
RESOURCES = """
import pulumi_aws as aws
provider = aws.Provider("aws", region={region!r}, access_key="x", secret_key="x", endpoints=[{{"s3": {url!r}}}])
opts = pulumi.ResourceOptions(provider=provider)
"""


class AwsStack:
    """A project in the folder `root` with one stack; `url` is the emulator's address."""

    def __init__(self, root: Path, url: str, name: str = "dev", project: str = "proj") -> None:
        self.root, self.url, self.name = root, url, name
        for folder in (root / "infra", root / "stacks", root / "backend"):
            folder.mkdir(parents=True, exist_ok=True)
        (root / "passphrase").write_text(PASSPHRASE)
        file = root / "stacks" / f"Pulumi.{name}.yaml"
        file.write_text(f"config: {{}}\nencryptionsalt: {SALT}\n")
        (root / "Pulumi.yaml").write_text(f"name: {project}\nruntime: python\nmain: infra/\nstackConfigDir: stacks\n")
        self.ref = StackRef(
            project, name, root, root / "infra", root / "backend", file, root / "passphrase", "aws", emulate=True
        )
        self.engine = EmbeddedEngine({"aws": AwsStandin})
        self.events: list[Event] = []

    def program(self, text: str) -> AwsStack:
        """Write the program, which has `pulumi`."""
        head = f"import sys\nsys.path.insert(0, {str(KIT)!r})\nimport pulumi\n"
        (self.root / "infra" / "__main__.py").write_text(head + textwrap.dedent(text))
        return self

    def foundation(self, arguments: str, watched: tuple[str, ...] = ()) -> AwsStack:
        """The program is the foundation alone; `arguments` are those of `Wanted`."""
        return self.program(FOUNDATION.format(arguments=arguments, watched=watched))

    def resources_of(self, text: str, region: str = "eu-central-1") -> AwsStack:
        """The program is `text` with `aws` and the options `opts` for an explicit provider."""
        return self.program(RESOURCES.format(region=region, url=self.url) + textwrap.dedent(text))

    def run(self, verb: str, **options: Any) -> Result:
        """One operation."""
        self.events = []
        environment = {"MOORING_AWS_ENDPOINT": self.url}
        asked = Options(environment=environment, **options)
        result: Result = getattr(self.engine, verb)(self.ref, asked, self.events.append, threading.Event())
        return result

    def well(self, verb: str, **options: Any) -> Result:
        """One operation that has to end well."""
        result = self.run(verb, **options)
        assert result.ok, (result.errors, self.messages)
        return result

    @property
    def steps(self) -> list[tuple[str, str]]:
        """(op, name) of every step that was ended or planned, without what stayed the same."""
        found = [e for e in self.events if isinstance(e, StepEvent) and e.phase in ("done", "planned")]
        return [(e.op, e.name) for e in found if e.op != "same"]

    @property
    def messages(self) -> list[str]:
        return [e.message for e in self.events if isinstance(e, LogEvent)]

    def state(self) -> dict[str, dict[str, Any]]:
        """Resources of the state by `<type>/<name>`."""
        file = self.root / "backend" / ".pulumi" / "stacks" / self.ref.project / f"{self.name}.json"
        found = json.loads(file.read_text())["checkpoint"]["latest"].get("resources", [])
        return {f"{r['type'].rpartition(':')[2]}/{r['urn'].rpartition('::')[2]}": r for r in found}
