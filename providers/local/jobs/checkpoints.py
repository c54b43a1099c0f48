"""Checkpoints outlive their job: a repeated job with the same owner and inputs goes on where the last one was.

::

    <home>/checkpoints/<key>/owner.json     project, stack, urn, inputs, model
                            /data/          the job's MOORING_CHECKPOINT_DIR

They end with the success of the job, or with the model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from providers.local import records


def checkpoint_folder(home: Path, owner: Mapping[str, str], model: str) -> Path:
    """The checkpoint folder of this owner's jobs, made when it is absent."""
    folder = _folder(home, owner)
    if not (folder / "owner.json").exists():
        records.write(folder / "owner.json", {**owner, "model": model})
    (folder / "data").mkdir(parents=True, exist_ok=True)
    return folder / "data"


def forget(home: Path, owner: Mapping[str, str]) -> None:
    """Remove the checkpoints of one owner; silent when there are none."""
    records.remove_tree(_folder(home, owner))
    records.remove_empty(home / "checkpoints", home)


def forget_model(home: Path, project: str, stack: str, model: str) -> None:
    """Remove all checkpoints for one model of a stack."""
    for folder in records.entries(home / "checkpoints"):
        held = records.read(folder / "owner.json") or {}
        if (held.get("project"), held.get("stack"), held.get("model")) == (project, stack, model):
            records.remove_tree(folder)
    records.remove_empty(home / "checkpoints", home)


def _folder(home: Path, owner: Mapping[str, str]) -> Path:
    key = "\0".join(owner.get(name, "") for name in ("project", "stack", "urn", "inputs"))
    return home / "checkpoints" / hashlib.sha256(key.encode()).hexdigest()[:24]
