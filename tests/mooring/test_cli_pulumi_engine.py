"""The Pulumi CLI as an engine: driven for real, on a program of components (no provider plugin is needed)."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from infra.engine.api import Event, LogEvent, Options, StackRef, StepEvent
from providers.errors import ConflictError

if TYPE_CHECKING:
    from mooring.pulumi_cli import PulumiCli

pytestmark = pytest.mark.pulumi_cli

PROGRAM = """\
import pulumi


class Part(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("test:index:Part", name)
        self.register_outputs({})


config = pulumi.Config()
for number in range(config.get_int("count") or 0):
    Part(f"part-{number}")
if config.get("raise"):
    raise ValueError("the program says no")
if config.get("sleep"):
    import asyncio

    async def later():
        for number in range(60):
            await asyncio.sleep(0.3)
            Part(f"late-{number}")

    pulumi.export("later", later())
pulumi.export("count", config.get_int("count"))
pulumi.export("token", pulumi.Output.secret("geheim"))
"""


@pytest.fixture
def ref(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackRef:
    root = tmp_path / "project"
    (root / "stacks").mkdir(parents=True)
    (root / "Pulumi.yaml").write_text("name: parts\nruntime:\n  name: python\nstackConfigDir: stacks\n")
    (root / "__main__.py").write_text(PROGRAM)
    (root / "passphrase").write_text("correct horse")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "pulumi-home"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    made = StackRef(
        project="parts",
        stack="dev",
        root=root,
        program=root,
        backend=root / "backend",
        config_file=root / "stacks" / "Pulumi.dev.yaml",
        passphrase_file=root / "passphrase",
        cloud="local",
    )
    configure(made, count=2)
    return made


def configure(ref: StackRef, **values: object) -> None:
    known = ref.config_file.read_text() if ref.config_file.exists() else ""
    salt = [line for line in known.splitlines() if line.startswith("encryptionsalt")]
    lines = [*salt, "config:", *(f"  parts:{name}: '{value}'" for name, value in values.items())]
    ref.config_file.write_text("\n".join(lines) + "\n")


@pytest.fixture
def engine() -> PulumiCli:
    from mooring.pulumi_cli import PulumiCli

    return PulumiCli()


def ignore(event: Event) -> None:
    pass


def test_up_reports_steps_counts_and_outputs_with_secrets_marked(engine: PulumiCli, ref: StackRef) -> None:
    events: list[Event] = []
    result = engine.up(ref, Options(message="first"), events.append, threading.Event())
    assert result.ok, result.errors
    assert result.changes["create"] == 3
    assert result.outputs == {"count": 2, "token": "geheim"}
    assert result.secret_outputs == {"token"}
    done = {event.name for event in events if isinstance(event, StepEvent) and event.phase == "done"}
    assert {"part-0", "part-1"} <= done
    assert engine.history(ref)[0]["message"] == "first"
    assert engine.outputs(ref).outputs["count"] == 2


def test_preview_finds_nothing_unchanged_and_shows_a_change_in_the_clis_form(engine: PulumiCli, ref: StackRef) -> None:
    assert engine.up(ref, Options(), ignore, threading.Event()).ok
    unchanged = engine.preview(ref, Options(), ignore, threading.Event())
    assert unchanged.ok
    assert not unchanged.has_changes
    configure(ref, count=3)
    changed = engine.preview(ref, Options(), ignore, threading.Event())
    assert changed.has_changes
    assert changed.document["changeSummary"]["create"] == 1
    assert [step.name for step in changed.steps if step.op == "create"] == ["part-2"]


def test_destroy_leaves_an_empty_stack_that_can_be_removed(engine: PulumiCli, ref: StackRef) -> None:
    assert engine.up(ref, Options(), ignore, threading.Event()).ok
    result = engine.destroy(ref, Options(), ignore, threading.Event())
    assert result.ok, result.errors
    assert result.changes["delete"] == 3
    assert not engine.export(ref)["deployment"].get("resources")
    engine.remove(ref)
    assert engine.history(ref) == []


def test_a_state_goes_out_and_in_again(engine: PulumiCli, ref: StackRef) -> None:
    assert engine.up(ref, Options(), ignore, threading.Event()).ok
    exported = engine.export(ref)
    assert engine.destroy(ref, Options(), ignore, threading.Event()).ok
    engine.import_state(ref, exported)
    urns = [resource["urn"] for resource in engine.export(ref)["deployment"]["resources"]]
    assert urns == [resource["urn"] for resource in exported["deployment"]["resources"]]


def test_a_program_that_raises_is_a_failed_result_with_its_words(engine: PulumiCli, ref: StackRef) -> None:
    configure(ref, count=1, **{"raise": "true"})
    result = engine.up(ref, Options(), ignore, threading.Event())
    assert not result.ok
    assert "the program says no" in "\n".join(result.errors)


def test_a_stack_that_was_never_deployed_reads_as_empty(engine: PulumiCli, ref: StackRef) -> None:
    assert engine.outputs(ref).outputs == {}
    assert engine.export(ref) == {"version": 3, "deployment": {}}
    assert engine.history(ref) == []


def test_a_held_lock_is_a_conflict_and_cancel_removes_it(engine: PulumiCli, ref: StackRef) -> None:
    assert engine.up(ref, Options(), ignore, threading.Event()).ok
    locks = ref.backend / ".pulumi" / "locks" / "organization" / "parts" / "dev"
    locks.mkdir(parents=True, exist_ok=True)
    holder = {"pid": 1, "username": "somebody", "hostname": "elsewhere", "timestamp": "2026-01-01T00:00:00Z"}
    (locks / "d9f0a9a4-0000-4000-8000-000000000000.json").write_text(json.dumps(holder))
    with pytest.raises(ConflictError, match="somebody"):
        engine.up(ref, Options(), ignore, threading.Event())
    assert engine.cancel_lock(ref)
    assert engine.up(ref, Options(), ignore, threading.Event()).ok


def test_cancel_interrupts_the_cli_and_leaves_no_lock(engine: PulumiCli, ref: StackRef) -> None:
    configure(ref, count=1, sleep="true")
    cancel = threading.Event()
    started = threading.Event()

    def on_event(event: Event) -> None:
        if isinstance(event, StepEvent):
            started.set()

    threading.Thread(target=lambda: (started.wait(60), time.sleep(0.5), cancel.set()), daemon=True).start()
    result = engine.up(ref, Options(), on_event, cancel)
    assert not result.ok
    assert "cancel" in "\n".join(result.errors)
    assert len(engine.export(ref)["deployment"]["resources"]) < 50
    configure(ref, count=1)
    assert engine.up(ref, Options(), ignore, threading.Event()).ok


def test_emulated_stacks_never_write_the_stacks_own_file(engine: PulumiCli, ref: StackRef, tmp_path: Path) -> None:
    from dataclasses import replace

    own = ref.config_file.read_bytes()
    copy = tmp_path / "copy" / "Pulumi.dev.yaml"
    copy.parent.mkdir()
    copy.write_text("config:\n  parts:count: '1'\n")
    emulated = replace(ref, emulate=True, config_file=copy, backend=tmp_path / "copy" / "backend", cloud="aws")
    result = engine.up(emulated, Options(), ignore, threading.Event())
    assert result.ok, result.errors
    assert result.outputs["count"] == 1
    assert ref.config_file.read_bytes() == own


def test_the_programs_messages_arrive_as_log_events(engine: PulumiCli, ref: StackRef) -> None:
    (ref.root / "__main__.py").write_text(PROGRAM + "pulumi.warn('mind the gap')\n")
    events: list[Event] = []
    assert engine.up(ref, Options(), events.append, threading.Event()).ok
    warnings = [event.message for event in events if isinstance(event, LogEvent) and event.severity == "warning"]
    assert any("mind the gap" in warning for warning in warnings)
