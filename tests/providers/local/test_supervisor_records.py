"""The supervisor's records: damaged, for their owner only, and on a disk that takes none."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from local_cloud import Cloud, eventually, kill, running
from supervised import put, ready

from providers.local.supervisor import client, keeper
from providers.local.supervisor.identity import marked
from providers.local.supervisor.service import parse


@pytest.fixture
def cloud(private_places: Path) -> Iterator[Cloud]:
    with running(private_places) as made:
        yield made


def test_a_damaged_record_is_set_aside_and_the_others_go_on(cloud: Cloud) -> None:
    put(cloud)
    put(cloud, name="broken")
    pid = ready(cloud)["pid"]
    ready(cloud, "broken")
    kill(client.ensure(cloud.home))
    (cloud.home / "services" / "broken" / "service.json").write_text('{"name": "bro')
    assert ready(cloud)["pid"] == pid
    assert (cloud.home / "services" / "broken" / "service.json.damaged").exists()
    assert len(cloud.processes()) == 1


@pytest.mark.parametrize("content", ['{"pid": 1', "[]", '{"pid": 1, "marker": "of an earlier version"}'])
def test_a_damaged_note_of_a_process_does_not_stop_the_supervisor(cloud: Cloud, content: str) -> None:
    put(cloud)
    pid = ready(cloud)["pid"]
    kill(client.ensure(cloud.home))
    (cloud.home / "services" / "echo" / "process.json").write_text(content)
    assert ready(cloud)["pid"] == pid  # found by its marker
    assert len(cloud.processes()) == 1


def test_what_a_service_is_started_with_is_for_its_owner_only(cloud: Cloud) -> None:
    put(cloud, env={"TOKEN": "s3cret"})
    ready(cloud)
    holding = [path for path in cloud.home.rglob("*") if path.is_file() and b"s3cret" in path.read_bytes()]
    assert [path.name for path in holding] == ["service.json"]
    assert [path.stat().st_mode & 0o077 for path in cloud.home.rglob("*.json")] == [0, 0]


def test_a_disk_that_takes_no_record_starts_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, value: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(keeper, "write_json", full)
    told: list[str] = []

    def changed() -> None:
        told.append(one.state)
        if one.state == "ready" and told.count("ready") < 3:
            raise OSError(errno.ENOSPC, "No space left on device")  # a route table that cannot be written

    sleeper = parse({"name": "s", "argv": [sys.executable, "-S", "-c", "import time; time.sleep(60)"]})
    (tmp_path / "s").mkdir()
    one = keeper.Keeper("tag", tmp_path / "s", sleeper, changed)
    one.start()
    try:
        eventually(lambda: told.count("ready") == 3 and one.state == "ready")
        assert one.is_alive()
        assert one.crashes == 0
        assert len(marked("tag:")) == 1
    finally:
        one.stop()
    assert marked("tag:") == {}
