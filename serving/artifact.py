"""A model artifact as the server reads it: manifest and signature, every file checked against its hash.

The format is documented in docs/model-format.md; `training/manifest.py` writes it. The two packages run in
environments of their own and do not import each other.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.errors import ModelError

MANIFEST = "mooring-model.json"
RUN_RECORD = "run.json"
KIND = "mooring-model"
FORMAT = 2
"""Newest version of the artifact's format that this code reads."""


@dataclass(frozen=True)
class Artifact:
    """One model folder, verified."""

    folder: Path
    manifest: dict[str, Any]
    signature: dict[str, Any]

    @property
    def task(self) -> str:
        """`classification`, `regression`, or `tensor` (whatever the model answers)."""
        task: str = self.manifest["task"]
        return task

    def form(self, name: str) -> dict[str, Any]:
        """The manifest's entry of the form `onnx` or `sklearn`."""
        entry: dict[str, Any] = self.manifest["forms"][name]
        return entry

    def path(self, entry: dict[str, Any]) -> Path:
        """The file of a form; only a file whose hash the manifest lists is ever loaded."""
        if entry["file"] not in self.manifest["files"]:
            raise ModelError(f"{MANIFEST}: the form's file '{entry['file']}' is not among the listed files")
        return self.folder / str(entry["file"])


def load(folder: Path) -> Artifact:
    """Read and verify a model folder. Raises ModelError for one that is absent, incomplete, changed or newer."""
    manifest = _json(folder, MANIFEST)
    if not isinstance(manifest, dict) or manifest.get("kind") != KIND or not isinstance(manifest.get("format"), int):
        raise ModelError(f"{folder / MANIFEST}: not the manifest of a model artifact")
    if manifest["format"] > FORMAT:
        raise ModelError(
            f"{folder / MANIFEST}: format {manifest['format']} is newer than this server reads ({FORMAT}); upgrade it"
        )
    _verify(folder, manifest)
    artifact = Artifact(folder, manifest, _json(folder, "signature.json"))
    serve = manifest.get("serve")
    if serve not in manifest.get("forms", {}):
        raise ModelError(f"{folder / MANIFEST}: the form to serve, '{serve}', is not in the artifact")
    return artifact


def _json(folder: Path, name: str) -> Any:
    try:
        return json.loads((folder / name).read_bytes())
    except FileNotFoundError:
        raise ModelError(f"{folder}: no model artifact (it has no {name})") from None
    except NotADirectoryError:
        raise ModelError(f"{folder}: not a folder; a model artifact is a folder with a {MANIFEST}") from None
    except ValueError as error:
        raise ModelError(f"{folder / name}: damaged, not JSON ({error})") from error
    except OSError as error:
        raise ModelError(f"{folder / name}: {error.strerror}") from error


def _verify(folder: Path, manifest: dict[str, Any]) -> None:
    listed: dict[str, str] = manifest.get("files", {})
    present = set(_files(folder, "")) - {MANIFEST, RUN_RECORD}
    for name in sorted(set(listed) - present):
        raise ModelError(f"{folder / name}: listed in {MANIFEST}, but missing")
    for name in sorted(present - set(listed)):
        raise ModelError(f"{folder / name}: not listed in {MANIFEST}; the artifact was changed")
    for name, expected in listed.items():
        with (folder / name).open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != expected:
                raise ModelError(
                    f"{folder / name}: its SHA-256 is not the one in {MANIFEST}; it was changed or damaged"
                )


def _files(folder: Path, below: str) -> Iterator[str]:
    with os.scandir(folder / below) as entries:
        for entry in entries:
            if entry.is_symlink():
                raise ModelError(f"{entry.path}: a symbolic link; a model artifact holds regular files only")
            if entry.is_dir():
                yield from _files(folder, f"{below}{entry.name}/")
            else:
                yield f"{below}{entry.name}"
