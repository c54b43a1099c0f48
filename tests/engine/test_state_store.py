"""The state on disk: read, restored from its backup, checked, imported, removed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from state_kit import STACK, names, stack_of, thing

from infra.engine.configuration.secrets import Passphrase, SecretsManager
from infra.engine.errors import (
    EngineError,
    IntegrityError,
    StackExists,
    StackNotFound,
    StateCorrupt,
    StateUnsupported,
)
from infra.engine.state import checkpoint, integrity
from infra.engine.state.checkpoint import Manifest, Snapshot
from infra.engine.state.resource import Resource
from infra.engine.state.store import StateStore
from infra.engine.values.values import Secret


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    made = StateStore(tmp_path, "shop", "dev")
    made.initialise()
    return made


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
