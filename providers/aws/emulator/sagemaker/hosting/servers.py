"""The command that serves a model: Mooring's own server for its own image and artifact, else the framework's contract.

A server finds its image's environment, a copy of what of the kit it needs, its model's folder, and the variables of
the model: nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from providers.aws.emulator.clients import ACCESS_KEY, SECRET_KEY
from providers.aws.emulator.sagemaker.hosting.containers import Container
from providers.local.environments.environments import Environments
from providers.local.jobs.code import code_folder

if TYPE_CHECKING:
    from providers.aws.emulator.sagemaker.service import SageMaker

HEALTH_PATH = "/ping"
PREDICT_PATH = "/invocations"
MANIFEST = "mooring-model.json"
OWN_PACKAGES = ("mooring_transforms", "serving")
CONTAINER_PACKAGES = ("providers/aws/emulator/containers", "training")
NAME, VERSION = "MOORING_MODEL_NAME", "MOORING_MODEL_VERSION"
"""Variables by which Mooring's own image is told what it serves."""
NOWHERE = "http://127.0.0.1:9"
"""Where an isolated container finds AWS: nobody listens there."""


@dataclass(frozen=True)
class Command:
    """A server's words, with `{port}` for its port, and its whole environment."""

    argv: tuple[str, ...]
    environment: Mapping[str, str]


def command(service: SageMaker, region: str, container: Container, root: Path, name: str, version: str) -> Command:
    """How to serve the model in the folder `root` (`model_folder.make`). `name` and `version` are what replies of
    Mooring's own server say of it, unless the model's variables say better.

    Builds the image's environment where it is not there yet. Raises InvalidInput and Unavailable, as that does.
    """
    python = Environments(service.cache).ensure(container.image.environment)
    model = root / "ml" / "model"
    variables = _variables(service, region, container, python, root)
    if container.image.brings_our_server and ((model / MANIFEST).is_file() or not (model / "code").is_dir()):
        told = container.environment
        words = [*("--model", str(model), "--host", "127.0.0.1", "--port", "{port}"),
                 *("--model-name", told.get(NAME, name), "--model-version", told.get(VERSION, version)),
                 *("--deployment", name)]  # fmt: skip
        code = {"PYTHONPATH": str(code_folder(service.home, OWN_PACKAGES)), "OMP_NUM_THREADS": "1"}
        return Command((str(python), "-m", "serving", *words), {**variables, **container.environment, **code})
    kit = code_folder(service.home, CONTAINER_PACKAGES)
    launch = str(kit / "providers" / "aws" / "emulator" / "containers" / "launch.py")
    words = ["--root", str(root), "--port", "{port}", "--framework", framework(container)]
    return Command((str(python), "-s", "-P", launch, *words), {**variables, **container.environment})


def framework(container: Container) -> str:
    """Whose contract a container's server follows (`containers.settings.Framework`)."""
    return container.image.environment.rpartition("/")[2] if container.image.is_vendors else "own"


def _variables(service: SageMaker, region: str, container: Container, python: Path, root: Path) -> dict[str, str]:
    url = NOWHERE if container.isolated else service.clients.endpoint_url
    return {
        "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(root / "work"),
        "TMPDIR": str(root / "temporary"),
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
