"""Copies of code: named by content, nothing but the packages, not for ever."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from providers.errors import InvalidInput, PermissionDenied
from providers.local import records
from providers.local.jobs import code
from providers.local.jobs.jobs import Jobs
from providers.local.process import Identity


def test_a_code_folder_holds_the_packages_alone_and_runs_without_the_checkout(tmp_path: Path) -> None:
    folder = code.code_folder(tmp_path, ("training",))
    assert os.listdir(folder) == ["training"]
    assert code.code_folder(tmp_path, ("training",)) == folder
    command = [
        sys.executable,
        "-S",
        "-c",
        "import training.artifact.digest, sys; print(training.artifact.digest.__file__)",
    ]
    shown = subprocess.run(command, env={"PYTHONPATH": str(folder)}, cwd=tmp_path, capture_output=True, text=True)
    assert Path(shown.stdout.strip()).is_relative_to(folder)
    assert list(folder.rglob("*.pyc"))


def test_other_code_has_another_folder_and_old_ones_go_unless_an_endpoint_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = tmp_path / "kit"
    (kit / "p").mkdir(parents=True)
    (kit / "p" / "__init__.py").write_text("a = 1\n")
    monkeypatch.setattr(code, "KIT", kit)
    first = code.code_folder(tmp_path, ("p",))
    (kit / "p" / "__init__.py").write_text("a = 2\n")
    second = code.code_folder(tmp_path, ("p",))
    assert first != second
    assert first.exists()
    os.utime(first, (0, 0))
    (tmp_path / "endpoints" / "e").mkdir(parents=True)
    (tmp_path / "endpoints" / "e" / "endpoint.json").write_text(f'{{"code": "{second}"}}')
    os.utime(second, (0, 0))
    (kit / "p" / "__init__.py").write_text("a = 3\n")
    code.code_folder(tmp_path, ("p",))
    assert not first.exists()
    assert second.exists()
    with pytest.raises(InvalidInput, match="no package 'q'"):
        code.code_folder(tmp_path, ("q",))


def test_a_source_folder_is_copied_without_caches_and_environments(tmp_path: Path) -> None:
    for name in ("a.py", "sub/b.txt", ".git/x", "sub/__pycache__/c.pyc", ".venv/bin/python", "old.pyc"):
        (tmp_path / "s" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "s" / name).write_text(name)
    code.copy_source(tmp_path / "s", tmp_path / "t")
    copied = {path.relative_to(tmp_path / "t").as_posix() for path in (tmp_path / "t").rglob("*") if path.is_file()}
    assert copied == {"a.py", "sub/b.txt"}


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(PermissionDenied, match="MOORING_HOME"), records.translated(tmp_path):
        raise PermissionError(13, "Permission denied", "/somewhere")


def test_what_a_killed_command_left_half_made_goes_with_the_next(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = tmp_path / "tmp" / f"{dead.pid}-abc"
    left.mkdir(parents=True)
    assert Identity.of(dead.pid) is None
    code.code_folder(tmp_path, ("training",))
    assert not left.exists()
    assert Jobs(tmp_path).list() == []
