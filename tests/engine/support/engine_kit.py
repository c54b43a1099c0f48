"""A project in a folder, driven by the embedded engine with the `demo` provider."""

from __future__ import annotations

import json
import textwrap
import threading
from pathlib import Path
from typing import Any

from demo_provider import DemoProvider

from infra.engine.api import Event, LogEvent, Options, Result, StackRef, StepEvent
from infra.engine.engine import EmbeddedEngine

PASSPHRASE = "correct horse"
SALT = "v1:lTYf7TB/nUc=:v1:DFkq2YNzgKzyLlOn:Nt60AJRsFNurQioTdz0agxocen6fGg=="
"""An `encryptionsalt` of this passphrase: one for all tests, so that its key is derived once a process."""
PREAMBLE = "import pulumi\nfrom pulumi import ResourceOptions as Opts\nfrom demo import Group, Provider, Thing\n"


class Stack:
    """One stack; `root` is the project's folder, `home` the demo provider's."""

    def __init__(self, root: Path, name: str = "dev", project: str = "proj") -> None:
        self.root, self.name, self.home = root, name, root / "home"
        for folder in (self.home, root / "infra", root / "stacks", root / "backend"):
            folder.mkdir(exist_ok=True)
        (root / "passphrase").write_text(PASSPHRASE)
        self.config_file = root / "stacks" / f"Pulumi.{name}.yaml"
        if not self.config_file.exists():
            self.config_file.write_text(f"config: {{}}\nencryptionsalt: {SALT}\n")
        self.ref = StackRef(
            project, name, root, root / "infra", root / "backend", self.config_file, root / "passphrase", "local"
        )
        self.engine = EmbeddedEngine({"demo": DemoProvider})
        self.events: list[Event] = []
        self.cancel = threading.Event()

    def program(self, source: str) -> None:
        """Write the program; names of the test resources are imported for it."""
        (self.root / "infra" / "__main__.py").write_text(PREAMBLE + textwrap.dedent(source))

    def run(self, verb: str, source: str | None = None, **options: Any) -> Result:
        """One operation, with a program if it is given."""
        if source is not None:
            self.program(source)
        self.events, self.cancel = [], threading.Event()
        result: Result = getattr(self.engine, verb)(self.ref, Options(**options), self.events.append, self.cancel)
        return result

    def up(self, source: str | None = None, **options: Any) -> Result:
        """Deploy, and insist that it works."""
        result = self.run("up", source, **options)
        assert result.ok, result.errors
        return result

    def preview(self, source: str | None = None, **options: Any) -> Result:
        return self.run("preview", source, **options)

    def destroy(self, **options: Any) -> Result:
        return self.run("destroy", **options)

    @property
    def steps(self) -> list[tuple[str, str]]:
        """(op, name) of every step that was ended or planned, without what stayed the same."""
        phases = ("done", "planned")
        found = [e for e in self.events if isinstance(e, StepEvent) and e.phase in phases]
        return [(e.op, e.name) for e in found if e.op != "same"]

    @property
    def messages(self) -> list[str]:
        return [e.message for e in self.events if isinstance(e, LogEvent)]

    def things(self) -> dict[str, dict[str, Any]]:
        """What really exists: inputs by name of resource."""
        found = [json.loads(f.read_text()) for f in self.home.glob("*.thing")]
        names = [t["urn"].rsplit("::", 1)[-1] for t in found]
        assert len(set(names)) == len(names), f"something exists twice: {sorted(names)}"
        return {name: t["inputs"] for name, t in zip(names, found, strict=True)}

    def calls(self, *kinds: str) -> list[str]:
        """Calls of the provider so far, `create a`; only of these kinds where any are given."""
        log = self.home / "calls.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line for line in lines if not kinds or line.split()[0] in kinds]

    def forget_calls(self) -> None:
        (self.home / "calls.log").unlink(missing_ok=True)

    @property
    def state_file(self) -> Path:
        return self.root / "backend" / ".pulumi" / "stacks" / self.ref.project / f"{self.name}.json"

    def deployment(self) -> dict[str, Any]:
        """The state as it is on disk."""
        latest: dict[str, Any] = json.loads(self.state_file.read_text())["checkpoint"].get("latest") or {}
        return latest

    def resources(self) -> dict[str, dict[str, Any]]:
        """Resources of the state by name, without the stack, providers, and what waits for deletion."""
        found = self.deployment().get("resources", [])
        hidden = ("pulumi:pulumi:Stack", "pulumi:providers:demo", "pulumi:providers:pulumi")
        return {r["urn"].rsplit("::", 1)[-1]: r for r in found if r["type"] not in hidden and not r.get("delete")}

    def urn(self, name: str) -> str:
        """The URN of a resource in state."""
        return str(self.resources()[name]["urn"])
