"""The state on disk: atomic, restored from its backup, shared writes, never half written."""

from __future__ import annotations

import errno
import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from infra.engine import checkpoint, integrity
from infra.engine.checkpoint import Manifest, Snapshot
from infra.engine.errors import (
    EngineError,
    IntegrityError,
    StackExists,
    StackNotFound,
    StateCorrupt,
    StateUnsupported,
    StateWriteFailed,
)
from infra.engine.group_commit import GroupCommit
from infra.engine.resource import Operation, Resource
from infra.engine.secrets import Passphrase, SecretsManager
from infra.engine.store import StateStore
from infra.engine.values import Secret

STACK = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"


def thing(name: str, **fields: Any) -> Resource:
    urn = f"urn:pulumi:dev::shop::pkg:index:Thing::{name}"
    return Resource(**{"urn": urn, "type": "pkg:index:Thing", "custom": True, "id": name, "parent": STACK} | fields)


def stack_of(*resources: Resource) -> Snapshot:
    return Snapshot(resources=[Resource(STACK, "pulumi:pulumi:Stack"), *resources])


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    made = StateStore(tmp_path, "shop", "dev")
    made.initialise()
    return made


def names(store: StateStore) -> list[str]:
    return [r.urn.rsplit("::", 1)[-1] for r in StateStore(store.layout.backend, "shop", "dev").load(None).resources[1:]]


def test_a_new_stack_is_empty_and_cannot_be_made_twice(store: StateStore) -> None:
    assert store.load(None).resources == []
    assert (store.layout.backend / ".pulumi" / "meta.yaml").read_text() == "version: 1\n"
    with pytest.raises(StackExists):
        store.initialise()


def test_an_unknown_stack_names_the_nearest(store: StateStore) -> None:
    with pytest.raises(StackNotFound, match="did you mean 'dev'"):
        StateStore(store.layout.backend, "shop", "dve").load(None)


@pytest.mark.parametrize("name", ["../x", "a/b", "", "a b", "x" * 101])
def test_a_stack_name_that_would_leave_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(EngineError, match="is no stack name"):
        StateStore(tmp_path, "shop", name)


def test_the_state_before_becomes_the_backup(store: StateStore) -> None:
    store.save(stack_of(thing("a")), None)
    store.save(stack_of(thing("b")), None)
    assert names(store) == ["b"]
    assert checkpoint.load(store.layout.backup.read_bytes(), None).resources[1].id == "a"


@pytest.mark.parametrize("damage", [b"", b"{", b'{"version":3', b"null", b"\x1f\x8bnot gzip", b"[]", b'{"version":3}'])
def test_a_damaged_state_is_restored_from_its_backup_and_said_so(store: StateStore, damage: bytes) -> None:
    store.save(stack_of(thing("a")), None)
    store.save(stack_of(thing("a"), thing("b")), None)
    store.file.write_bytes(damage)
    told: list[str] = []
    again = StateStore(store.layout.backend, "shop", "dev")
    snapshot = again.load(None, told.append)
    assert [r.id for r in snapshot.resources[1:]] == ["a"]
    assert len(told) == 1
    assert "damaged" in told[0]
    assert str(store.layout.backup) in told[0]
    assert again.file.read_bytes() == damage, "reading must not write"
    again.save(snapshot, None)
    assert names(store) == ["a"]
    assert checkpoint.load(store.layout.backup.read_bytes(), None).resources, "the damage must not become the backup"


def test_a_damaged_state_without_backup_says_what_to_do(store: StateStore) -> None:
    store.file.write_bytes(b'{"version":')
    with pytest.raises(StateCorrupt, match="state import") as error:
        store.load(None)
    assert str(store.file) in str(error.value)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b'{"version":9,"checkpoint":{}}', StateUnsupported),
        (b'{"version":4,"features":["snippets-prototype"],"checkpoint":{}}', StateUnsupported),
        (b"\x28\xb5\x2f\xfd1234", StateUnsupported),
    ],
)
def test_a_sound_state_of_another_pulumi_is_refused_not_replaced_by_an_older_one(
    store: StateStore, content: bytes, error: type[EngineError]
) -> None:
    store.save(stack_of(thing("a")), None)
    store.save(stack_of(thing("b")), None)
    store.file.write_bytes(content)
    with pytest.raises(error):
        store.load(None)
    assert store.file.read_bytes() == content


def test_a_value_that_somebody_broke_by_hand_is_named_not_replaced(store: StateStore) -> None:
    store.save(stack_of(thing("a")), None)
    store.save(stack_of(thing("b", inputs={"p": {"q": 1}})), None)
    edited = store.file.read_text().replace('{"q":1}', '{"4dabf18193072939515e22adb298388d":"nonsense"}')
    store.file.write_text(edited)
    with pytest.raises(StateCorrupt, match=r"inputs\.p: unrecognised signature 'nonsense'"):
        store.load(None)


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


def test_a_compressed_state_of_the_cli_is_read_and_replaced(store: StateStore) -> None:
    store.save(stack_of(thing("a")), None)
    packed = store.file.with_name("dev.json.gz")
    packed.write_bytes(gzip.compress(store.file.read_bytes()))
    store.file.unlink()
    again = StateStore(store.layout.backend, "shop", "dev")
    snapshot = again.load(None)
    again.save(snapshot, None)
    assert not packed.exists()
    assert names(store) == ["a"]


def test_fields_of_a_newer_pulumi_are_written_back() -> None:
    deployment = {
        "manifest": {"time": "2026-01-01T00:00:00Z", "magic": "", "version": "", "plugins": [{"name": "x"}]},
        "resources": [{"urn": STACK, "custom": False, "type": "pulumi:pulumi:Stack", "future": {"a": [1]}}],
        "metadata": {},
        "futureMap": {"b": 2},
    }
    snapshot = checkpoint.from_deployment({"version": 3, "deployment": deployment}, None)
    snapshot.resources[0].modified = "2026-01-02T00:00:00Z"
    changed = checkpoint.to_deployment(snapshot)["deployment"]
    assert changed["futureMap"] == {"b": 2}
    assert changed["manifest"]["plugins"] == [{"name": "x"}]
    assert changed["resources"][0] | {"modified": None} == deployment["resources"][0] | {"modified": None}


def test_features_raise_the_version_and_unknown_ones_are_refused() -> None:
    exported = checkpoint.to_deployment(stack_of(thing("a", taint=True, replace_with=[STACK])))
    assert (exported["version"], exported["features"]) == (4, ["replaceWith", "taint"])
    assert checkpoint.from_deployment(exported, None).resources[1].taint
    with pytest.raises(StateUnsupported, match="teleport"):
        checkpoint.from_deployment(exported | {"features": ["teleport"]}, None)
    with pytest.raises(StateUnsupported, match="version 5"):
        checkpoint.from_deployment(exported | {"version": 5}, None)


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ([thing("a", dependencies=[STACK + "x"])], "is not in the state"),
        ([thing("a", parent=thing("b").urn), thing("b")], "its parent .*b comes after it"),
        ([thing("a"), thing("a")], "2 times"),
        ([thing("a", custom=False)], "is a component, but has an id"),
        ([thing("a", provider="urn:pulumi:dev::shop::pulumi:providers:p::d::1")], "unknown provider"),
        ([thing("a", provider="nonsense")], "not a provider reference"),
    ],
)
def test_a_state_that_breaks_pulumis_order_is_named(resources: list[Resource], message: str) -> None:
    with pytest.raises(IntegrityError, match=message):
        integrity.verify(stack_of(*resources))


def test_a_manifest_that_was_tampered_with_is_refused() -> None:
    integrity.verify(Snapshot(manifest=Manifest.of("v3.260.0", "2026-01-01T00:00:00Z")))
    with pytest.raises(IntegrityError, match="magic"):
        integrity.verify(Snapshot(manifest=Manifest("2026-01-01T00:00:00Z", "00", "v3.260.0")))


def test_the_state_of_another_stack_is_not_imported(store: StateStore) -> None:
    before = store.file.read_bytes()
    exported = checkpoint.to_deployment(stack_of(thing("a")))
    other = json.loads(json.dumps(exported).replace(":dev::", ":prod::"))
    with pytest.raises(EngineError, match="belongs to project 'shop', stack 'prod'"):
        store.import_(other, None)
    assert store.file.read_bytes() == before
    store.import_(exported, None)
    assert names(store) == ["a"]


def test_an_untouched_resource_is_written_as_it_was_and_a_secret_of_another_stack_anew(store: StateStore) -> None:
    ours, theirs = SecretsManager.create(Passphrase("a")), SecretsManager.create(Passphrase("b"))
    store.save(stack_of(thing("a", outputs={"s": Secret("plain")})), ours)
    first = store.export()["deployment"]["resources"]
    snapshot = store.load(ours)
    snapshot.resources[1].modified = "2026-01-01T00:00:00Z"
    store.save(snapshot, ours)
    second = store.export()["deployment"]["resources"]
    assert second[1]["outputs"] == first[1]["outputs"]
    assert "plain" not in json.dumps(second)
    borrowed = store.load(ours).resources[1].outputs["s"]
    other = StateStore(store.layout.backend, "shop", "prod")
    other.initialise()
    foreign = Snapshot(resources=[Resource("urn:pulumi:prod::shop::t:t:T::x", "t:t:T", inputs={"s": borrowed})])
    other.save(foreign, theirs)
    assert other.load(theirs).resources[0].inputs["s"] == Secret("plain")


def test_removing_a_stack_keeps_its_last_state_as_a_backup(store: StateStore) -> None:
    store.save(stack_of(thing("a")), None)
    store.remove()
    assert not store.exists()
    assert store.layout.backup.is_file()
    with pytest.raises(StackNotFound):
        store.remove()


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
from infra.engine.resource import Resource
from infra.engine.store import StateStore

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
from infra.engine.group_commit import GroupCommit
from infra.engine.resource import Resource
from infra.engine.store import StateStore

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
