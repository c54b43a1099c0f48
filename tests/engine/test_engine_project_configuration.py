"""What Pulumi.yaml says of configuration reaches the program, the preview and the history, as with the CLI."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_kit import SALT, Stack

from infra.engine.errors import ConfigError

PROJECT = """\
name: proj
runtime: python
config:
  size: {type: integer, default: 3}
  owner: {type: string}
  nested: {type: object, default: {a: [1, 2]}}
"""
PROGRAM = """
config = pulumi.Config()
pulumi.export("size", config.require_int("size"))
pulumi.export("owner", config.require("owner"))
pulumi.export("nested", config.require_object("nested"))
"""


@pytest.fixture
def project(tmp_path: Path) -> Stack:
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    stack = Stack(tmp_path)
    stack.config_file.write_text(f"config:\n  proj:owner: ann\nencryptionsalt: {SALT}\n")
    return stack


def test_a_program_gets_the_projects_defaults(project: Stack) -> None:
    assert project.up(PROGRAM).outputs == {"size": 3, "owner": "ann", "nested": {"a": [1, 2]}}
    assert project.preview().document["config"] == {
        "proj:size": "3",
        "proj:owner": "ann",
        "proj:nested": '{"a":[1,2]}',
    }


def test_the_history_keeps_values_as_the_cli_does(project: Stack) -> None:
    project.up(PROGRAM)
    (entry,) = project.engine.history(project.ref)
    assert entry["config"] == {"proj:size": 3, "proj:owner": "ann", "proj:nested": {"a": [1, 2]}}


def test_a_missing_key_and_a_wrong_type_are_told_before_anything_runs(project: Stack) -> None:
    project.config_file.write_text(f"config: {{}}\nencryptionsalt: {SALT}\n")
    with pytest.raises(ConfigError, match=r"Pulumi\.dev\.yaml: missing configuration: owner"):
        project.run("up", "raise SystemExit('it ran')")
    project.config_file.write_text(f"config:\n  proj:owner: ann\n  proj:size: many\nencryptionsalt: {SALT}\n")
    with pytest.raises(ConfigError, match=r"size must be of type integer, not many"):
        project.run("up")
