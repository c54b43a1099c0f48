"""What a reader of artifacts accepts and refuses; both readers, the trainer's and the server's, agree."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serving.artifact import load
from serving.errors import ModelError
from training.artifact.manifest import FORMAT, as_json, compact_json, verify, write_artifact
from training.errors import TrainingError

MANIFEST = {"task": "regression", "serve": "sklearn", "forms": {"sklearn": {"file": "model.skops", "format": "skops"}}}
FILES = {"model.skops": b"1", "signature.json": b"{}\n", "evaluation/evaluation.json": b"{}\n"}


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    """A whole artifact of this format."""
    write_artifact(tmp_path / "model", MANIFEST, FILES, {"run": "r"})
    return tmp_path / "model"


def changed(folder: Path, **entries: Any) -> None:
    path = folder / "mooring-model.json"
    path.write_bytes(as_json({**json.loads(path.read_bytes()), **entries}))


def newer(folder: Path) -> None:
    changed(folder, format=FORMAT + 1)


def tampered(folder: Path) -> None:
    (folder / "evaluation" / "evaluation.json").write_bytes(b'{"metrics": {"accuracy": 1}}\n')


def incomplete(folder: Path) -> None:
    (folder / "signature.json").unlink()


def with_a_stranger(folder: Path) -> None:
    (folder / "evaluation" / "more.json").write_bytes(b"{}")


def of_another_kind(folder: Path) -> None:
    changed(folder, kind="something")


def without_manifest(folder: Path) -> None:
    (folder / "mooring-model.json").unlink()


def damaged(folder: Path) -> None:
    (folder / "mooring-model.json").write_bytes(b'{"kind": "mooring-model", "form')


def linked(folder: Path) -> None:
    (folder / "evaluation" / "link.json").symlink_to(folder / "signature.json")


def test_a_whole_artifact_is_read_by_both(artifact: Path) -> None:
    assert verify(artifact)["format"] == load(artifact).manifest["format"] == FORMAT == 2


def test_an_artifact_of_format_1_is_read_by_both(artifact: Path) -> None:
    changed(artifact, format=1)
    assert verify(artifact)["format"] == load(artifact).manifest["format"] == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (newer, f"format {FORMAT + 1} is newer than this"),
        (tampered, "its SHA-256 is not the one in mooring-model.json"),
        (incomplete, "missing"),
        (with_a_stranger, "not listed in mooring-model.json"),
        (of_another_kind, "not the manifest of a model artifact"),
        (without_manifest, "no model artifact (it has no mooring-model.json)"),
        (damaged, "damaged, not JSON"),
        (linked, "a symbolic link"),
    ],
)
def test_what_is_not_whole_is_refused_by_both(artifact: Path, change: Callable[[Path], None], words: str) -> None:
    change(artifact)
    with pytest.raises((TrainingError, ValueError)) as by_trainer:
        verify(artifact)
    assert words in str(by_trainer.value)
    with pytest.raises(ModelError) as by_server:
        load(artifact)
    assert words in str(by_server.value)


def test_a_run_s_record_may_differ(artifact: Path, tmp_path: Path) -> None:
    digest = write_artifact(tmp_path / "other", MANIFEST, FILES, {"run": "another"})
    shutil.copyfile(tmp_path / "other" / "run.json", artifact / "run.json")
    verify(artifact)
    assert digest == write_artifact(tmp_path / "third", MANIFEST, FILES, {})


def test_an_interrupted_artifact_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.artifact.manifest.hashlib.sha256", lambda content: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_artifact(tmp_path / "model", MANIFEST, FILES, {})
    with pytest.raises(TrainingError, match="no model artifact"):
        verify(tmp_path / "model")


def test_json_is_never_nan_and_compact_json_is_one_line() -> None:
    for write in (as_json, compact_json):
        with pytest.raises(ValueError, match="JSON compliant"):
            write({"a": float("nan")})
    assert compact_json({"a": [1, 2], "b": "ü"}) == '{"a":[1,2],"b":"ü"}\n'.encode()
