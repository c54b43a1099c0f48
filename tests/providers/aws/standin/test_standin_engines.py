"""How an emulated stack comes to its stand-in and its emulator: in the embedded engine, and under the Pulumi CLI."""

from __future__ import annotations

import os
import threading
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from aws_stack import AwsStack
from running_emulator import RunningEmulator

from infra.engine.api import Options, StackRef
from mooring import session, standins
from mooring.emulators import emulator as emulator_of
from mooring.pulumi_cli.environment import environment
from mooring.pulumi_cli.shadow import work_dir

FOUNDATION = """project="proj", stack="dev", region="eu-south-1", endpoints=(WatchedEndpoint("iris", ("iris",)),),
    budget=WantedBudget("50", "USD", ("a@b.example",))"""


@pytest.fixture
def ref(tmp_path: Path) -> StackRef:
    return AwsStack(tmp_path, "").ref


def test_only_emulated_stacks_have_a_stand_in(ref: StackRef) -> None:
    assert set(standins.factories(ref)) == {"aws"}
    assert not standins.factories(replace(ref, emulate=False))
    assert not standins.factories(replace(ref, cloud="local"))
    assert not standins.factories(replace(ref, cloud="somebody-s"))
    assert not standins.attached(replace(ref, emulate=False))


def test_a_pulumi_that_others_start_finds_the_stand_in_as_a_plugin(ref: StackRef) -> None:
    described = yaml.safe_load((work_dir(ref) / "Pulumi.yaml").read_text())
    [plugin] = described["plugins"]["providers"]
    assert plugin["name"] == "aws"
    assert (Path(plugin["path"]) / "PulumiPlugin.yaml").is_file()
    assert (Path(plugin["path"]) / "__main__.py").is_file()
    assert "plugins" not in yaml.safe_load((ref.root / "Pulumi.yaml").read_text())


def test_the_emulator_s_address_goes_to_pulumi(ref: StackRef, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORING_AWS_ENDPOINT", "http://127.0.0.1:4566")
    assert environment(ref)["MOORING_AWS_ENDPOINT"] == "http://127.0.0.1:4566"
    assert "MOORING_AWS_ENDPOINT" not in environment(replace(ref, emulate=False))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a stack on AWS, of which it is forgotten that nothing can deploy it yet."""
    for folder in ("infra", "stacks"):
        (tmp_path / folder).mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\nmain: infra/\nstackConfigDir: stacks\n")
    (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text("config: {mooring:cloud: aws, mooring:region: eu-west-1}\n")
    monkeypatch.setenv("MOORING_PROJECT", str(tmp_path))
    monkeypatch.setattr(session, "require_emulator", lambda cloud: None)
    return tmp_path


def test_an_emulated_stack_has_its_emulator_started(
    project: Path, private_places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MOORING_AWS_ENDPOINT", raising=False)
    monkeypatch.setenv("MOORING_HOME", str(private_places))
    found = emulator_of("aws", project)
    try:
        opened = session.open_session("dev", emulate=True)
        url = os.environ["MOORING_AWS_ENDPOINT"]
        assert opened.ref.emulate
        assert found.home == private_places / "emulated" / "aws"
        assert found.url == url
        assert Path(os.environ["MOORING_HOME"]) == private_places / "emulated"
        with urllib.request.urlopen(f"{url}/_mooring/health", timeout=10) as answer:
            assert answer.status == 200
        monkeypatch.setenv("MOORING_HOME", str(private_places))
        session.open_session("dev")  # the real one: must not be led to the emulator
        assert "MOORING_AWS_ENDPOINT" not in os.environ
    finally:
        found.reset()


@pytest.mark.pulumi_cli
@pytest.mark.slow
def test_both_engines_agree_on_what_is_there(
    emulator: RunningEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mooring.pulumi_cli.engine import PulumiCli

    stack = AwsStack(tmp_path, emulator.url).foundation(FOUNDATION, ("iris",))
    monkeypatch.setenv("MOORING_AWS_ENDPOINT", emulator.url)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "pulumi"))
    cli = PulumiCli()

    def run(verb: str) -> dict[str, int]:
        result = getattr(cli, verb)(stack.ref, Options(), lambda event: None, threading.Event())
        assert result.ok, result.errors
        return dict(result.changes)

    stack.well("up")
    assert set(run("preview")) == {"same"}
    assert set(run("refresh")) == {"same"}
    assert set(run("destroy")) == {"delete"}
    assert set(run("up")) == {"create"}
    for verb in ("preview", "refresh", "preview"):
        stack.well(verb)
        assert not stack.steps
    stack.well("destroy")
