"""SageMaker as a whole: one call in, one reply out, and the work that goes on between calls."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from providers.aws.emulator.clients import Clients
from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.messages import Reply, Request, as_error, as_json
from providers.aws.emulator.sagemaker.call import OPERATIONS, Call
from providers.aws.emulator.service_model import ServiceModel
from providers.aws.emulator.state import State
from providers.aws.emulator.work import Work

KINDS = (
    "tags",
    "training_jobs",
    "model_package_groups",
    "model_packages",
    "tuning_jobs",
    "models",
    "endpoint_configs",
    "endpoints",
    "transform_jobs",
    "processing_jobs",
)
"""Modules of this package that answer operations; each may have `resume(service)`, called once at the start."""
_TARGET = "SageMaker."


class SageMaker:
    """The service. `home` is the local cloud's home that its jobs and servers live in."""

    def __init__(self, home: Path, endpoint_url: str, cache: Path | None = None) -> None:
        self.home, self.cache = home, cache
        self.state = State(home / "aws" / "sagemaker.sqlite")
        self.model = ServiceModel("sagemaker")
        self.clients = Clients(endpoint_url)
        self.work = Work()
        self.settle: Callable[[], None] = lambda: None
        """Returns when what was put into the other services is on disk; to be called before something is noted as done
        that consists of it."""
        self._modules = [import_module(f"providers.aws.emulator.sagemaker.{name}") for name in KINDS]

    def resume(self) -> None:
        """Go on with what was under way when the emulator last ended."""
        for module in self._modules:
            again: Callable[[SageMaker], None] | None = getattr(module, "resume", None)
            if again is not None:
                again(self)

    def close(self) -> None:
        """Stop what goes on between calls; jobs and servers live on for the next emulator."""
        self.work.stop()
        self.state.close()

    def answer(self, request: Request) -> Reply:
        """The reply to a request of the control plane."""
        operation = request.headers.get("x-amz-target", "").removeprefix(_TARGET)
        try:
            return as_json(self.call(operation, request.region, _body(request)))
        except ApiError as error:
            return as_error(error)
        except Exception as error:  # noqa: BLE001 - a defect of ours: told as one, and the server goes on
            traceback.print_exc(file=sys.stderr)
            return as_error(ApiError("InternalFailure", f"{type(error).__name__}: {error}", 500))

    def call(self, operation: str, region: str, given: dict[str, Any]) -> dict[str, Any]:
        """Carry out one operation. Raises `ApiError`."""
        if operation not in self.model.operations:
            raise ApiError("UnknownOperationException", f"there is no operation '{operation}' in SageMaker", 404)
        handler = OPERATIONS.get(operation)
        if handler is None:
            reason = f"{operation} is not emulated by Mooring (docs/emulators.md lists what is)"
            raise ApiError("NotImplementedException", reason, 501)
        self.model.check(operation, given)
        if operation.startswith(("Create", "Update")):
            self.settle()  # what the request names (data in S3, a role) must outlive a kill as the request does
        return self.model.shaped(operation, handler(Call(self, operation, region, given)))


def _body(request: Request) -> dict[str, Any]:
    try:
        given = json.loads(request.body or b"{}")
    except ValueError as error:
        raise ApiError("SerializationException", f"the body is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise ApiError("SerializationException", "the body is no JSON object")
    return given
