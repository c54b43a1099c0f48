"""A scripted engine, a project in a temporary folder, and a way to run `mooring` in this process."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from infra.engine.api import Event, OnEvent, Options, Result, StackRef, StepEvent

DIGEST_1 = "sha256:" + "1" * 64
DIGEST_2 = "sha256:" + "2" * 64

STACK_FILE = """\
# the stack for tests
config:
  mooring:cloud: local
  mooring:datasets:
    iris: {path: data/iris.csv}
  mooring:models:
    iris:  # the model
      training:
        dataset: iris
        target: species
  mooring:endpoints:
    iris:
      model: iris
"""


def urn(type: str, name: str) -> str:
    return f"urn:pulumi:local::mooring::mooring:infra:Part${type}::{name}"


def resource(kind: str, name: str, **more: Any) -> dict[str, Any]:
    """One of ours as it is in an exported state."""
    token = f"moor:index:{kind}"
    return {
        "urn": urn(token, name), "type": token, "custom": True, "id": f"local:{kind.lower()}-{name}",
        "inputs": {}, "outputs": {}, **more,
    }  # fmt: skip


def step(op: Any, kind: str = "Endpoint", name: str = "iris", **more: Any) -> StepEvent:
    token = f"moor:index:{kind}"
    return StepEvent(urn(token, name), token, name, op, more.pop("phase", "done"), **more)


def deployed() -> list[dict[str, Any]]:
    """An iris stack with an endpoint that serves version 2."""
    serves = [{"name": "iris", "model": "iris", "version": 2, "digest": DIGEST_2, "weight": 100}]
    return [
        {"urn": urn("pulumi:pulumi:Stack", "mooring-local"), "type": "pulumi:pulumi:Stack", "custom": False},
        resource("Dataset", "iris", outputs={"versions": ["a", "b"], "bytes": 2048.0}),
        resource("Model", "iris"),
        resource("ModelVersion", "iris", outputs={"model": "iris", "version": 2.0, "digest": DIGEST_2}),
        resource("Endpoint", "iris", outputs={"url": "http://127.0.0.1:1", "deployments": serves}),
    ]


@dataclass
class FakeEngine:
    """Answers with `results[verb]`, after its `events`, and notes every call in `calls`."""

    results: dict[str, Result] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    raises: Exception | None = None
    on_up: Any = None

    def _run(self, verb: str, ref: StackRef, options: Any, on_event: OnEvent, cancel: threading.Event) -> Result:
        self.calls.append((verb, options))
        if self.raises is not None:
            raise self.raises
        for event in self.events:
            on_event(event)
        if verb == "up" and self.on_up is not None:
            self.on_up(ref, cancel)
        return self.results.get(verb, Result())

    def preview(self, ref: StackRef, options: Options, on_event: OnEvent, cancel: threading.Event) -> Result:
        return self._run("preview", ref, options, on_event, cancel)

    def up(self, ref: StackRef, options: Options, on_event: OnEvent, cancel: threading.Event) -> Result:
        return self._run("up", ref, options, on_event, cancel)

    def refresh(self, ref: StackRef, options: Options, on_event: OnEvent, cancel: threading.Event) -> Result:
        return self._run("refresh", ref, options, on_event, cancel)

    def destroy(self, ref: StackRef, options: Options, on_event: OnEvent, cancel: threading.Event) -> Result:
        return self._run("destroy", ref, options, on_event, cancel)

    def import_resource(
        self, ref: StackRef, type: str, name: str, id: str, on_event: OnEvent, cancel: threading.Event
    ) -> Result:
        return self._run("import", ref, (type, name, id), on_event, cancel)

    def outputs(self, ref: StackRef) -> Result:
        return self.results.get("outputs", Result())

    def export(self, ref: StackRef) -> dict[str, Any]:
        return {"version": 3, "deployment": {"resources": self.resources} if self.resources else {}}

    def import_state(self, ref: StackRef, deployment: Mapping[str, Any]) -> None:
        self.calls.append(("import_state", deployment))
        if self.raises is not None:
            raise self.raises

    def history(self, ref: StackRef) -> list[dict[str, Any]]:
        return self.entries

    def cancel_lock(self, ref: StackRef) -> list[str]:
        return ["a lock of pid 7"]

    def verbs(self) -> list[str]:
        return [verb for verb, _ in self.calls]


@dataclass
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Bench:
    """A project with a stack `local`, a scripted engine, and `run`."""

    root: Path
    engine: FakeEngine
    capture: pytest.CaptureFixture[str]

    @property
    def file(self) -> Path:
        return self.root / "stacks" / "Pulumi.local.yaml"

    def run(self, *words: str) -> Ran:
        from mooring.cli import main

        code = main(words)
        told = self.capture.readouterr()
        return Ran(code, told.out, told.err)


def make_bench(root: Path, monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> Bench:
    """A bench in `root`; nobody is at the terminal."""
    from mooring import session

    (root / "stacks" / "templates").mkdir(parents=True)
    (root / "infra").mkdir()
    (root / "data").mkdir()
    (root / "data" / "iris.csv").write_text("a,species\n1,x\n")
    (root / "Pulumi.yaml").write_text("name: mooring\nruntime: python\nmain: infra/\nstackConfigDir: stacks\n")
    bench = Bench(root, FakeEngine(), capture)
    bench.file.write_text(STACK_FILE)
    monkeypatch.setenv("MOORING_PROJECT", str(root))
    monkeypatch.setattr(session, "build_engine", lambda name, ref: bench.engine)
    monkeypatch.setattr("sys.stdin", __import__("io").StringIO(""))
    return bench
