"""AWS's own packages, each in an environment of its own in the cache: the `sagemaker-training` toolkit, and the SDK."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from providers.errors import MooringError
from providers.local import records
from providers.local.environments import uv
from providers.paths import cache

PACKAGES = ("sagemaker-training==5.1.4", "setuptools==80.9.0", "wheel==0.45.1")
"""setuptools and wheel for code with a setup.py, which pip then builds without a download."""


SDK = ("sagemaker==3.27.0", "boto3==1.44.5", "scikit-learn==1.7.2")
WANTED = "MOORING_TEST_SAGEMAKER"
IS_WANTED = os.environ.get(WANTED) == "1"  # now: tests do not see variables of Mooring


def toolkit_python() -> Path:
    """The interpreter of the toolkit's environment, built once. Skips the test where it cannot be fetched or built."""
    return _python(PACKAGES)


def sdk_python() -> Path:
    """The interpreter of the SDK's environment. It takes 700 MB, so it is built only where MOORING_TEST_SAGEMAKER=1
    asks for it; else the test is skipped, unless it is there already."""
    if not (_folder(SDK) / "complete").exists() and not IS_WANTED:
        pytest.skip(f"the environment of the SageMaker SDK is not cached; {WANTED}=1 builds it (700 MB)")
    return _python(SDK)


def _folder(packages: Sequence[str]) -> Path:
    version = ".".join(map(str, sys.version_info[:3]))
    return cache() / "toolkits" / f"{packages[0].replace('==', '-')}-py{version}"


def _python(packages: Sequence[str]) -> Path:
    folder = _folder(packages)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _build(folder, packages)
    return folder / "bin" / "python"


def _build(folder: Path, packages: Sequence[str]) -> None:
    records.remove_tree(folder)
    python = folder / "bin" / "python"
    quiet, never = (lambda line: None), threading.Event()
    try:
        uv.run(["venv", "--quiet", "--seed", "--python", sys.executable, str(folder)], folder, "pip", quiet, never)
        install = ["pip", "install", "--python", str(python), *packages]
        uv.run(install, folder, packages[0], quiet, never, limit=240)
    except MooringError as error:
        pytest.skip(f"{packages[0]} is not at hand: {error}")
    (folder / "complete").touch()
