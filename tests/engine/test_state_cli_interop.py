"""The state on disk, shared with the real Pulumi CLI in both directions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.engine.configuration import stack_config
from infra.engine.configuration.project_config import apply_project
from infra.engine.configuration.secrets import Passphrase
from infra.engine.state import history
from infra.engine.state.locks import StackLock, holders
from infra.engine.state.store import StateStore
from infra.engine.values.archive_content import digest
from infra.engine.values.assets import Archive, Asset
from infra.engine.values.values import Secret
from providers.errors import ConflictError

pytestmark = pytest.mark.pulumi_cli

PROGRAM = """
import pulumi

class Parts(pulumi.ComponentResource):
    def __init__(self, name, props):
        super().__init__("my:mod:Parts", name, props)
        self.register_outputs({"done": True})

config = pulumi.Config()
Parts("parts", {
    "file": pulumi.FileAsset("data.bin"),
    "text": pulumi.StringAsset("hello"),
    "folder": pulumi.FileArchive("folder"),
    "members": pulumi.AssetArchive({"é.txt": pulumi.StringAsset("x"), "sub": pulumi.FileArchive("folder")}),
    "zip": pulumi.FileArchive("packed.zip"),
    "secret": config.require_secret("token"),
    "deep": {"list": [1, 2.5, True, None, pulumi.Output.secret({"k": "<&>"})]},
})
pulumi.export("token", config.require_secret("token"))
pulumi.export("nested", config.require_secret_object("nested"))
pulumi.export("size", config.require("size"))
"""


class Cli:
    """A project in a folder of its own, driven by the real CLI."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.backend = folder, folder / "backend"
        self.config = folder / "Pulumi.dev.yaml"
        self.backend.mkdir()
        (folder / "pass").write_text("open sesame\n")
        (folder / "data.bin").write_bytes(bytes(range(256)) * 5)
        long = folder / "folder" / ("d" * 90) / ("e" * 70)
        long.mkdir(parents=True)
        (long / "deep.txt").write_text("deep")
        (folder / "folder" / ("n" * 120 + ".txt")).write_text("long name")
        (folder / "folder" / "ünïcode.txt").write_text("u")
        (folder / "folder" / "b.txt").write_text("b" * 1000)
        (folder / "folder" / "a.txt").symlink_to(folder / "folder" / "b.txt")
        (folder / "packed.zip").write_bytes(b"PK\x05\x06" + bytes(18))
        (folder / "__main__.py").write_text(PROGRAM)
        (folder / "Pulumi.yaml").write_text(
            f"name: shop\nruntime: {{name: python, options: {{virtualenv: {sys.prefix}}}}}\n"
            "config: {size: {type: integer, default: 7}, nested: {type: object, default: {a: 1}}}\n"
        )

    def __call__(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "PULUMI_BACKEND_URL": self.backend.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.folder / "pass"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_HOME": str(self.folder / "home"),
        }
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    @property
    def store(self) -> StateStore:
        return StateStore(self.backend, "shop", "dev")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A stack that the CLI deployed; tests leave its resources as they are."""
    cli = Cli(tmp_path_factory.mktemp("shop"))
    cli("stack", "init", "dev")
    cli("config", "set", "--secret", "token", "s3cr3t-plain-text")
    cli("config", "set", "--path", "nested.inner.key", "10")
    cli("config", "set", "--path", "--secret", "nested.hidden", "s3cr3t-nested")
    cli("up", "--yes", "--skip-preview")
    return cli


def open_state(cli: Cli):  # type: ignore[no-untyped-def]
    secrets = stack_config.load(cli.config, "shop").secrets(Passphrase(file=cli.folder / "pass"))
    assert secrets is not None
    return cli.store.load(secrets.start()), secrets


def test_a_state_of_the_cli_is_read_with_its_secrets_and_hashes(deployed: Cli) -> None:
    snapshot, _ = open_state(deployed)
    root = snapshot.root()
    assert root is not None
    assert root.outputs["token"] == Secret("s3cr3t-plain-text")
    assert root.outputs["size"] == "7"
    (parts,) = [r for r in snapshot.resources if r.type == "my:mod:Parts"]
    for name, given in {
        "file": Asset(path="data.bin"),
        "text": Asset(text="hello"),
    }.items():
        assert given.hashed(deployed.folder).hash == parts.inputs[name].hash
    folder = Archive(path="folder")
    for name, archive in {
        "folder": folder,
        "members": Archive(assets={"é.txt": Asset(text="x"), "sub": folder}),
        "zip": Archive(path="packed.zip"),
    }.items():
        assert digest(archive, deployed.folder) == parts.inputs[name].hash, name


def test_a_state_that_we_wrote_again_leaves_the_cli_nothing_to_do(deployed: Cli) -> None:
    before = json.loads(deployed("stack", "export").stdout)
    snapshot, secrets = open_state(deployed)
    for resource in snapshot.resources:
        resource.type = resource.type  # forgets the cached bytes, so that all is encoded anew
    deployed.store.save(snapshot, secrets)
    after = json.loads(deployed("stack", "export").stdout)
    before["deployment"].pop("manifest"), after["deployment"].pop("manifest")
    assert after == before
    assert deployed.store.export()["deployment"]["resources"] == after["deployment"]["resources"]
    deployed("preview", "--expect-no-changes")
    shown = json.loads(deployed("stack", "output", "--json", "--show-secrets").stdout)
    assert shown["token"] == "s3cr3t-plain-text"


def test_no_secret_is_in_the_bytes_of_state_history_or_backups(deployed: Cli) -> None:
    snapshot, secrets = open_state(deployed)
    deployed.store.save(snapshot, secrets)
    deployed.store.backup()
    history.record(deployed.store.layout, history.Entry("update", "succeeded", 1, 2, config={}))
    files = [p for p in deployed.backend.rglob("*") if p.is_file()]
    assert len(files) > 5
    assert not [p for p in files if b"s3cr3t" in p.read_bytes()]


def test_both_read_each_others_history(deployed: Cli) -> None:
    layout = deployed.store.layout
    config = apply_project(stack_config.load(deployed.config, "shop"), deployed.folder / "Pulumi.yaml", "shop")
    ours = history.Entry("update", "failed", 1700000000, 1700000009, "ours", {"ci": "yes"}, config.values, {"same": 3})
    history.record(layout, ours)
    theirs = json.loads(deployed("stack", "history", "--json").stdout)
    assert (theirs[0]["message"], theirs[0]["result"], theirs[0]["resourceChanges"]) == ("ours", "failed", {"same": 3})
    assert theirs[0]["config"] == theirs[-1]["config"]
    assert [e["kind"] for e in history.entries(layout)] == [e["kind"] for e in theirs]
    assert history.entries(layout)[-1]["version"] == 1


def test_a_program_sees_the_same_configuration_from_both(deployed: Cli) -> None:
    config = apply_project(stack_config.load(deployed.config, "shop"), deployed.folder / "Pulumi.yaml", "shop")
    runtime = config.runtime(config.secrets(Passphrase(file=deployed.folder / "pass")))
    theirs = json.loads(deployed("config", "--json", "--show-secrets").stdout)
    assert {k: v.get("value") for k, v in theirs.items()} == dict(runtime.values)
    assert {k for k, v in theirs.items() if v["secret"]} == set(runtime.secret_keys)


def test_the_cli_keeps_out_of_a_stack_that_we_hold_and_we_of_one_it_holds(deployed: Cli) -> None:
    with StackLock(deployed.backend, "shop", "dev"):
        refused = deployed("up", "--yes", "--skip-preview", check=False)
        assert refused.returncode != 0
        assert "currently locked by 1 lock" in refused.stdout + refused.stderr
    foreign = deployed.store.layout.locks / "0b9d2b7e-0000-4000-8000-000000000000.json"
    foreign.write_text('{"pid":1,"username":"ann","hostname":"elsewhere","timestamp":"2026-01-02T03:04:05.123456789Z"}')
    with pytest.raises(ConflictError, match=r"ann@elsewhere \(process 1\) since 2026"):
        StackLock(deployed.backend, "shop", "dev").acquire()
    deployed("cancel", "--yes")
    assert holders(deployed.store.layout) == []
    deployed("preview")


def test_a_stack_that_we_made_is_listed_and_exported_by_the_cli(deployed: Cli) -> None:
    StateStore(deployed.backend, "shop", "other").initialise()
    assert {s["name"].split("/")[-1] for s in json.loads(deployed("stack", "ls", "--json").stdout)} == {"dev", "other"}
    deployed("stack", "select", "other")
    deployed("stack", "export")
    deployed("stack", "select", "dev")
    StateStore(deployed.backend, "shop", "other").remove()
    assert StateStore.list_stacks(deployed.backend, "shop") == ["dev"]


def test_an_export_of_ours_is_imported_by_the_cli_and_the_reverse(deployed: Cli) -> None:
    exported = deployed.folder / "export.json"
    exported.write_text(json.dumps(deployed.store.export()))
    deployed("stack", "import", "--file", str(exported))
    _, secrets = open_state(deployed)
    deployed.store.import_(json.loads(deployed("stack", "export").stdout), secrets)
    deployed("preview", "--expect-no-changes")
