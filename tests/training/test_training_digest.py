"""Digests name content: the same on every machine, different for every change."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import training
from training.artifact.digest import file_digest, tree_digest


def test_a_files_digest_is_the_sha256_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert file_digest(path) == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_folders_digest_is_the_documented_one(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.txt").write_bytes(b"two")
    (tmp_path / "sub" / "a.txt").write_bytes(b"one")
    lines = "".join(
        f"{name}\0{hashlib.sha256(content).hexdigest()}\n"
        for name, content in [("b.txt", b"two"), ("sub/a.txt", b"one")]
    )
    assert tree_digest(tmp_path) == "sha256:" + hashlib.sha256(lines.encode()).hexdigest()


def test_the_runs_record_is_left_out_at_the_top_only(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a").write_bytes(b"1")
    plain = tree_digest(tmp_path)
    (tmp_path / "run.json").write_bytes(b"now")
    assert tree_digest(tmp_path) == plain
    (tmp_path / "sub" / "run.json").write_bytes(b"now")
    assert tree_digest(tmp_path) != plain


def test_names_and_bytes_both_count(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    first = tree_digest(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    second = tree_digest(tmp_path)
    (tmp_path / "b").write_bytes(b"2")
    assert len({first, second, tree_digest(tmp_path)}) == 3


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(ValueError, match="link: a symbolic link"):
        tree_digest(tmp_path)


def test_a_special_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="not a regular file"):
        tree_digest(tmp_path)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    with pytest.raises(NotADirectoryError):
        tree_digest(tmp_path / "a")


def test_the_code_s_digest_covers_every_module_of_the_package_wherever_it_is_copied_to(tmp_path: Path) -> None:
    package = Path(training.__file__).parent
    digests = []
    for place in ("one", "two"):
        shutil.copytree(package, tmp_path / place / "training", ignore=shutil.ignore_patterns("__pycache__"))
    for changed in (None, "forms/skops_form.py", "__main__.py"):
        if changed:
            with open(tmp_path / "two" / "training" / changed, "a") as file:
                file.write("# another line\n")
        code = "from training.artifact.records import code_digest; print(code_digest())"
        for place in ("one", "two"):
            shown = subprocess.run(
                [sys.executable, "-c", code], env={"PYTHONPATH": str(tmp_path / place)}, cwd=tmp_path,
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            digests.append(shown.stdout.strip())
    one, same, again, changed_once, last, changed_twice = digests
    assert one == same == again == last
    assert len({one, changed_once, changed_twice}) == 3
