"""Runs a scenario by one engine, and tells what came of each step in a form that can be compared.

The form has no times and no random ids, and secrets are shown as `{"secret": …}`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from engine_kit import PASSPHRASE, SALT
from pulumi.runtime.proto import provider_pb2_grpc
from scenario import Scenario, Step
from twin_provider import SECRET, SIGNATURE, TwinProvider

from infra.engine.api import LogEvent, Options, Result, StackRef
from infra.engine.configuration import configuration
from infra.engine.engine import EmbeddedEngine
from infra.engine.errors import EngineError

HERE = Path(__file__).parent
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_UNTOLD = ("created", "modified", "stackTrace", "sourcePosition")

Json = dict[str, Any]


class Project:
    """A project in a folder, with the provider that its programs use."""

    def __init__(self, root: Path, scenario: Scenario, provider: TwinProvider | None = None) -> None:
        self.root, self.scenario = root, scenario
        self.provider = provider or TwinProvider(secrets=scenario.secrets)
        for folder in ("infra", "stacks", "backend"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        (root / "passphrase").write_text(PASSPHRASE)
        (root / "Pulumi.yaml").write_text(
            "name: proj\nruntime:\n  name: python\n  options:\n"
            f"    virtualenv: {os.path.relpath(Path(sys.prefix), root)}\n"
            "main: infra/\nstackConfigDir: stacks\n"
        )
        config_file = root / "stacks" / "Pulumi.dev.yaml"
        config_file.write_text(f"config: {scenario.config}\nencryptionsalt: {SALT}\n")
        for name, text in scenario.files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        self.ref = StackRef(
            "proj", "dev", root, root / "infra", root / "backend", config_file, root / "passphrase", "local"
        )
        self.secrets = configuration.load(self.ref).secrets

    def prepare(self, step: Step) -> None:
        """Write the step's program, change the world, and forget earlier calls."""
        if step.program:
            (self.root / "infra" / "__main__.py").write_text(step.source)
        if step.world is not None:
            step.world(self.provider)
        self.provider.calls.clear()

    def urns(self, names: tuple[str, ...]) -> list[str]:
        """URNs of state by their last part, those of new resources by the type `R`; patterns as they are."""
        known = {r["urn"].rsplit("::", 1)[-1]: r["urn"] for r in self.deployment().get("resources", ())}
        return [n if "*" in n else known.get(n, f"urn:pulumi:dev::proj::twin:index:R::{n}") for n in names]

    def deployment(self) -> Json:
        """The state on disk."""
        file = self.root / "backend" / ".pulumi" / "stacks" / "proj" / "dev.json"
        if not file.exists():
            return {}
        return json.loads(file.read_text())["checkpoint"].get("latest") or {}

    def opened(self, value: Any) -> Any:
        """A value of the state with its secrets decrypted."""
        if isinstance(value, dict):
            if value.get(SIGNATURE) == SECRET and "ciphertext" in value:
                assert self.secrets is not None
                return {"secret": json.loads(self.secrets.decrypt(value["ciphertext"]))}
            return {k: self.opened(v) for k, v in value.items()}
        return [self.opened(v) for v in value] if isinstance(value, list) else value

    def told(self, step: Step, ok: bool, document: Json | None = None) -> Json:
        """What a step has come to."""
        deployment = self.deployment()
        resources = [_resource(self.opened(r)) for r in deployment.get("resources", ())]
        pending = [(o["type"], o["resource"]["urn"]) for o in deployment.get("pending_operations") or ()]
        calls: dict[str, list[Json]] = {}
        for call in self.provider.calls:
            told = {k: v for k, v in call.items() if k != "urn"}
            so_far = calls.setdefault(call["urn"], [])
            if not _idle(told, step) and told not in so_far[-1:]:
                so_far.append(told)
        result: Json = {"ok": ok, "state": _sorted(resources), "calls": _used(calls)}
        if pending:
            result["pending"] = pending
        if document is not None:
            result["preview"] = _previewed(document)
        return _without_ids(result)


class Embedded(Project):
    """A project that the embedded engine drives."""

    errors: list[str]

    def run(self, step: Step) -> Json:
        """One step."""
        self.prepare(step)
        engine = EmbeddedEngine({"twin": lambda: self.provider})
        self.log: list[str] = []
        try:
            result = self._run(engine, step)
        except EngineError as refused:
            result = Result(errors=[str(refused)])
        self.errors = result.errors
        document = result.document if step.verb == "preview" and result.ok else None
        return self.told(step, result.ok, document)

    def _run(self, engine: EmbeddedEngine, step: Step) -> Result:
        def on_event(event: Any) -> None:
            if isinstance(event, LogEvent):
                self.log.append(event.message)

        if step.verb == "import":
            return engine.import_resource(self.ref, *step.arguments, on_event, threading.Event())
        options = Options(
            targets=tuple(self.urns(step.targets)),
            replace=tuple(self.urns(step.replace)),
            target_dependents=step.target_dependents,
            refresh=step.refresh,
            expect_no_changes="--expect-no-changes" in step.arguments,
        )
        return getattr(engine, step.verb)(self.ref, options, on_event, threading.Event())


class Cli(Project):
    """A project that `pulumi` drives, with the provider attached."""

    output: str = ""

    def run(self, step: Step) -> Json:
        """One step."""
        self.prepare(step)
        with _attached(self.provider) as port:
            done = self.pulumi(step, port)
        document = None
        if step.verb == "preview" and done.returncode == 0:
            document = json.loads(done.stdout)
        self.output = done.stdout + done.stderr
        return self.told(step, done.returncode == 0, document)

    def pulumi(self, step: Step, port: int) -> subprocess.CompletedProcess[str]:
        arguments: list[str] = [step.verb, *step.arguments]
        for option, names in (("--target", step.targets), ("--replace", step.replace)):
            for urn in self.urns(names):
                arguments += [option, urn]
        arguments += ["--target-dependents"] if step.target_dependents else []
        arguments += ["--refresh"] if step.refresh else []
        arguments += ["--json"] if step.verb == "preview" else ["--yes", "--skip-preview"]
        arguments += ["--generate-code=false"] if step.verb == "import" else []
        return subprocess.run(
            ["pulumi", *arguments, "--stack", "dev", "--non-interactive", "--color", "never"],
            cwd=self.root, env={**os.environ, **self.environment(), "PULUMI_DEBUG_PROVIDERS": f"twin:{port}"},
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip

    def environment(self) -> dict[str, str]:
        return {
            "PULUMI_BACKEND_URL": f"file://{self.root / 'backend'}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_HOME": str(self.root / "pulumi-home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PYTHONPATH": str(HERE),
        }

    def init(self) -> None:
        """Make the stack."""
        subprocess.run(
            ["pulumi", "stack", "init", "dev", "--non-interactive"],
            cwd=self.root, env={**os.environ, **self.environment()}, capture_output=True, timeout=240, check=True,
        )  # fmt: skip


@contextmanager
def _attached(provider: TwinProvider) -> Iterator[int]:
    server = grpc.server(futures.ThreadPoolExecutor(16))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


def _idle(call: Json, step: Step) -> bool:
    """Whether a call has no meaning of its own: `pulumi` compares even what a refresh found unchanged, and the
    embedded engine takes its providers up a second time when it refreshes first. A preview by `pulumi` configures
    former providers as well, which nothing then uses, and `pulumi destroy` compares what it then deletes. With targets
    it asks what would follow from deleting them, also of those that stay."""
    if step.verb == "destroy" and call["call"] == "Diff":
        return True
    if step.verb == "preview" and call["call"] == "Configure":
        return True
    if step.targets and call["call"] == "Diff" and UNKNOWN in json.dumps(call["new"]):
        return True
    if not (step.verb == "refresh" or step.refresh):
        return False
    return call["call"] == "Configure" or (call["call"] == "Diff" and call["old"] == call["new"])


def _used(calls: dict[str, list[Json]]) -> dict[str, list[Json]]:
    """Calls by URN, without those to providers that are configured and then left alone."""
    used = {u: found for u, found in sorted(calls.items()) if any(c["call"] != "Configure" for c in found)}
    for found in used.values():
        # Of one name, what there is and what it has replaced are deleted in any order.
        if all(call["call"] == "Delete" for call in found):
            found.sort(key=lambda call: str(call["id"]))
    return used


def _resource(raw: Json) -> Json:
    found = {k: v for k, v in raw.items() if k not in _UNTOLD}
    # A refresh by `pulumi` leaves out properties that depend on nothing.
    needs = {k: sorted(v) for k, v in found.pop("propertyDependencies", {}).items() if v}
    found |= {"propertyDependencies": needs} if needs else {}
    found["times"] = "created" in raw, "modified" in raw
    for key in ("dependencies", "aliases"):
        if key in found:
            found[key] = sorted(found[key])
    return found


def _sorted(resources: list[Json]) -> list[Json]:
    """Independent resources are done in any order; that needs come first is asked elsewhere."""
    return sorted(resources, key=lambda r: (r["urn"], bool(r.get("delete")), r.get("id", "")))


def _previewed(document: Json) -> Json:
    steps = []
    for step in document["steps"]:
        shown = dict(step)
        for side in ("oldState", "newState"):
            if side in shown:
                shown[side] = _resource(shown[side])
        steps.append(shown)
    return {
        "steps": sorted(steps, key=lambda s: (s["urn"], s["op"])), "changeSummary": document.get("changeSummary")
    }  # fmt: skip


def _without_ids(told: Json) -> Json:
    """Random ids (of providers) numbered in the order in which they appear."""
    seen: dict[str, str] = {}
    text = _UUID.sub(lambda m: _number(seen, m[0]), json.dumps(told, sort_keys=True))
    found: Json = json.loads(text)
    return found


def _number(seen: dict[str, str], id: str) -> str:
    if id == UNKNOWN:
        return id
    return seen.setdefault(id, f"uuid-{len(seen) + 1}")


def names_before(deployment: Json) -> list[str]:
    """Resources of a state that come before something they need."""
    seen: set[str] = set()
    wrong = []
    for raw in deployment.get("resources", ()):
        needs = {raw.get("parent", ""), *raw.get("dependencies", ()), raw.get("provider", "").rsplit("::", 1)[0]}
        wrong += [raw["urn"] for urn in needs if urn and urn not in seen]
        seen.add(raw["urn"])
    return wrong
