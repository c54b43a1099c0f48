"""The model artifact: one folder, its manifest `mooring-model.json`, and how both are written and verified.

The format is documented in docs/model-format.md. The manifest lists every other file with its SHA-256, except
`run.json`, which holds what differs between two equal runs and is no part of the digest.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.artifact.digest import file_hex, relative_files, tree_digest
from training.errors import TrainingError

MANIFEST = "mooring-model.json"
RUN_RECORD = "run.json"
KIND = "mooring-model"
FORMAT = 2
"""Version of the artifact's format that this code writes, and the newest it reads."""


def as_json(value: Any) -> bytes:
    """JSON as the artifact holds it: UTF-8, two blanks, a final line end, no NaN."""
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def compact_json(value: Any) -> bytes:
    """The same on one line, for long lists of numbers."""
    return (json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False) + "\n").encode()


def write_artifact(
    folder: Path, manifest: Mapping[str, Any], files: Mapping[str, bytes], run: Mapping[str, Any]
) -> str:
    """Write `files`, the run's record and, last, the manifest; return the folder's digest.

    A folder without a manifest is no artifact, so one that was interrupted is never taken for whole. Raises
    TrainingError when the folder holds something already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if left := sorted(os.listdir(folder)):
        raise TrainingError(
            f"{folder}: the output folder is not empty (it holds {', '.join(left[:3])}); name a new one"
        )
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    (folder / RUN_RECORD).write_bytes(as_json(dict(run)))
    hashes = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    whole = {"kind": KIND, "format": FORMAT, **manifest, "files": hashes}
    (folder / MANIFEST).write_bytes(as_json(whole))
    return tree_digest(folder, exclude=(RUN_RECORD,))


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of an artifact. Raises TrainingError when it is absent, damaged or of a newer format."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise TrainingError(f"{folder.name}: no model artifact (it has no {MANIFEST})") from None
    except ValueError as error:
        raise TrainingError(f"{path.name}: damaged, not JSON ({error})") from error
    if not isinstance(manifest, dict) or manifest.get("kind") != KIND or not isinstance(manifest.get("format"), int):
        raise TrainingError(f"{path.name}: not the manifest of a model artifact")
    if manifest["format"] > FORMAT:
        raise TrainingError(
            f"{path.name}: format {manifest['format']} is newer than this version reads ({FORMAT}); upgrade"
        )
    return manifest


def verify(folder: Path) -> dict[str, Any]:
    """The manifest, after every file was checked against it. Raises TrainingError naming the file that differs."""
    manifest = read_manifest(folder)
    listed: dict[str, str] = manifest.get("files", {})
    present = set(relative_files(folder)) - {MANIFEST, RUN_RECORD}
    if missing := sorted(set(listed) - present):
        raise TrainingError(f"{missing[0]}: listed in {MANIFEST}, but missing from the artifact")
    if extra := sorted(present - set(listed)):
        raise TrainingError(f"{extra[0]}: in the artifact, but not listed in {MANIFEST}")
    for name, expected in listed.items():
        if file_hex(folder / name) != expected:
            raise TrainingError(
                f"{name}: its SHA-256 is not the one in {MANIFEST}; the artifact was changed or damaged"
            )
    return manifest
