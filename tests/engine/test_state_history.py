"""The history of a stack, and that nothing on disk holds a secret in plain text."""

from __future__ import annotations

from pathlib import Path

from state_kit import stack_of, thing

from infra.engine.configuration.secrets import Passphrase, SecretsManager
from infra.engine.state import history
from infra.engine.state.group_commit import GroupCommit
from infra.engine.state.resource import Operation
from infra.engine.state.store import StateStore
from infra.engine.values.values import Secret


def test_operations_are_listed_latest_first_with_numbers_and_the_state_after_each(tmp_path: Path) -> None:
    store = StateStore(tmp_path, "shop", "dev")
    store.initialise()
    assert history.entries(store.layout) == []
    history.record(
        store.layout, history.Entry("update", "succeeded", 10, 12, "first", {}, {}, {"create": 2, "same": 0})
    )
    history.record(store.layout, history.Entry("destroy", "failed", 20, 21))
    (store.layout.history / "dev-1.history.json").write_text("{half")
    (store.layout.history / "dev-2.history.json.attrs").write_text("{}")
    latest, first = history.entries(store.layout)
    assert (latest["kind"], latest["result"], latest["version"], latest["endTime"]) == ("destroy", "failed", 2, 21)
    assert "resourceChanges" not in latest
    assert (first["message"], first["version"], first["resourceChanges"]) == ("first", 1, {"create": 2})
    copies = list(store.layout.history.glob("*.checkpoint.json"))
    assert [c.read_bytes() for c in copies] == [store.file.read_bytes()] * 2


def test_no_secret_is_in_any_byte_that_a_deployment_leaves(tmp_path: Path) -> None:
    secrets = SecretsManager.create(Passphrase("p"))
    store = StateStore(tmp_path, "shop", "dev")
    store.initialise()
    writer = GroupCommit(store, stack_of(), secrets)
    hidden = {"top": Secret("s3cr3t"), "deep": [{"x": Secret({"y": Secret("s3cr3t")})}], "s3": Secret(["s3cr3t"])}
    resource = thing("a", inputs=hidden)
    writer.commit(lambda snapshot: snapshot.pending_operations.append(Operation(resource, "creating")))
    resource.outputs = hidden | {"more": Secret("s3cr3t")}
    writer.commit(lambda snapshot: snapshot.resources.append(resource))
    store.backup()
    history.record(store.layout, history.Entry("update", "succeeded", 1, 2))
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert len(files) >= 6
    assert [p for p in files if b"s3cr3t" in p.read_bytes()] == []
    assert store.load(secrets).resources[1].outputs == resource.outputs
    assert "s3cr3t" not in repr(resource)
