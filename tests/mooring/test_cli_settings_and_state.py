"""config, stacks, state, env, history, outputs, new, doctor."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from cli_fakes import Bench, deployed, make_bench

from infra.engine.api import Result
from mooring.cli import exits


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    return make_bench(tmp_path / "p", monkeypatch, capsys)


def test_config_set_get_and_rm_keep_the_comments(bench: Bench) -> None:
    path = "models.iris.training.seed"
    assert bench.run("config", "set", path, "7").code == exits.OK
    assert bench.run("config", "get", path).out.strip() == "7"
    assert yaml.safe_load(bench.file.read_text())["config"]["mooring:models"]["iris"]["training"]["seed"] == 7
    assert bench.run("config", "rm", path).code == exits.OK
    assert bench.file.read_text().count("#") == 2
    assert bench.run("config", "get", path).code == exits.FAILED


def test_a_secret_is_encrypted_in_the_file_and_masked_when_read(bench: Bench) -> None:
    ran = bench.run("config", "set", "endpoints.iris.environment.TOKEN", "geheim", "--secret")
    assert ran.code == exits.OK, ran.err
    text = bench.file.read_text()
    assert "geheim" not in text
    assert "encryptionsalt: v1:" in text
    assert text.startswith("# the stack for tests\nconfig:")
    assert bench.run("config", "get", "endpoints.iris.environment.TOKEN").out.strip() == "[secret]"
    from infra.engine.configuration.secrets import Passphrase, SecretsManager

    content = yaml.safe_load(text)
    cipher = content["config"]["mooring:endpoints"]["iris"]["environment"]["TOKEN"]["secure"]
    manager = SecretsManager(Passphrase(file=bench.root / ".mooring" / "passphrase"), content["encryptionsalt"])
    assert manager.decrypt(cipher) == "geheim"


def test_a_misspelt_setting_is_refused_with_the_nearest_one(bench: Bench) -> None:
    before = bench.file.read_bytes()
    ran = bench.run("config", "set", "models.iris.traning.seed", "7")
    assert ran.code == exits.FAILED
    assert "training" in ran.err
    assert bench.file.read_bytes() == before


def test_stacks_lists_every_file_with_its_cloud(bench: Bench) -> None:
    bench.file.with_name("Pulumi.far.yaml").write_text("config:\n  mooring:cloud: aws\n")
    told = {one["name"]: one["cloud"] for one in bench.run("stacks", "--json").json()}
    assert told == {"local": "local", "far": "aws"}


def test_state_export_goes_to_a_file_and_import_takes_it_back(bench: Bench, tmp_path: Path) -> None:
    bench.engine.resources = deployed()
    file = tmp_path / "state.json"
    assert bench.run("state", "export", "--file", str(file)).code == exits.OK
    assert bench.run("state", "import", "--file", str(file), "--yes").code == exits.OK
    verb, document = bench.engine.calls[0]
    assert verb == "import_state"
    assert len(document["deployment"]["resources"]) == 5


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 3}', '{"version": 99, "deployment": {}}'])
def test_a_wrong_state_file_is_refused_before_anything_is_touched(bench: Bench, tmp_path: Path, text: str) -> None:
    file = tmp_path / "state.json"
    file.write_text(text)
    ran = bench.run("state", "import", "--file", str(file), "--yes")
    assert ran.code == exits.FAILED
    assert str(file) in ran.err
    assert bench.engine.calls == []


def test_outputs_masks_secrets_unless_asked_and_prints_one_bare(bench: Bench) -> None:
    bench.engine.results["outputs"] = Result(
        outputs={"url": "http://x", "key": "geheim"}, secret_outputs=frozenset({"key"})
    )
    assert bench.run("outputs", "--json").json() == {"url": "http://x", "key": "[secret]"}
    assert bench.run("outputs", "url").out == "http://x\n"
    assert bench.run("outputs", "key", "--show-secrets").out == "geheim\n"
    assert "did you mean 'url'?" in bench.run("outputs", "ulr").err


def test_history_is_a_table_newest_first_and_json_as_the_backend_has_it(bench: Bench) -> None:
    bench.engine.entries = [
        {"kind": "update", "result": "succeeded", "startTime": 1760000000, "endTime": 1760000075, "message": "tuned",
         "resourceChanges": {"update": 2, "same": 3}, "version": 2},
    ]  # fmt: skip
    ran = bench.run("history")
    assert "tuned" in ran.out
    assert "1m15s" in ran.out
    assert "~2" in ran.out
    assert bench.run("history", "--json").json() == bench.engine.entries


def test_cancel_says_what_it_removed(bench: Bench) -> None:
    assert bench.run("cancel", "--yes", "--json").json() == {
        "stack": "local",
        "stopped": [],
        "removed": ["a lock of pid 7"],
    }


def test_cancel_never_signals_a_process_that_is_no_engine(bench: Bench) -> None:
    folder = bench.root / ".mooring" / "backend" / ".pulumi" / "locks" / "organization" / "mooring" / "local"
    folder.mkdir(parents=True)
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        now = datetime.now(UTC).isoformat()
        lock = {"pid": bystander.pid, "username": "kim", "hostname": socket.gethostname(), "timestamp": now}
        (folder / "x.json").write_text(json.dumps(lock))
        assert bench.run("cancel", "--yes", "--json").json()["stopped"] == []
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_stack_with_resources_is_not_removed(bench: Bench) -> None:
    bench.engine.resources = deployed()
    ran = bench.run("stack", "rm", "local", "--yes")
    assert ran.code == exits.FAILED
    assert "mooring destroy --stack local" in ran.err
    assert bench.file.exists()


def test_new_copies_what_git_tracks_and_names_the_next_two_commands(bench: Bench, tmp_path: Path, kit: Path) -> None:
    target = tmp_path / "my model"
    ran = bench.run("new", str(target))
    assert ran.code == exits.OK
    assert f"cd '{target}'" in ran.out
    assert "make up" in ran.out
    assert (target / "infra" / "__main__.py").is_file()
    assert (target / ".gitignore").read_text() == (kit / ".gitignore").read_text()
    for left_out in (".git", ".venv", ".mooring", "stacks/Pulumi.local.yaml"):
        assert not (target / left_out).exists()


def test_new_refuses_a_folder_that_is_not_empty_and_one_inside_the_kit(bench: Bench, tmp_path: Path, kit: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    assert "not empty" in bench.run("new", str(tmp_path / "full")).err
    assert "inside the kit" in bench.run("new", str(kit / "nested")).err
    assert not (kit / "nested").exists()


def test_without_git_the_ignore_file_decides_what_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mooring import new

    kit = tmp_path / "kit"
    for name in (
        "a.py",
        "sub/b.py",
        "sub/b.pyc",
        ".venv/bin/python",
        "stacks/Pulumi.local.yaml",
        "build/x",
        "sub/build/y",
    ):
        (kit / name).parent.mkdir(parents=True, exist_ok=True)
        (kit / name).touch()
    (kit / ".gitignore").write_text("/.venv/\n/stacks/Pulumi.local.yaml\n*.pyc\n/build/\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {str(path) for path in new.tracked(kit)}
    assert found == {".gitignore", "a.py", "sub/b.py", "sub/build/y"}


def test_doctor_reports_each_check_with_a_level(bench: Bench) -> None:
    checks = {check["name"]: check for check in bench.run("doctor", "--json").json()["checks"]}
    assert {"python", "packages", "uv", "pulumi", "home", "cache", "supervisor", "locks"} <= set(checks)
    assert checks["packages"]["level"] == "ok"


def test_doctor_lists_environments_and_prunes_those_long_unused(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOORING_CACHE", str(tmp_path / "cache"))
    assert "none yet" in bench.run("doctor").out
    for name, used in (("old", 0), ("new", time.time())):
        stamp = tmp_path / "cache" / "envs" / name / "mooring-environment.json"
        stamp.parent.mkdir(parents=True)
        facts = {"image": "sklearn", "requirements": ["a==1"], "python": "3.11.7", "created": "2026-01-01T00:00:00Z"}
        stamp.write_text(json.dumps(facts))
        os.utime(stamp, (used, used))
    shown = bench.run("doctor").out
    assert "new: image sklearn and a==1, Python 3.11.7, last used 0 days ago" in shown
    assert shown.count("`mooring doctor --prune` removes it") == 1
    assert bench.run("doctor", "--prune", "--json").json() == {"removed": ["old"]}
    assert bench.run("doctor", "--prune").out == "nothing to remove\n"
    assert bench.run("doctor", "--prune", "--orphans").code == exits.USAGE


def test_doctor_names_the_holder_of_a_lock(bench: Bench) -> None:
    folder = bench.root / ".mooring" / "backend" / ".pulumi" / "locks" / "organization" / "mooring" / "local"
    folder.mkdir(parents=True)
    (folder / "x.json").write_text(json.dumps({"pid": 7, "username": "kim", "hostname": "desk"}))
    assert "pid 7 of kim on desk" in bench.run("doctor").out


def test_env_is_shell_that_sets_what_pulumi_needs(bench: Bench) -> None:
    ran = bench.run("env")
    assert ran.code == exits.OK, ran.err
    names = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE", "MOORING_PROJECT")
    script = ran.out + "".join(f'\nprintf "%s\\n" "${name}"' for name in names)
    shown = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()
    root = bench.root.resolve()
    assert shown == [(root / ".mooring" / "backend").as_uri(), str(root / ".mooring" / "passphrase"), str(root)]
    assert (root / ".mooring" / "backend" / ".pulumi" / "stacks" / "mooring" / "local.json").is_file()


def test_a_cloud_stack_keeps_the_users_own_backend(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from mooring.project import Project
    from mooring.pulumi_cli.environment import environment

    bench.file.with_name("Pulumi.far.yaml").write_text("config:\n  mooring:cloud: aws\n")
    monkeypatch.setenv("PULUMI_HOME", str(bench.root / "home"))
    ref = Project.find().stack("far")
    assert environment(ref)["PULUMI_BACKEND_URL"] == ref.backend.resolve().as_uri()
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://mine")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "own")
    assert not {"PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE"} & environment(ref).keys()
