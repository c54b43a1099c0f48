"""The real `sagemaker-training` toolkit, in an environment of its own in the cache."""

from __future__ import annotations

import fcntl
import sys
import threading
from pathlib import Path

import pytest

from providers.errors import MooringError
from providers.local import records
from providers.local.environments import uv
from providers.paths import cache

PACKAGES = ("sagemaker-training==5.1.4", "setuptools==80.9.0", "wheel==0.45.1")
"""setuptools and wheel for code with a setup.py, which pip then builds without a download."""


def toolkit_python() -> Path:
    """The interpreter of the toolkit's environment, built once. Skips the test where it cannot be fetched or built."""
    version = ".".join(map(str, sys.version_info[:3]))
    folder = cache() / "toolkits" / f"{PACKAGES[0].replace('==', '-')}-py{version}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _build(folder)
    return folder / "bin" / "python"


def _build(folder: Path) -> None:
    records.remove_tree(folder)
    python = folder / "bin" / "python"
    quiet, never = (lambda line: None), threading.Event()
    try:
        uv.run(["venv", "--quiet", "--seed", "--python", sys.executable, str(folder)], folder, "pip", quiet, never)
        install = ["pip", "install", "--python", str(python), *PACKAGES]
        uv.run(install, folder, PACKAGES[0], quiet, never, limit=240)
    except MooringError as error:
        pytest.skip(f"the real toolkit is not at hand: {error}")
    (folder / "complete").touch()
