"""A folder that a command makes is whole or absent, and nothing of the user's is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mooring.output_folder import fresh
from providers.errors import AlreadyExists, InvalidInput

MANIFEST = "mooring-model.json"


def make(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(content)
    return folder


def model(folder: Path, content: str) -> Path:
    make(folder, a=content)
    (folder / MANIFEST).write_text("{}")
    return folder


def fill(output: Path, *, fails: bool = False, overtaken: bool = False) -> None:
    """Build `output`, and fail, or be overtaken by somebody else, on the way."""
    with fresh(output, force=fails) as building:
        make(building, a="ours")
        if overtaken:
            make(output, a="theirs")
        if fails:
            raise RuntimeError


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_was_built_takes_its_place_with_the_folders_above_it(tmp_path: Path) -> None:
    with fresh(tmp_path / "x/y/out") as building:
        assert building.parent == tmp_path / "x/y"
        make(building, a="new")
    assert (tmp_path / "x/y/out/a").read_text() == "new"
    assert [path.name for path in (tmp_path / "x/y").iterdir()] == ["out"]


def test_an_error_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    model(tmp_path / "out", "old")
    with pytest.raises(RuntimeError):
        fill(tmp_path / "out", fails=True)
    assert (tmp_path / "out/a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_is_filled_also_where_the_shell_stands_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    inode = (tmp_path / "out").stat().st_ino
    with fresh(Path(".")) as building:
        model(building, "new")
    assert (tmp_path / "out").stat().st_ino == inode
    assert Path("a").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_force_replaces_a_model_and_nothing_else(tmp_path: Path) -> None:
    model(tmp_path / "out", "old")
    with pytest.raises(AlreadyExists, match=r"--output .*: the folder is not empty"), fresh(tmp_path / "out"):
        pytest.fail("begun")
    with fresh(tmp_path / "out", force=True) as building:
        model(building, "new")
    assert (tmp_path / "out/a").read_text() == "new"
    make(tmp_path / "home", letter="dear")
    with pytest.raises(InvalidInput, match="something else than a model"), fresh(tmp_path / "home", force=True):
        pytest.fail("begun")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InvalidInput, match="a file; name a folder"), fresh(tmp_path / "file", force=True):
        pytest.fail("begun")


def test_a_folder_that_somebody_filled_meanwhile_is_not_touched(tmp_path: Path) -> None:
    with pytest.raises(AlreadyExists):
        fill(tmp_path / "out", overtaken=True)
    assert (tmp_path / "out/a").read_text() == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_killed_commands_left_is_swept_and_a_model_that_one_had_moved_aside_comes_back(tmp_path: Path) -> None:
    pid = dead_pid()
    make(tmp_path / f".out.new-{pid}", a="half")
    model(tmp_path / f".out.old-{pid}", "old")
    make(tmp_path / ".other.new-1", a="not ours")
    with pytest.raises(RuntimeError), fresh(tmp_path / "out", force=True):
        raise RuntimeError
    assert (tmp_path / "out/a").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.new-1", "out"]
