"""What this machine may be like: a port taken, a disk full, a state cut off, a lock of the dead."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.support.project import KIT, Project
from tests.e2e.support.refusals import refusal, state_file

pytestmark = pytest.mark.slow

STACK = """\
config:
  mooring:cloud: local
  mooring:models:
    given: {file: iris.onnx}
  mooring:endpoints:
    given: {model: given}
"""
UP = ("up", "--stack", "s", "--yes")


@pytest.fixture
def given(project: Project) -> Project:
    """A project with a supplied model and an endpoint on it, not deployed yet."""
    shutil.copy(KIT / "examples" / "onnx-file" / "iris.onnx", project.root)
    project.write_stack("s", STACK)
    return project


def gone(project: Project) -> None:
    project.run("destroy", "--stack", "s", "--yes")
    assert project.processes() == []


def test_a_port_in_use_is_told_with_its_owner_in_the_preview_and_taken_once_it_is_free(given: Project) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        given.write_stack("s", STACK.replace("{model: given}", f"{{model: given, port: {port}}}"))
        expected = f"Endpoint given: port: {port} is in use by pid {os.getpid()} "
        assert expected in refusal(given, "preview", "--stack", "s")
        error = refusal(given, *UP)
        assert expected in error
        assert "choose another one, or leave it out to get a free one" in error
    given.run(*UP)
    assert given.json("outputs", "--stack", "s")["endpoints"]["given"]["url"] == f"http://127.0.0.1:{port}"
    gone(given)


@pytest.fixture
def small_disk(private_places: Path) -> Iterator[Path]:
    """The home as a file system of its own, 64 KiB large; `mount -o remount,size=…` makes room."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(private_places)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small file system, where the system lets it")
    yield private_places
    subprocess.run(["umount", "--lazy", str(private_places)], check=True)


def resize(place: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(place)], check=True)


def test_a_full_disk_is_told_wherever_it_strikes_and_the_next_up_goes_on(small_disk: Path, given: Project) -> None:
    struck = 0
    for size in ("64k", "200k", "320k", "440k"):
        resize(small_disk, size)
        done = given.run(*UP, expect=None, NO_COLOR="1")
        if done.returncode == 0:
            break
        struck += 1
        errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, done.stderr
        assert "no space left on" in done.stderr.lower(), done.stderr
        assert "Traceback" not in done.stderr
    assert struck
    resize(small_disk, "200m")
    given.run(*UP)
    (endpoint,) = given.json("status", "--stack", "s")["endpoints"]
    assert endpoint["status"] == "healthy"
    gone(given)


def test_a_state_that_was_cut_off_is_restored_from_its_backup_and_said_so(given: Project) -> None:
    given.run(*UP)
    file = state_file(given, "s")
    for left in (file.stat().st_size // 2, 0):
        os.truncate(file, left)
        for verb in ("outputs", "status"):
            told = given.run(verb, "--stack", "s").stderr
            assert told.count("warning: ") == 1
            assert f"{file} is damaged (" in told
            assert f"restored from its backup {file}.bak" in told
        assert "is damaged" in given.run("preview", "--stack", "s").stdout
    assert f"restored from its backup {file}.bak" in given.run(*UP).stdout
    json.loads(file.read_bytes())
    told = given.run("status", "--stack", "s")
    assert "healthy" in told.stdout
    assert not told.stderr
    gone(given)


def test_a_state_without_a_readable_backup_is_left_alone_and_the_way_out_named(given: Project) -> None:
    given.run(*UP)
    file = state_file(given, "s")
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    file.with_name(f"{file.name}.bak").write_bytes(b"")
    error = refusal(given, *UP)
    assert "no backup can be read; import an exported state with `mooring state import`" in error
    assert file.read_bytes() == whole[:100]
    file.write_bytes(whole)
    given.run("preview", "--stack", "s", "--expect-no-changes")
    gone(given)


def test_a_lock_of_a_dead_process_is_removed_and_one_of_another_machine_respected(given: Project) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    folder = given.root / ".mooring" / "backend" / ".pulumi" / "locks" / "organization" / "mooring" / "s"
    folder.mkdir(parents=True)
    lock = {"pid": ended.pid, "username": "ann", "hostname": socket.gethostname(), "timestamp": "2026-01-01T00:00:00Z"}
    (folder / "a.json").write_text(json.dumps(lock))
    assert f"removed the lock of a process that has ended: ann@{lock['hostname']}" in given.run(*UP).stdout
    assert not list(folder.iterdir())
    (folder / "b.json").write_text(json.dumps(lock | {"hostname": "elsewhere"}))
    error = refusal(given, *UP)
    assert f"stack 's' is locked by ann@elsewhere (process {ended.pid}) since 2026-01-01T00:00:00Z." in error
    assert "remove the lock with `mooring cancel --stack s`" in error
    given.run("cancel", "--stack", "s", "--yes")
    gone(given)
