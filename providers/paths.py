"""Where things are on this machine.

Three places, apart on purpose: the *kit* (this code), the *project* (Pulumi.yaml, stacks, data; usually the
same folder), and the *home* of what runs here, outside the checkout, so that jobs never see the checkout.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

KIT = Path(__file__).resolve().parents[1]
"""The folder that holds `infra`, `providers`, `training`, `serving`, `mooring`."""


def project_root() -> Path:
    """`MOORING_PROJECT`, else the nearest folder upwards with a Pulumi.yaml and an infra/, else the kit."""
    if configured := os.environ.get("MOORING_PROJECT"):
        return Path(configured).resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "Pulumi.yaml").is_file() and (folder / "infra").is_dir():
            return folder.resolve()
    return KIT


def private(root: Path) -> Path:
    """The project's ignored folder: backends, passphrases, caches that belong to the checkout."""
    return root / ".mooring"


def home(root: Path) -> Path:
    """Where the local cloud of this project lives: `MOORING_HOME`, else one folder a checkout under the
    user's state directory (XDG base directories)."""
    if configured := os.environ.get("MOORING_HOME"):
        return Path(configured).resolve()
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    tag = hashlib.sha256(str(root).encode()).hexdigest()[:8]
    return Path(state) / "mooring" / f"{root.name}-{tag}"


def cache() -> Path:
    """Environments of jobs and servers, shared by all projects of the user: `MOORING_CACHE`, else XDG."""
    if configured := os.environ.get("MOORING_CACHE"):
        return Path(configured).resolve()
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "mooring"
