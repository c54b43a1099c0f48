"""The user's code in a SageMaker job: fetched, installed and turned into a command, as `sagemaker-training` does it."""

from __future__ import annotations

import enum
import importlib
import os
import re
import shlex
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from training.errors import TrainingError
from training.jobs.scripts.source import copy_source

_ENTRY_POINT = re.compile(r"^[A-Za-z0-9._][A-Za-z0-9._+-]*(/[A-Za-z0-9._+-]+)*$")


class Kind(enum.Enum):
    """How an entry point is run."""

    PACKAGE = "package"
    PROGRAM = "program"
    COMMAND = "command"


def fetch(origin: str, code: Path, environment: Mapping[str, str]) -> None:
    """Put the code at `origin` (folder, gzipped tar, file, or `s3://…`) into the folder `code`.

    A folder that holds something already is left alone. Raises TrainingError for an address that cannot be read.
    """
    code.mkdir(parents=True, exist_ok=True)
    if any(code.iterdir()):
        return
    if origin.startswith("s3://"):
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "code.tar.gz"
            _download(origin, archive, environment)
            _unpack(archive, code)
        return
    path = Path(origin)
    if path.is_dir():
        if path.resolve() != code.resolve():
            copy_source(path, code, without=())
    elif not path.is_file():
        raise TrainingError(f"sagemaker_submit_directory: {origin} does not exist")
    elif tarfile.is_tarfile(path):
        _unpack(path, code)
    else:
        shutil.copy2(path, code)


def kind_of(code: Path, name: str) -> Kind:
    """A shell script is run by the shell, a folder with a setup.py installed, a .py file run by Python."""
    if name.endswith(".sh"):
        return Kind.COMMAND
    if (code / "setup.py").exists():
        return Kind.PACKAGE
    return Kind.PROGRAM if name.endswith(".py") else Kind.COMMAND


def command(code: Path, name: str, arguments: list[str]) -> tuple[str, ...]:
    """The words that run the entry point `name` in the folder `code`.

    Raises TrainingError for a name that is no relative path inside it.
    """
    checked(code, name)
    kind = kind_of(code, name)
    if kind is Kind.PACKAGE:
        return (sys.executable, "-m", name.removesuffix(".py"), *arguments)
    if kind is Kind.PROGRAM:
        return (sys.executable, "--", name, *arguments)
    script = code / name
    if script.exists():
        script.chmod(0o777)
    return ("/bin/sh", "-c", f"./{shlex.quote(name)} {' '.join(map(shlex.quote, arguments))}")


def checked(code: Path, name: str) -> None:
    """Refuse an entry point that is empty, an option, absolute, or outside of the code."""
    if not name:
        raise TrainingError(
            "the entry point is empty; the hyperparameter 'sagemaker_program' names the script, such as train.py"
        )
    parts = PurePosixPath(name).parts
    if not _ENTRY_POINT.match(name) or {".", ".."} & {*name.split("/"), *parts}:
        raise TrainingError(
            f"the entry point '{name}' is no plain path inside the code: letters, digits and . _ + - / only, "
            "no '-' or '/' first, no '..'"
        )
    if not (code / name).resolve().is_relative_to(code.resolve()):
        raise TrainingError(f"the entry point '{name}' leads out of the code folder")


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack a gzipped tar; what would land outside, or is a device, is an error (PEP 706)."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(folder, filter="data")
    except tarfile.TarError as error:
        raise TrainingError(f"{archive.name}: it cannot be unpacked: {error}") from error


def _download(address: str, target: Path, environment: Mapping[str, str]) -> None:
    try:
        boto3, botocore = importlib.import_module("boto3"), importlib.import_module("botocore.exceptions")
    except ImportError:
        raise TrainingError(f"{address}: reading from S3 needs the package boto3 in the image") from None
    bucket, _, key = address.removeprefix("s3://").partition("/")
    region = environment.get("AWS_REGION") or os.environ.get("SAGEMAKER_REGION") or None
    client = boto3.client("s3", region_name=region, endpoint_url=environment.get("S3_ENDPOINT_URL"))
    try:
        client.download_file(bucket, key, str(target))
    except (botocore.BotoCoreError, botocore.ClientError) as error:
        raise TrainingError(f"{address}: {error}") from error
