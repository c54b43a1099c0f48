"""The program under the real Pulumi CLI: previews, and how wrong configuration is told there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.pulumi_cli, pytest.mark.slow]

STACK = """\
config:
  mooring:cloud: local
  mooring:datasets:
    iris: data/iris.csv
  mooring:models:
    iris:
      training: {dataset: iris, target: species}
  mooring:endpoints:
    iris:
      model: iris
"""
Preview = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def preview(tmp_path: Path, kit: Path, private_places: Path) -> Preview:
    """A function that previews a stack file's text in a project of its own, with the provider from source."""
    root = tmp_path / "project"
    (root / "stacks").mkdir(parents=True)
    (tmp_path / "backend").mkdir()
    shutil.copy(kit / "Pulumi.yaml", root)
    for shared in ("infra", "providers", "data", ".venv", "requirements.txt"):
        (root / shared).symlink_to(kit / shared)
    environment = {
        **os.environ,
        "MOORING_PROJECT": str(root),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'backend'}",
        "PULUMI_CONFIG_PASSPHRASE": "correct horse",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }

    def run(text: str) -> subprocess.CompletedProcess[str]:
        (root / "stacks" / "Pulumi.test.yaml").write_text(text)
        command = ["pulumi", "--non-interactive", "--color", "never"]
        shared = {"cwd": root, "env": environment, "capture_output": True, "text": True, "timeout": 120}
        subprocess.run([*command, "stack", "init", "test"], check=False, **shared)  # type: ignore[call-overload]
        done: subprocess.CompletedProcess[str] = subprocess.run(  # type: ignore[call-overload]
            [*command, "preview", "--stack", "test"], check=False, **shared
        )
        return done

    return run


def test_a_whole_stack_previews_without_anything_deployed(preview: Preview) -> None:
    done = preview(STACK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "+ 10 to create" in done.stdout
    for kind in ("Dataset", "Model", "TrainingRun", "ModelVersion", "Endpoint"):
        assert f"moor:index:{kind} iris create" in done.stdout


def test_wrong_settings_are_told_with_the_line_and_without_a_traceback(preview: Preview) -> None:
    done = preview(STACK.replace("training:", "traning:").replace("model: iris", "model: irs"))
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "stacks/Pulumi.test.yaml:7: models.iris.traning: unknown key (did you mean 'training'?)" in said
    assert "stacks/Pulumi.test.yaml:10: endpoints.iris.model: there is no model 'irs' (did you mean 'iris'?)" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (STACK.replace("cloud: local", "tags: {a: b}"), "missing configuration value 'cloud'"),
        (STACK + "  mooring:tags: text\n", "configuration key 'tags' must be of type 'object'"),
        (STACK.replace("local", "aws\n  mooring:region: eu-central-1"), "'aws' has no adapter in this version"),
    ],
)
def test_the_schema_and_the_program_refuse_what_cannot_be_deployed(preview: Preview, text: str, message: str) -> None:
    done = preview(text)
    assert done.returncode != 0
    assert message in done.stdout + done.stderr
