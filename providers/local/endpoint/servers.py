"""From a deployment of an endpoint to the command that serves it.

A server gets an environment of its own (the image's, never the project's), a copy of the kit's `serving`
package outside the checkout, the artifact's folder, and the variables of the deployment: nothing else.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from providers.contract import Context
from providers.errors import InvalidInput, NotFound
from providers.local.environments import image_lists
from providers.values import Deployment, Machine

READY_PATH = "/v2/health/ready"
PREDICT_PATH = "/predict"
PACKAGES = ("mooring_transforms", "serving")
"""The kit's packages that a model server finds on its PYTHONPATH."""


def resolve(home: Path, deployment: Deployment, context: Context, cache: Path | None = None) -> dict[str, Any]:
    """The slot of a deployment, in the plain values that the supervisor takes.

    Builds the servers' environment when it is not there yet, which may take a while and reports progress.
    Raises InvalidInput when no model version has the digest, Unavailable when the environment cannot be built.
    """
    from providers.local.environments.environments import Environments
    from providers.local.jobs.code import code_folder
    from providers.local.models import find_version

    owner = context.owner
    try:
        version = find_version(home, deployment.model, deployment.digest, owner.stack, owner.project)
    except NotFound as error:
        raise InvalidInput(f"deployment '{deployment.name}': {error}") from error
    image = image_lists.image_of_artifact(version.path)
    python = Environments(cache).ensure(
        image, (), progress=lambda message: context.progress(message, None), cancel=context.cancel
    )
    return slot(deployment, version.path, version.version, python, code_folder(home, PACKAGES))


def slot(deployment: Deployment, artifact: Path, version: int, python: Path, code: Path) -> dict[str, Any]:
    """The slot's facts. Its name changes with whatever needs new servers, and with nothing else."""
    threads = _threads(deployment.machine)
    argv = [
        *(str(python), "-m", "serving", "--model", str(artifact), "--host", "127.0.0.1", "--port", "{port}"),
        *("--model-name", deployment.model, "--model-version", str(version), "--deployment", deployment.name),
        *("--threads", str(threads)),
    ]
    environment = {
        "HOME": "/nonexistent",
        "PYTHONPATH": str(code),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": str(threads),
        **deployment.environment,
    }
    return facts(deployment, version, argv, environment, smoke_questions(deployment.model, artifact))


def facts(
    deployment: Deployment, version: int, argv: list[str], environment: dict[str, str], smoke: list[dict[str, Any]]
) -> dict[str, Any]:
    """A slot for any command that serves the Open Inference Protocol's health route on `{port}`."""
    content = json.dumps([deployment.model, deployment.digest, version, argv, environment], sort_keys=True)
    return {
        "slot": f"{deployment.name}-{hashlib.sha256(content.encode()).hexdigest()[:8]}",
        "name": deployment.name,
        "model": deployment.model,
        "digest": deployment.digest,
        "version": version,
        "weight": deployment.weight,
        "replicas": deployment.replicas,
        "argv": argv,
        "env": environment,
        "ready_path": READY_PATH,
        "smoke": smoke,
    }


def _threads(machine: Machine | str | None) -> int:
    return max(1, int(machine.vcpus)) if isinstance(machine, Machine) else 1


def smoke_questions(model: str, artifact: Path) -> list[dict[str, Any]]:
    """What a new server is asked before it gets traffic: its metadata, and one row of its own signature."""
    questions: list[dict[str, Any]] = [{"path": f"/v2/models/{model}"}]
    if (row := sample_row(artifact)) is not None:
        questions.append({"path": PREDICT_PATH, "body": json.dumps({"instances": [row]})})
    return questions


def sample_row(artifact: Path) -> dict[str, Any] | None:
    """A plausible row: means and first categories; None for a model whose columns are not plain values."""
    try:
        columns = json.loads((artifact / "signature.json").read_text(encoding="utf-8"))["columns"]
        row = {str(column["name"]): _sample(column) for column in columns}
    except (OSError, ValueError, KeyError, TypeError):
        return None  # the server itself says what is wrong with its artifact
    return row if row and None not in row.values() else None


def _sample(column: dict[str, Any]) -> Any:
    """A plausible value; None where there is none."""
    match column["type"]:
        case "number":
            mean = column.get("default", column.get("mean", column.get("min", 0.0)))
            return round(mean) if column.get("integer") else float(mean)
        case "string":
            return str(next(iter(column.get("categories") or ["a"])))
        case "text":
            return "a text"
        case "date":
            return column.get("min")
        case "image":
            pixels: Any = 0
            for size in reversed(column["shape"]):
                pixels = [pixels] * size
            return pixels
    return None
