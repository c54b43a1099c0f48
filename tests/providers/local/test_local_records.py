"""Records: whole or absent, damage and a full disk told."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from providers.local import records


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    records.write(tmp_path / "a" / "r.json", {"name": "größe", "n": [1, None]})
    assert records.read(tmp_path / "a" / "r.json") == {"name": "größe", "n": [1, None]}
    assert os.listdir(tmp_path / "a") == ["r.json"]


def test_an_absent_record_is_none(tmp_path: Path) -> None:
    assert records.read(tmp_path / "none" / "r.json") is None


@pytest.mark.parametrize("content", ['{"status": "runn', "", "[]", "\x00\x00"])
def test_a_damaged_record_is_an_error_that_names_the_file_and_the_way_out(tmp_path: Path, content: str) -> None:
    path = tmp_path / "job.json"
    path.write_text(content)
    with pytest.raises(records.RecordDamaged, match=r"job\.json: the record is damaged .* remove the folder"):
        records.read(path)


def test_a_full_disk_is_one_clear_error_and_the_old_record_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.json"
    records.write(path, {"v": 1})

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(records.DiskFull, match=r"no space left .* MOORING_HOME"):
        records.write(path, {"v": 2})
    monkeypatch.undo()
    assert records.read(path) == {"v": 1}
    assert os.listdir(tmp_path) == ["r.json"]


def test_sigkill_in_a_loop_of_writes_leaves_a_whole_record(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    code = (
        "import sys; from pathlib import Path; from providers.local import records\n"
        "for i in range(10**6): records.write(Path(sys.argv[1]), {'i': i, 'fill': 'x' * 20000})"
    )
    for _ in range(4):
        writer = subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=Path(records.__file__).parents[2])
        for _ in range(500):
            if path.exists() and (records.read(path) or {}).get("i", 0) > 5:
                break
            threading.Event().wait(0.02)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        assert len((records.read(path) or {})["fill"]) == 20000
        path.unlink()


def test_a_lock_keeps_others_out_even_when_its_file_is_removed(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(20):
            with records.locked(tmp_path / "l"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()
                (tmp_path / "l").unlink(missing_ok=True)  # last: whoever removes the file lets go of the lock

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert max(most) == 1
    assert len(most) == 80


def test_read_only_folders_are_removed_too(tmp_path: Path) -> None:
    folder = tmp_path / "d" / "e"
    folder.mkdir(parents=True)
    (folder / "f").write_text("x")
    folder.chmod(0o500)
    records.remove_tree(tmp_path / "d")
    records.remove_tree(tmp_path / "d")
    assert not (tmp_path / "d").exists()


def test_a_folder_that_somebody_still_writes_to_is_removed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, left = tmp_path / "d", [2]
    folder.mkdir()
    remove = os.rmdir

    def late(path: str, **further: int | None) -> None:
        if left[0]:
            left[0] -= 1
            (folder / "last words").write_text("x")
        remove(path, **further)

    monkeypatch.setattr(os, "rmdir", late)
    records.remove_tree(folder)
    assert not folder.exists()
    assert left == [0]
