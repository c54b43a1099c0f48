"""The examples are valid settings, and their first lines name files that exist."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from infra.settings import InvalidSettings, load
from mooring.stack_file import StackFile

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
KINDS = [f"{kind}/Pulumi.{kind}.yaml" for kind in ("regression", "digits", "text", "recommendation")]
DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    "name",
    [
        "onnx-file/Pulumi.two-endpoints.yaml",
        "own-script/Pulumi.own-script.yaml",
        "same-script/Pulumi.same-script.yaml",
        *KINDS,
    ],
)
def test_an_example_is_valid_as_it_is(kit: Path, name: str) -> None:
    settings = load(EXAMPLES / name, kit)
    assert settings.endpoints
    assert settings.cloud == "local"


def test_the_promotion_example_needs_the_promotion_and_is_valid_after_it(kit: Path, tmp_path: Path) -> None:
    file = Path(shutil.copy(EXAMPLES / "promotion" / "Pulumi.staging.yaml", tmp_path))
    with pytest.raises(InvalidSettings, match="there is no model 'iris'"):
        load(file, kit)
    stack = StackFile(file)
    stack.promote("iris", stack="local", source_model="iris", digest=DIGEST, uri="local://x")
    stack.save()
    promoted = load(file, kit).models["iris"].promoted
    assert promoted is not None
    assert promoted.digest == DIGEST


def test_the_files_that_the_examples_commands_name_exist(kit: Path) -> None:
    for file in EXAMPLES.glob("*/Pulumi.*.yaml"):
        named = re.findall(r"(?:examples|data)/[\w./-]+", file.read_text())
        assert named
        for path in named:
            assert (kit / path).exists(), f"{file.name} names {path}"
