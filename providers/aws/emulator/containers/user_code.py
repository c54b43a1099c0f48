"""The user's module: its code fetched, what it requires installed, and imported."""

from __future__ import annotations

import fcntl
import importlib
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from providers.aws.emulator.containers.launch import ROOT
from providers.aws.emulator.containers.settings import Settings
from training.jobs.scripts.install import install
from training.jobs.scripts.sagemaker_code import fetch

OURS = ("providers", "training")
"""The kit's packages in this process, which the user's code is not to see."""


def prepare(settings: Settings, packages: Path, environ: Mapping[str, str]) -> None:
    """Put the code into `code` and what it requires into the folder `packages`; the servers of one model share both.

    Raises TrainingError, with pip's own words, when something cannot be fetched or installed.
    """
    complete = packages.with_name("prepared")
    packages.parent.mkdir(parents=True, exist_ok=True)
    with packages.with_name("prepare.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if complete.exists():
            return
        shutil.rmtree(packages, ignore_errors=True)  # what a killed server had begun
        shutil.rmtree(settings.code, ignore_errors=True)
        fetch(settings.submitted, settings.code, environ)
        if wanted := _requirements(settings.code):
            print(f"Installing module with the following command: pip install {' '.join(wanted)}", flush=True)
            install(wanted, settings.code, environ, packages)
        complete.touch()


def _requirements(code: Path) -> list[str]:
    """What pip is told: the module itself where it is a package, and the requirements beside it."""
    package = ["."] if (code / "setup.py").is_file() else []
    listed = ["-r", "requirements.txt"] if (code / "requirements.txt").is_file() else []
    return [*package, *listed]


def load(settings: Settings, packages: Path) -> ModuleType:
    """Import the module. Raises what its import raises."""
    if not settings.program:
        raise UserCodeError(
            "SAGEMAKER_PROGRAM is not set in the model's Environment: this image does not know which file of the code "
            "to load (on AWS: AttributeError: 'NoneType' object has no attribute 'startswith')"
        )
    hide_ourselves()
    sys.path[:0] = [str(settings.code), str(packages)]
    try:
        return importlib.import_module(settings.module)
    except ModuleNotFoundError as error:
        if error.name != settings.module:
            raise
        raise UserCodeError(
            f"there is no {settings.program} in the code from {settings.submitted}, which holds "
            f"{_listed(settings.code)}; SAGEMAKER_PROGRAM and SAGEMAKER_SUBMIT_DIRECTORY in the model's Environment "
            "say where the code is"
        ) from error


def hide_ourselves() -> None:
    """Take the kit's packages out of sight; what is loaded of them stays loaded."""
    sys.path[:] = [folder for folder in sys.path if folder != str(ROOT)]
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]


def _listed(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return ", ".join(names[:20]) or "nothing"


class UserCodeError(Exception):
    """Code that is not there."""
