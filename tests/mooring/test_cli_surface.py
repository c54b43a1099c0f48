"""The command line as a whole: help, wrong words, wrong options, and what is imported."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from cli_fakes import Bench, make_bench

from mooring.cli import exits, root_help
from mooring.cli.verbs import VERBS
from mooring.display.style import Style


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    return make_bench(tmp_path / "p", monkeypatch, capsys)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_the_summary_in_help_is_the_first_line_of_the_commands_own_help(verb) -> None:  # type: ignore[no-untyped-def]
    command = typer.main.get_command(importlib.import_module(f"mooring.cli.commands.{verb.module}").app)
    first = " ".join((command.help or "").split("\n\n")[0].split())
    assert first.split(";")[0].split(",")[0].rstrip(".") in verb.summary or verb.summary in first


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_help_page_lists_every_verb_and_fits_the_terminal(width: int) -> None:
    page = root_help.text(width, Style(False))
    for verb in VERBS:
        assert f"│ {verb.name} " in page
    panel_lines = [line for line in page.splitlines() if line.startswith(("│", "╭", "╰"))]
    assert {len(line) for line in panel_lines} == {max(60, min(width, 100))}


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from mooring.cli import main; main(['--help'])\n"
        "heavy = {'pulumi', 'grpc', 'pydantic', 'ruamel', 'rich', 'yaml', 'psutil', 'google'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_python_dash_m_mooring_is_the_same_command() -> None:
    done = subprocess.run([sys.executable, "-m", "mooring", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("mooring ")


def test_a_misspelt_verb_is_a_usage_error_with_the_nearest_one(bench: Bench) -> None:
    ran = bench.run("destory")
    assert ran.code == exits.USAGE
    assert "did you mean 'destroy'?" in ran.err


def test_a_misspelt_option_is_a_usage_error_with_the_nearest_one(bench: Bench) -> None:
    ran = bench.run("up", "--stak", "local")
    assert ran.code == exits.USAGE
    assert "--stack" in ran.err


def test_a_misspelt_stack_names_the_nearest_one(bench: Bench) -> None:
    ran = bench.run("status", "--stack", "locl")
    assert ran.code == exits.FAILED
    assert "did you mean 'local'?" in ran.err


def test_with_one_stack_its_name_may_be_left_out(bench: Bench) -> None:
    assert bench.run("up", "--yes").code == exits.OK
    assert bench.engine.verbs() == ["up"]


def test_with_several_stacks_the_name_must_be_said_and_they_are_listed(bench: Bench) -> None:
    bench.file.with_name("Pulumi.other.yaml").write_text("config:\n  mooring:cloud: local\n")
    ran = bench.run("up", "--yes")
    assert ran.code == exits.FAILED
    assert "local, other" in ran.err


def test_the_environment_may_name_the_stack(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.file.with_name("Pulumi.other.yaml").write_text("config:\n  mooring:cloud: local\n")
    monkeypatch.setenv("MOORING_STACK", "other")
    assert json.loads(bench.run("status", "--json").out)["stack"] == "other"


def test_a_wrong_engine_is_a_usage_error(bench: Bench) -> None:
    assert bench.run("up", "--yes", "--engine", "embeded").code == exits.USAGE


@pytest.mark.parametrize(("cloud", "says"), [("azure", "no emulator of 'azure'"), ("gcp", "no emulator of 'gcp'")])
def test_emulating_a_cloud_that_is_not_there_is_one_clear_error(bench: Bench, cloud: str, says: str) -> None:
    bench.file.with_name("Pulumi.far.yaml").write_text(f"config:\n  mooring:cloud: {cloud}\n")
    ran = bench.run("up", "--yes", "--stack", "far", "--emulate")
    assert ran.code == exits.FAILED
    assert says in ran.err
    assert bench.engine.calls == []


def test_the_embedded_engine_refuses_a_stack_that_leaves_this_machine(bench: Bench) -> None:
    bench.file.with_name("Pulumi.far.yaml").write_text("config:\n  mooring:cloud: aws\n")
    ran = bench.run("up", "--yes", "--stack", "far", "--engine", "embedded")
    assert ran.code == exits.FAILED
    assert "--engine pulumi" in ran.err


def test_errors_are_json_too_when_asked(bench: Bench) -> None:
    ran = bench.run("outputs", "nothing", "--json")
    assert ran.code == exits.FAILED
    assert ran.json()["error"]["kind"] == "NotFound"


def test_an_unexpected_exception_is_a_short_message_and_no_traceback(bench: Bench) -> None:
    bench.engine.raises = RuntimeError("boom")
    ran = bench.run("up", "--yes")
    assert ran.code == exits.FAILED
    assert "internal error: RuntimeError: boom" in ran.err
    assert "Traceback" not in ran.err


def test_a_folder_without_a_project_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mooring.cli import main

    monkeypatch.setenv("MOORING_PROJECT", str(tmp_path))
    assert main(["stacks"]) == exits.FAILED
    assert "mooring new" in capsys.readouterr().err
