"""Locks on a stack: one holder, who it is, and dead ones removed."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from infra.engine.state.layout import Layout
from infra.engine.state.locks import StackLock, cancel, holders
from providers.errors import ConflictError

HOLD = """
import sys, time
from pathlib import Path
from infra.engine.state.locks import StackLock
from providers.errors import ConflictError
try:
    with StackLock(Path(sys.argv[1]), "shop", "dev"):
        print("held", flush=True)
        time.sleep(float(sys.argv[2]))
except ConflictError as error:
    print("refused", error, flush=True)
"""


def hold(backend: Path, kit: Path, seconds: float = 30) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(backend), str(seconds)], cwd=kit, stdout=subprocess.PIPE, text=True
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def foreign(backend: Path, **fields: object) -> Path:
    folder = Layout(backend, "shop", "dev").locks
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{len(list(folder.iterdir()))}.json"
    content = {"pid": 1, "username": "ann", "hostname": "elsewhere", "timestamp": "2026-01-02T03:04:05.123456789+01:00"}
    file.write_text(json.dumps(content | fields))
    return file


def test_a_second_process_is_refused_and_told_who_holds_the_stack(tmp_path: Path, kit: Path) -> None:
    first = hold(tmp_path, kit)
    try:
        assert line(first) == "held\n"
        with pytest.raises(ConflictError) as refused:
            StackLock(tmp_path, "shop", "dev").acquire()
        for part in (str(first.pid), socket.gethostname(), "since 20", "mooring cancel --stack dev"):
            assert part in str(refused.value)
        with StackLock(tmp_path, "shop", "other"):
            pass
    finally:
        first.kill()
        first.wait()


def test_the_lock_of_a_killed_process_is_removed_with_a_notice(tmp_path: Path, kit: Path) -> None:
    first = hold(tmp_path, kit)
    assert line(first) == "held\n"
    first.send_signal(signal.SIGKILL)
    first.wait()
    told: list[str] = []
    with StackLock(tmp_path, "shop", "dev", notify=told.append):
        assert [h.pid for h in holders(Layout(tmp_path, "shop", "dev"))] == [os.getpid()]
    assert len(told) == 1
    assert f"process {first.pid}" in told[0]
    assert holders(Layout(tmp_path, "shop", "dev")) == []


def test_a_number_that_a_later_process_has_is_a_dead_lock(tmp_path: Path) -> None:
    foreign(tmp_path, pid=os.getppid(), hostname=socket.gethostname(), timestamp="2001-01-01T00:00:00Z")
    with StackLock(tmp_path, "shop", "dev"):
        pass


def test_a_lock_of_another_host_or_of_a_live_process_stays(tmp_path: Path) -> None:
    file = foreign(tmp_path)
    with pytest.raises(ConflictError, match=r"ann@elsewhere \(process 1\)"):
        StackLock(tmp_path, "shop", "dev").acquire()
    file.unlink()
    foreign(tmp_path, pid=os.getppid(), hostname=socket.gethostname(), timestamp="2999-01-01T00:00:00Z")
    with pytest.raises(ConflictError, match="ann@"):
        StackLock(tmp_path, "shop", "dev").acquire()
    assert len(holders(Layout(tmp_path, "shop", "dev"))) == 1


def test_half_a_lock_is_still_a_lock_until_it_is_cancelled(tmp_path: Path) -> None:
    foreign(tmp_path).write_text('{"pid": 4')
    with pytest.raises(ConflictError, match="unknown"):
        StackLock(tmp_path, "shop", "dev").acquire()
    assert len(cancel(tmp_path, "shop", "dev")) == 1
    with StackLock(tmp_path, "shop", "dev"):
        pass
    assert cancel(tmp_path, "shop", "dev") == []


def test_one_that_waits_goes_on_when_the_holder_is_done(tmp_path: Path, kit: Path) -> None:
    first = hold(tmp_path, kit, 0.5)
    assert line(first) == "held\n"
    with StackLock(tmp_path, "shop", "dev", wait=60):
        assert first.wait(30) == 0


def test_of_many_that_start_at_once_exactly_one_holds_the_stack(tmp_path: Path, kit: Path) -> None:
    starters = [hold(tmp_path, kit) for _ in range(6)]
    try:
        answers = [line(p).split()[0] for p in starters]
        assert sorted(answers) == ["held"] + ["refused"] * 5
    finally:
        for process in starters:
            process.kill()
            process.wait()


def test_the_lock_is_released_when_the_operation_raises(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), StackLock(tmp_path, "shop", "dev"):
        raise ZeroDivisionError
    with StackLock(tmp_path, "shop", "dev"):
        assert len(holders(Layout(tmp_path, "shop", "dev"))) == 1


def test_who_took_the_lock_a_moment_ago_is_named_by_the_one_who_came_too_late(tmp_path: Path) -> None:
    layout = Layout(tmp_path, "shop", "dev")
    layout.mutex.parent.mkdir(parents=True)
    mutex = os.open(layout.mutex, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(mutex, fcntl.LOCK_EX)  # taken, and not yet said by whom

    def say() -> None:
        time.sleep(0.3)
        layout.locks.mkdir(parents=True)
        told = {"pid": 4242, "username": "ann", "hostname": "elsewhere", "timestamp": "2026-01-01T00:00:00+00:00"}
        (layout.locks / "one.json").write_text(json.dumps(told))

    thread = threading.Thread(target=say)
    thread.start()
    try:
        with pytest.raises(ConflictError, match="4242"):
            StackLock(tmp_path, "shop", "dev").acquire()
    finally:
        thread.join()
        os.close(mutex)
