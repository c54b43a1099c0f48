"""Writes of the state: shared by threads, whole or not at all, whatever stops them."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from state_kit import names, stack_of, thing

from infra.engine.errors import StateWriteFailed
from infra.engine.state.group_commit import GroupCommit
from infra.engine.state.resource import Operation
from infra.engine.state.store import StateStore


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    made = StateStore(tmp_path, "shop", "dev")
    made.initialise()
    return made


def test_a_full_disk_leaves_the_old_state_and_is_one_clear_error(
    store: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(stack_of(thing("a")), None)
    monkeypatch.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(StateWriteFailed, match="No space left on device; what was there before is intact"):
        store.save(stack_of(thing("b")), None)
    monkeypatch.undo()
    assert names(store) == ["a"]
    assert not list(store.file.parent.glob("*.tmp"))


def test_many_threads_share_writes_and_each_is_durable_on_return(store: StateStore) -> None:
    writer = GroupCommit(store, stack_of(), None)
    seen: list[bool] = []

    def step(number: int) -> None:
        for half in range(5):
            name = f"r{number}-{half}"
            writer.commit(lambda snapshot, name=name: snapshot.resources.append(thing(name)))  # type: ignore[misc]
            seen.append(f'"{name}"'.encode() in store.file.read_bytes())

    threads = [threading.Thread(target=step, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 80
    assert all(seen)
    assert len(names(store)) == 80
    assert writer.writes < 80


def test_a_failed_write_reaches_every_waiting_thread_and_the_next_one_carries_its_change(
    store: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = GroupCommit(store, stack_of(), None)
    failed: list[StateWriteFailed] = []
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))

        def step(number: int) -> None:
            try:
                writer.commit(lambda snapshot: snapshot.resources.append(thing(f"r{number}")))
            except StateWriteFailed as error:
                failed.append(error)

        threads = [threading.Thread(target=step, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(failed) == 6
    writer.commit(lambda snapshot: snapshot.pending_operations.append(Operation(thing("last"), "creating")))
    assert len(names(store)) == 6
    assert store.load(None).pending_operations[0].type == "creating"


LIMITED = """
import resource, sys
from pathlib import Path
from infra.engine.errors import StateWriteFailed
from infra.engine.state.resource import Resource
from infra.engine.state.store import StateStore

store = StateStore(Path(sys.argv[1]), "shop", "dev")
snapshot = store.load(None)
snapshot.resources.append(Resource("urn:pulumi:dev::shop::t:t:T::big", "t:t:T", inputs={"pad": "x" * 200_000}))
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    store.save(snapshot, None)
except StateWriteFailed as error:
    print(error)
"""


def test_a_write_that_the_system_stops_half_way_leaves_the_old_state(store: StateStore, kit: Path) -> None:
    store.save(stack_of(thing("a")), None)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(store.layout.backend)], cwd=kit, capture_output=True, text=True, check=True
    )
    assert "File too large; what was there before is intact" in done.stdout
    assert names(store) == ["a"]
    assert [p.name for p in store.file.parent.iterdir() if p.suffix == ".tmp"] == []


def test_twenty_stacks_of_one_backend_are_made_and_written_at_once(tmp_path: Path) -> None:
    problems: list[BaseException] = []

    def make(number: int) -> None:
        try:
            made = StateStore(tmp_path, "shop", f"s{number}")
            made.initialise()
            for _ in range(5):
                made.save(stack_of(thing("a")), None)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion
            problems.append(error)

    threads = [threading.Thread(target=make, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(StateStore.list_stacks(tmp_path, "shop")) == 20


WRITE_LOOP = """
import sys
from pathlib import Path
from infra.engine.state.group_commit import GroupCommit
from infra.engine.state.resource import Resource
from infra.engine.state.store import StateStore

store = StateStore(Path(sys.argv[1]), "shop", "dev")
writer = GroupCommit(store, store.load(None), None)
print("ready", flush=True)
for number in range(int(sys.argv[2]), 10**6):
    urn = f"urn:pulumi:dev::shop::t:t:T::{number}"
    writer.commit(lambda s: s.resources.append(Resource(urn, "t:t:T", inputs={"pad": "x" * 5000})))
    print(number, flush=True)
"""


def test_a_killed_writer_leaves_a_readable_state_with_all_that_it_reported(store: StateStore, kit: Path) -> None:
    for attempt in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITE_LOOP, str(store.layout.backend), str(attempt * 10_000)],
            cwd=kit, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.02 + 0.013 * attempt)
        process.send_signal(signal.SIGKILL)
        lines = process.stdout.read().split("\n")
        process.wait()
        finished = [int(line) for line in lines[:-1] if line]
        told: list[str] = []
        kept = StateStore(store.layout.backend, "shop", "dev").load(None, told.append)
        assert not told
        assert {str(n) for n in finished} <= {r.urn.rsplit("::", 1)[-1] for r in kept.resources}
    store.save(store.load(None), None)
    assert not list(store.file.parent.glob("*.tmp")), "what killed writers left is cleared away"
