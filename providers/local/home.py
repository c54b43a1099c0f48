"""Where the local cloud keeps what it holds, and how its folders are named.

::

    <home>/store/<project>/<stack>/…    objects: data, artifacts, predictions     storage.py
    <home>/jobs/<id>/                   one folder a job                          jobs.py
    <home>/models/<project>/<stack>/…   model groups and their versions           groups.py
    <home>/datasets/<id>.json           datasets                                  datasets.py
    <home>/checkpoints/<key>/           what a repeated job goes on from          checkpoints.py
    <home>/endpoints/<name>/            endpoints                                 endpoints.py
    <home>/code/<hash>/                 copies of the kit's packages              code.py
    <home>/tmp/                         things under construction
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from providers import paths
from providers.local import records
from providers.local.process import Identity


def local_home(root: Path | None = None) -> Path:
    """The local cloud's folder of the project at `root` (default: the project of this process)."""
    return paths.home(root or paths.project_root()) / "local"


def component(text: str) -> str:
    """`text` as one folder name: reversible, and never `.` or `..`."""
    quoted = quote(text, safe="+,=")
    return quoted.replace(".", "%2E") if quoted.strip(".") == "" else quoted


def stack_folder(base: Path, project: str, stack: str) -> Path:
    """The folder below `base` of one stack."""
    return base / component(project) / component(stack)


def new_id(name: str) -> str:
    """A new id that starts with `name` and is unique in time and space."""
    return f"{name}-{uuid.uuid4().hex[:10]}"


def valid_id(id: str) -> bool:
    """Whether `id` can be one of ours, so that a foreign one never becomes a path elsewhere."""
    return re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,120}", id) is not None


def staging(home: Path) -> Path:
    """A fresh name under `<home>/tmp`, on the same file system as all that it will become.

    What killed commands left half made there is removed.
    """
    folder = home / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    for name in os.listdir(folder):
        pid = name.partition("-")[0]
        if pid.isdigit() and int(pid) != os.getpid() and Identity.of(int(pid)) is None:
            records.remove_tree(folder / name)
    return folder / f"{os.getpid()}-{uuid.uuid4().hex[:12]}"


def owner_record(owner: Any) -> dict[str, str]:
    """`contract.Ownership` as it is kept in records."""
    return {"project": owner.project, "stack": owner.stack, "urn": owner.urn, "inputs": owner.inputs}


def owned_by(record: Mapping[str, Any], owner: Any) -> bool:
    """Whether a record belongs to `owner`'s URN; an empty URN means the whole stack."""
    held: Mapping[str, str] = record.get("owner") or {}
    if (held.get("project"), held.get("stack")) != (owner.project, owner.stack):
        return False
    return not owner.urn or held.get("urn") == owner.urn
