"""The containers of a training job, as jobs of the local cloud: one a machine, below a private `/opt/ml`."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from providers.aws.emulator import clock, s3_files
from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.clients import ACCESS_KEY, SECRET_KEY
from providers.aws.emulator.s3_files import TransferError
from providers.aws.emulator.sagemaker import permissions
from providers.aws.emulator.sagemaker.training import inputs
from providers.aws.emulator.state import Thing
from providers.local.jobs.code import code_folder
from providers.local.jobs.job_records import JobSpec, Step
from training.jobs.sagemaker import decoded_value

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

PACKAGES = ("training",)
"""The kit's package that stands for the toolkit in a container; a script does not see it."""
FOLDERS = ("model", "output/data", "code")
BASE = "/opt/ml"
CHECKPOINTS = f"{BASE}/checkpoints"
STOP_SECONDS = 120.0
"""AWS's seconds between the signal to stop and the end."""
DAY = 86400


def job_id(region: str, name: str, host: str) -> str:
    """The local job of one machine of a training job. Names are told apart by case, and ids are not."""
    return f"{name.lower()[:50]}-{hashlib.sha256(f'{region}/{name}'.encode()).hexdigest()[:8]}.{host}"


def base_of(folder: Path) -> Path:
    """`/opt/ml` of a local job's folder."""
    return folder / "opt" / "ml"


def fill(job: Thing, s3: Any, host: int, hosts: list[str], folder: Path) -> None:
    """Make a machine's `/opt/ml` with its input. Raises `TransferError`."""
    base = base_of(folder)
    for name in FOLDERS:
        (base / name).mkdir(parents=True)
    inputs.download(job, s3, base, host, len(hosts))
    bring_code(job, s3, base)
    inputs.describe(job, base, host, hosts)
    if kept := job.get("CheckpointConfig"):
        checkpoints(job, folder).mkdir(parents=True)
        s3_files.download_prefix(s3, kept["S3Uri"].rstrip("/") + "/", checkpoints(job, folder))


def bring_code(job: Thing, s3: Any, base: Path) -> None:
    """Have the script's archive in `code` already, where the toolkit would first load an SDK to fetch it.

    What is not there, or not to be read, is left to the toolkit, whose job it is to say so.
    """
    given = job.get("HyperParameters") or {}
    address = str(decoded_value(given.get("sagemaker_submit_directory") or ""))
    if job["AlgorithmSpecification"].get("ContainerEntrypoint") or not address.startswith("s3://"):
        return
    if not permissions.may_read(job["RoleArn"], address) or not s3_files.exists(s3, address):
        return
    archive = base / "sourcedir.tar.gz"
    try:
        s3_files.download_file(s3, address, archive)
        s3_files.unpack(archive, base / "code")
    except TransferError:
        shutil.rmtree(base / "code")
        (base / "code").mkdir()
    archive.unlink(missing_ok=True)


def checkpoints(job: Thing, folder: Path) -> Path:
    """Where a machine keeps what goes on to S3 while it trains: `CheckpointConfig.LocalPath`, below `/opt/ml`."""
    path = str(job["CheckpointConfig"].get("LocalPath") or CHECKPOINTS)
    return base_of(folder) / Path(path).relative_to(BASE)


def spec(service: SageMaker, region: str, job: Thing, host: str, python: Path, folder: Path) -> JobSpec:
    """The process of one machine."""
    base, name = base_of(folder), str(job["TrainingJobName"])
    algorithm = job["AlgorithmSpecification"]
    kit = str(code_folder(service.home, PACKAGES))
    words = [*algorithm.get("ContainerEntrypoint", ()), *algorithm.get("ContainerArguments", ())]
    runner = [str(python), "-m", "training.jobs.run_script", "--contract", "sagemaker", "--opt-ml"]
    return JobSpec(
        id=job_id(region, name, host),
        kind="sagemaker-training",
        steps=(Step((*runner, "--packages", str(folder / "packages"), *(["--", *words] if words else []))),),
        environment={
            **environment(service, region, python, folder),
            "SAGEMAKER_BASE_DIR": str(base),
            "TRAINING_JOB_NAME": name,
            "TRAINING_JOB_ARN": str(job["TrainingJobArn"]),
            "CURRENT_HOST": host,
            **(job.get("Environment") or {}),
            "PYTHONPATH": kit,
        },
        cwd=str(base),
        time_limit=float(job["StoppingCondition"].get("MaxRuntimeInSeconds") or DAY),
        folders=(str(folder / "work"), str(folder / "temporary"), str(folder / "packages")),
        grace=clock.compressed(STOP_SECONDS, least=5.0),
        owner={"project": ACCOUNT, "stack": region, "urn": str(job["TrainingJobArn"]), "inputs": ""},
    )


def environment(service: SageMaker, region: str, python: Path, folder: Path) -> dict[str, str]:
    """What every container finds: its Python, its folders, and the way to the emulated AWS as its role."""
    url = service.clients.endpoint_url
    return {
        "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder / "work"),
        "TMPDIR": str(folder / "temporary"),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_ENDPOINT_URL": url,
        "S3_ENDPOINT_URL": url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
