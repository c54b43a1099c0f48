"""Projects on disk: which stacks there are, what is made for them, and what is left alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.engine.configuration.secrets import Passphrase, SecretsManager
from mooring import emulated_settings
from mooring.emulated_settings import generated
from mooring.project import Project
from mooring.stack_file import StackFile
from providers.errors import AlreadyExists, InvalidInput, NotFound


@pytest.fixture
def project(tmp_path: Path, kit: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of the kit's project files in a folder of its own."""
    shutil.copy(kit / "Pulumi.yaml", tmp_path)
    (tmp_path / "stacks" / "templates").mkdir(parents=True)
    for file in (kit / "stacks").glob("Pulumi.aws-*.yaml"):
        shutil.copy(file, tmp_path / "stacks")
    shutil.copy(kit / "stacks" / "templates" / "local.yaml", tmp_path / "stacks" / "templates")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "iris.csv").write_text("a\n1\n")
    monkeypatch.setenv("MOORING_PROJECT", str(tmp_path))
    return Project.find()


def test_stacks_are_those_with_a_file_and_those_with_a_template(project: Project) -> None:
    assert project.name == "mooring"
    assert project.stacks() == ["aws-dev", "aws-prod", "local"]


def test_a_stack_of_a_template_is_made_once_and_then_left_alone(project: Project) -> None:
    with pytest.raises(NotFound, match="mooring up --stack local"):
        project.stack("local")
    file = project.ensure("local")
    assert file.read_bytes() == (project.stack_folder / "templates" / "local.yaml").read_bytes()
    file.write_text(file.read_text() + "# mine\n")
    assert project.ensure("local").read_text().endswith("# mine\n")
    assert sorted(entry.name for entry in project.stack_folder.iterdir() if entry.name.startswith(".")) == []


def test_a_stack_s_reference_names_private_files_that_exist(project: Project) -> None:
    project.ensure("local")
    ref = project.stack("local")
    assert (ref.project, ref.stack, ref.cloud, ref.emulate) == ("mooring", "local", "local", False)
    assert ref.program == project.root / "infra"
    assert ref.backend == project.root / ".mooring" / "backend"
    assert ref.backend.is_dir()
    assert ref.passphrase_file.stat().st_mode & 0o777 == 0o600
    assert len(ref.passphrase_file.read_text().strip()) >= 32
    assert ref.config_file == project.root / "stacks" / "Pulumi.local.yaml"


def test_the_passphrase_is_made_once_even_by_processes_at_once(project: Project) -> None:
    project.ensure("local")
    code = (
        "from mooring.project import Project; print(Project.find().stack('local').passphrase_file.read_text().strip())"
    )
    running = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = {process.communicate(timeout=60)[0].strip() for process in running}
    assert len(answers) == 1
    assert answers != {""}


def test_an_unknown_stack_is_told_with_the_near_name(project: Project) -> None:
    with pytest.raises(NotFound, match=r"no stack 'aws-dv' \(did you mean 'aws-dev'\?\)"):
        project.stack("aws-dv")


def test_a_new_stack_comes_from_a_template(project: Project) -> None:
    assert project.create("mine").is_file()
    assert project.stack("mine").cloud == "local"
    with pytest.raises(AlreadyExists, match=r"stacks/Pulumi.mine.yaml"):
        project.create("mine")
    with pytest.raises(NotFound, match="did you mean 'local'"):
        project.create("other", template="locl")
    with pytest.raises(InvalidInput, match="no stack name"):
        project.create("../x")
    project.remove("mine")
    assert "mine" not in project.stacks()


def test_a_stack_file_without_a_cloud_is_told_like_any_wrong_setting(project: Project) -> None:
    project.stack_file("local").write_text("config:\n  mooring:tags: {a: b}\n")
    with pytest.raises(InvalidInput, match=r"Pulumi.local.yaml: cloud: missing"):
        project.stack("local")
    project.stack_file("local").write_text("config: [\n")
    with pytest.raises(InvalidInput, match=r"stacks/Pulumi.local.yaml:2:1: not valid YAML"):
        project.stack("local")


def test_a_folder_without_a_project_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOORING_PROJECT", str(tmp_path))
    with pytest.raises(NotFound, match="mooring new DIR"):
        Project.find()


SECRET_STACK = """\
secretsprovider: awskms://alias/x
encryptedkey: abc
config:
  mooring:cloud: aws
  mooring:region: eu-central-1
  mooring:endpoints:
    iris:
      environment:
        PLAIN: text
        KEY:
          secure: v1:real:ciphertext
  aws:token:
    secure: v1:other:ciphertext
"""


def test_an_emulated_stack_has_files_of_its_own_and_no_real_secret(project: Project) -> None:
    project.stack_file("aws-dev").write_text(SECRET_STACK)
    ref = project.stack("aws-dev", emulate=True)
    place = project.root / ".mooring" / "emulated" / "aws-dev"
    assert (ref.stack, ref.cloud, ref.emulate) == ("aws-dev", "aws", True)
    assert (ref.backend, ref.passphrase_file) == (place / "backend", place / "passphrase")
    assert ref.config_file == place / "Pulumi.aws-dev.yaml"
    assert project.stack_file("aws-dev").read_text() == SECRET_STACK

    copy = yaml.safe_load(ref.config_file.read_text())
    assert set(copy) == {"config", "encryptionsalt"}
    assert "v1:real:ciphertext" not in ref.config_file.read_text()
    environment = copy["config"]["mooring:endpoints"]["iris"]["environment"]
    assert environment["PLAIN"] == "text"
    manager = SecretsManager(Passphrase(file=ref.passphrase_file), copy["encryptionsalt"])
    plain = manager.decrypt(environment["KEY"]["secure"])
    assert plain == generated(("mooring:endpoints", "iris", "environment", "KEY"))
    assert manager.decrypt(copy["config"]["aws:token"]["secure"]) != plain


def test_an_emulated_copy_follows_the_stack_s_file_and_keeps_its_generated_secrets(project: Project) -> None:
    project.stack_file("aws-dev").write_text(SECRET_STACK)
    first = project.stack("aws-dev", emulate=True).config_file
    before, written = yaml.safe_load(first.read_text()), first.stat().st_mtime_ns
    project.stack("aws-dev", emulate=True)
    assert first.stat().st_mtime_ns == written
    project.stack_file("aws-dev").write_text(SECRET_STACK.replace("PLAIN: text", "PLAIN: other"))
    after = yaml.safe_load(project.stack("aws-dev", emulate=True).config_file.read_text())
    old, new = (data["config"]["mooring:endpoints"]["iris"]["environment"] for data in (before, after))
    assert new == {"PLAIN": "other", "KEY": old["KEY"]}
    assert after["encryptionsalt"] == before["encryptionsalt"]


def config(project: Project) -> Any:
    return yaml.safe_load(project.stack("aws-dev", emulate=True).config_file.read_text())["config"]


def change(project: Project, path: str, value: Any) -> None:
    file = StackFile(project.stack("aws-dev", emulate=True).config_file)
    file.remove(path) if value is None else file.set(path, value)
    file.save()


def test_an_emulated_copy_keeps_its_own_changes_while_the_rest_follows_the_stack_s_file(project: Project) -> None:
    project.stack_file("aws-dev").write_text(SECRET_STACK)
    change(project, "endpoints.iris.environment.PLAIN", "own")
    change(project, "endpoints.iris.environment.NEW", "own too")
    change(project, "aws:token", None)
    project.stack_file("aws-dev").write_text(
        SECRET_STACK.replace("eu-central-1", "eu-west-1").replace("PLAIN: text", "PLAIN: other\n        MORE: theirs")
    )
    for _ in range(2):
        found = config(project)
        environment = found["mooring:endpoints"]["iris"]["environment"]
        assert {key: environment[key] for key in ("PLAIN", "NEW", "MORE")} == {
            "PLAIN": "own", "NEW": "own too", "MORE": "theirs",
        }  # fmt: skip
        assert found["mooring:region"] == "eu-west-1"
        assert "aws:token" not in found
    change(project, "endpoints.iris.environment.NEW", None)
    assert "NEW" not in config(project)["mooring:endpoints"]["iris"]["environment"]


@pytest.mark.parametrize("killed_after", [1, 2, 3])
def test_a_copy_whose_renewal_was_killed_between_two_writes_loses_and_invents_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch, killed_after: int
) -> None:
    project.stack_file("aws-dev").write_text(SECRET_STACK)
    change(project, "endpoints.iris.environment.PLAIN", "own")
    config(project)
    project.stack_file("aws-dev").write_text(SECRET_STACK.replace("eu-central-1", "eu-west-1"))
    write, written = emulated_settings._write, []

    def writes(file: Path, content: dict[str, Any]) -> None:
        if len(written) == killed_after:
            raise KeyboardInterrupt
        written.append(file.name)
        write(file, content)

    monkeypatch.setattr(emulated_settings, "_write", writes)
    monkeypatch.setattr(Path, "unlink", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        config(project)
    monkeypatch.undo()
    monkeypatch.setenv("MOORING_PROJECT", str(project.root))
    change(project, "endpoints.iris.environment.NEW", "later")
    project.stack_file("aws-dev").write_text(SECRET_STACK.replace("eu-central-1", "eu-north-1"))
    found = config(project)
    assert found["mooring:region"] == "eu-north-1"
    environment = found["mooring:endpoints"]["iris"]["environment"]
    assert (environment["PLAIN"], environment["NEW"]) == ("own", "later")
