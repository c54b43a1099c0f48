"""up, preview, destroy, refresh, import: what they ask, print, and exit with."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from cli_fakes import Bench, deployed, make_bench, resource, step

from infra.engine.api import LogEvent, Options, Result, StackRef
from mooring.cli import exits
from providers.errors import ConflictError

UPDATE = step(
    "update", detailed={"port": "update", "deployments[0].digest": "update"},
    old={"port": 1, "deployments": [{"digest": "sha256:" + "a" * 64}]},
    new={"port": 2, "deployments": [{"digest": "sha256:" + "b" * 64}]},
)  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    return make_bench(tmp_path / "p", monkeypatch, capsys)


def test_up_without_yes_and_without_a_person_refuses_before_anything_runs(bench: Bench) -> None:
    ran = bench.run("up")
    assert ran.code == exits.USAGE
    assert "--yes" in ran.err
    assert bench.engine.calls == []


def test_up_asks_after_a_preview_and_no_means_nothing_is_done(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.engine.results["preview"] = Result(changes={"create": 1}, steps=[step("create", phase="planned")])
    monkeypatch.setattr("mooring.cli.ask.sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda *a, **k: False)
    ran = bench.run("up")
    assert ran.code == exits.FAILED
    assert bench.engine.verbs() == ["preview"]
    assert "moor:Endpoint iris create" in ran.out
    assert "nothing was done" in ran.err


def test_up_shows_what_changed_the_outputs_and_the_counts(bench: Bench) -> None:
    bench.engine.events = [step("update", phase="started"), UPDATE]
    bench.engine.results["up"] = Result(
        changes={"update": 1, "same": 4}, steps=[UPDATE], outputs={"url": "http://x", "key": "geheim"},
        secret_outputs=frozenset({"key"}), seconds=1.5,
    )  # fmt: skip
    ran = bench.run("up", "--yes")
    assert ran.code == exits.OK
    assert "~ port: 1 => 2" in ran.out
    assert '"sha256:aaaaaaaaaaaa…" => "sha256:bbbbbbbbbbbb…"' in ran.out
    assert "geheim" not in ran.out
    assert "[secret]" in ran.out
    assert "~ 1 updated, 4 unchanged" in ran.out
    assert "Duration:  1.5s" in ran.out


def test_up_as_json_is_one_document_on_stdout_and_progress_on_stderr(bench: Bench) -> None:
    bench.engine.events = [step("update", phase="started"), UPDATE, LogEvent("info", "hello from the program")]
    bench.engine.results["up"] = Result(changes={"update": 1}, steps=[UPDATE], outputs={"url": "u"}, seconds=2.0)
    ran = bench.run("up", "--yes", "--json")
    document = ran.json()
    assert document["result"] == "succeeded"
    assert document["steps"][0]["diff"]["port"] == {"kind": "update", "old": 1, "new": 2}
    assert document["outputs"] == {"url": "u"}
    assert "hello from the program" in ran.err


def test_a_failed_up_exits_1_with_each_reason_on_stderr(bench: Bench) -> None:
    bench.engine.results["up"] = Result(errors=["TrainingRun iris: out of memory", "program: no"])
    ran = bench.run("up", "--yes")
    assert ran.code == exits.FAILED
    assert ran.err.count("error:") == 2
    assert "out of memory" in ran.err


def test_an_error_is_told_once_even_when_it_was_logged_as_well(bench: Bench) -> None:
    bench.engine.events = [LogEvent("error", "out of memory"), LogEvent("error", "and the log of a policy")]
    bench.engine.results["up"] = Result(errors=["TrainingRun iris: out of memory"])
    ran = bench.run("up", "--yes")
    assert (ran.out + ran.err).count("out of memory") == 1
    assert ran.err.count("and the log of a policy") == 1


def test_a_held_stack_says_who_holds_it(bench: Bench) -> None:
    bench.engine.raises = ConflictError("stack 'local' is held by pid 77 (kim on desk) since 10:00")
    ran = bench.run("up", "--yes")
    assert ran.code == exits.FAILED
    assert "pid 77" in ran.err


def test_preview_expecting_no_changes_exits_7_with_changes_and_0_without(bench: Bench) -> None:
    bench.engine.results["preview"] = Result(changes={"same": 3})
    assert bench.run("preview", "--expect-no-changes").code == exits.OK
    bench.engine.results["preview"] = Result(changes={"same": 3, "update": 1})
    assert bench.run("preview", "--expect-no-changes").code == exits.CHANGES
    assert bench.run("preview").code == exits.OK


def test_preview_as_json_prints_pulumis_own_document(bench: Bench) -> None:
    bench.engine.results["preview"] = Result(changes={"same": 1}, document={"changeSummary": {"same": 1}, "steps": []})
    assert bench.run("preview", "--json").json() == {"changeSummary": {"same": 1}, "steps": []}


def test_up_expecting_no_changes_does_nothing_when_there_are_some(bench: Bench) -> None:
    bench.engine.results["preview"] = Result(changes={"update": 1})
    ran = bench.run("up", "--yes", "--expect-no-changes")
    assert ran.code == exits.CHANGES
    assert bench.engine.verbs() == ["preview"]


def test_options_reach_the_engine_and_names_become_urns(bench: Bench, tmp_path: Path) -> None:
    bench.engine.resources = [resource("Dataset", "data"), resource("Endpoint", "iris")]
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "PulumiPolicy.yaml").write_text("runtime: python\n")
    bench.run(
        "up", "--yes", "--target", "iris", "--target", "Dataset/data", "--target-dependents",
        "--replace", "urn:pulumi:x", "--refresh",
        "--parallel", "3", "--message", "why", "--policy-pack", str(tmp_path / "pack"),
    )  # fmt: skip
    options: Options = bench.engine.calls[0][1]
    assert options.targets == (resource("Endpoint", "iris")["urn"], resource("Dataset", "data")["urn"])
    assert (options.target_dependents, options.replace, options.refresh) == (True, ("urn:pulumi:x",), True)
    assert (options.parallel, options.message) == (3, "why")
    assert options.policy_packs == (tmp_path / "pack",)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--target", "Endpoit/iris"], "did you mean 'Endpoint/iris'?"),
        (["--target", "twin"], "say one of Model/twin, Dataset/twin"),
        (["--target-dependents"], "no --target"),
        (["--policy-pack", "/nowhere"], "PulumiPolicy.yaml"),
    ],
)
def test_wrong_options_are_one_clear_error(bench: Bench, words: list[str], expected: str) -> None:
    bench.engine.resources = [resource("Endpoint", "iris"), resource("Model", "twin"), resource("Dataset", "twin")]
    ran = bench.run("up", "--yes", *words)
    assert ran.code == exits.FAILED
    assert expected in ran.err
    assert bench.engine.calls == []


def test_destroy_lists_what_is_lost_and_protected_resources_stay_with_what_they_need(bench: Bench) -> None:
    bench.engine.resources = deployed()
    dataset = bench.engine.resources[1]
    dataset |= {"protect": True, "dependencies": [bench.engine.resources[2]["urn"]]}
    ran = bench.run("destroy", "--yes")
    assert ran.code == exits.OK
    assert "endpoint: iris (http://127.0.0.1:1) stops answering" in ran.err
    assert "Dataset iris is protected" in ran.err
    options: Options = bench.engine.calls[0][1]
    gone = {urn.split("::")[2].rpartition("$")[2] for urn in options.targets}
    assert {"moor:index:Endpoint", "moor:index:ModelVersion"} <= gone
    assert not {"moor:index:Dataset", "moor:index:Model"} & gone


def test_destroy_of_everything_names_data_and_models_and_targets_nothing(bench: Bench) -> None:
    bench.engine.resources = deployed()
    ran = bench.run("destroy", "--yes")
    assert "dataset iris, 2 versions, 2.0 KiB" in ran.err
    assert "model: iris, v2" in ran.err
    assert bench.engine.calls[0][1].targets == ()


def test_destroy_of_nothing_is_no_failure(bench: Bench) -> None:
    ran = bench.run("destroy", "--yes")
    assert ran.code == exits.OK
    assert bench.engine.calls == []


def test_refresh_that_finds_drift_exits_7_only_when_none_was_expected(bench: Bench) -> None:
    bench.engine.results["refresh"] = Result(changes={"refresh": 4, "delete": 1})
    assert bench.run("refresh", "--yes", "--expect-no-changes").code == exits.CHANGES
    assert bench.run("refresh", "--yes").code == exits.OK
    bench.engine.results["refresh"] = Result(changes={"refresh": 5})
    assert bench.run("refresh", "--yes", "--expect-no-changes").code == exits.OK


def test_import_takes_a_kind_or_a_token(bench: Bench) -> None:
    bench.run("import", "Dataset", "iris", "local:x")
    bench.run("import", "aws:s3/bucket:Bucket", "b", "my-bucket")
    assert [call[1][0] for call in bench.engine.calls] == ["moor:index:Dataset", "aws:s3/bucket:Bucket"]
    assert "did you mean 'Dataset'?" in bench.run("import", "Datset", "iris", "x").err


def test_one_interrupt_cancels_gently_and_exits_130(bench: Bench) -> None:
    seen: list[bool] = []

    def interrupted(ref: StackRef, cancel: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        seen.append(cancel.wait(5))

    bench.engine.on_up = interrupted
    bench.engine.results["up"] = Result(errors=["cancelled"])
    assert bench.run("up", "--yes").code == exits.INTERRUPTED
    assert seen == [True]


def test_pins_are_named_by_preview_up_and_status(bench: Bench) -> None:
    digest = "sha256:" + "9" * 64
    bench.file.write_text(bench.file.read_text() + f"      pin: {{iris: '{digest}'}}\n")
    assert "pinned: endpoint iris serves iris sha256:999999999999" in bench.run("preview").out
    assert "pinned: endpoint iris" in bench.run("up", "--yes").err
    assert "pinned: endpoint iris" in bench.run("status").out
    assert bench.run("status", "--json").json()["pins"] == [{"endpoint": "iris", "model": "iris", "digest": digest}]
