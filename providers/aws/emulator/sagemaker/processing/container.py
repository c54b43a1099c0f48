"""The containers of a processing job, as jobs of the local cloud: one a machine, below a private `/opt/ml`.

https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from providers.aws.emulator import clock
from providers.aws.emulator.account import ACCOUNT
from providers.aws.emulator.sagemaker.hosting.servers import NOWHERE
from providers.aws.emulator.sagemaker.processing import paths
from providers.aws.emulator.sagemaker.training import container as training
from providers.aws.emulator.state import Thing
from providers.local.jobs.code import code_folder
from providers.local.jobs.job_records import JobSpec, Step

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

MESSAGE = "output/message"
"""What a container leaves as its `ExitMessage`."""
LONGEST_MESSAGE = 1024
_DESCRIBED = (
    "ProcessingJobArn", "ProcessingJobName", "AppSpecification", "Environment", "ProcessingInputs",
    "ProcessingOutputConfig", "ProcessingResources", "RoleArn", "StoppingCondition",
)  # fmt: skip


def host_names(job: Mapping[str, Any]) -> list[str]:
    """`algo-1`, `algo-2`, …: one a machine."""
    return [f"algo-{number + 1}" for number in range(machines(job)[1])]


def machines(job: Mapping[str, Any]) -> tuple[str, int]:
    """Type and number of the machines; of several preferences the first."""
    cluster = job["ProcessingResources"]["ClusterConfig"]
    first = (cluster.get("InstancePreferences") or [{}])[0]
    kind = cluster.get("InstanceType") or first.get("InstanceType") or ""
    return str(kind), int(cluster.get("InstanceCount") or first.get("InstanceCount") or 1)


def job_id(region: str, name: str, host: str) -> str:
    """The local job of one machine. Names are told apart by case, and ids are not."""
    tag = hashlib.sha256(f"{region}/{name}".encode()).hexdigest()[:8]
    return f"{name.lower()[:50]}-{tag}.processing-{host}"


def fill(job: Thing, s3: Any, host: int, hosts: list[str], folder: Path) -> None:
    """Make a machine's `/opt/ml` with its input. Raises `TransferError`."""
    base = training.base_of(folder)
    for name in ("config", "processing", "output"):
        (base / name).mkdir(parents=True)
    described = {name: job[name] for name in _DESCRIBED if name in job}
    resources = {"current_host": hosts[host], "hosts": hosts, "current_instance_type": machines(job)[0]}
    (base / "config" / "processingjobconfig.json").write_text(json.dumps(described))
    (base / "config" / "resourceconfig.json").write_text(json.dumps(resources))
    paths.download(job, s3, base, host, len(hosts))
    paths.make_output_folders(job, base)


def spec(service: SageMaker, region: str, job: Thing, host: str, python: Path, folder: Path) -> JobSpec:
    """The process of one machine."""
    base, app = training.base_of(folder), job["AppSpecification"]
    words = [*app["ContainerEntrypoint"], *app.get("ContainerArguments", ())]
    runner = [str(python), "-m", "training.jobs.run_script", "--contract", "sagemaker", "--opt-ml"]
    isolated = (job.get("NetworkConfig") or {}).get("EnableNetworkIsolation")
    nowhere = {"AWS_ENDPOINT_URL": NOWHERE, "S3_ENDPOINT_URL": NOWHERE} if isolated else {}
    return JobSpec(
        id=job_id(region, job["ProcessingJobName"], host),
        kind="sagemaker-processing",
        steps=(Step((*runner, "--packages", str(folder / "packages"), "--", *words)),),
        environment={
            **training.environment(service, region, python, folder),
            **nowhere,
            "SAGEMAKER_BASE_DIR": str(base),
            **(job.get("Environment") or {}),
            "PYTHONPATH": str(code_folder(service.home, training.PACKAGES)),
        },
        cwd=str(base),
        time_limit=float(job["StoppingCondition"]["MaxRuntimeInSeconds"]),
        folders=(str(folder / "work"), str(folder / "temporary"), str(folder / "packages")),
        grace=clock.compressed(training.STOP_SECONDS, least=5.0),
        owner={"project": ACCOUNT, "stack": region, "urn": str(job["ProcessingJobArn"]), "inputs": ""},
    )


def message(folder: Path) -> str:
    """What a machine's container left as its message; empty without one."""
    try:
        text = (training.base_of(folder) / MESSAGE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text.strip()[:LONGEST_MESSAGE]
