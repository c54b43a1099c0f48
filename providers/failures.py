"""Errors as gRPC statuses, the way the Pulumi engine reads them.

A code other than INTERNAL or UNKNOWN tells the engine that nothing is in doubt: its state stays as it was. A
resource that exists but is not as asked travels as `ErrorResourceInitFailed` in the status details, in a
trailing `grpc-status-details-bin` that holds a `google.rpc.Status`; the engine stores it and updates it next time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from providers import faults
from providers.codec import from_struct, to_struct
from providers.errors import (
    AlreadyExists,
    InvalidInput,
    JobFailed,
    MooringError,
    NotFound,
    NotSupported,
    PermissionDenied,
)
from providers.redaction import redactor

log = logging.getLogger("mooring.provider")

DETAILS = "grpc-status-details-bin"

_CODES: tuple[tuple[type[MooringError], grpc.StatusCode], ...] = (
    (InvalidInput, grpc.StatusCode.INVALID_ARGUMENT),
    (NotSupported, grpc.StatusCode.FAILED_PRECONDITION),
    (NotFound, grpc.StatusCode.NOT_FOUND),
    (AlreadyExists, grpc.StatusCode.ALREADY_EXISTS),
    (PermissionDenied, grpc.StatusCode.PERMISSION_DENIED),
    (JobFailed, grpc.StatusCode.FAILED_PRECONDITION),
)


class InitFailed(MooringError):
    """A resource exists under `id` (with its cloud's prefix) but is not as asked, for `reason`.

    `inputs` are its live ones where a Read has found others than those of the request.
    """

    def __init__(
        self, reason: str, *, id: str, outputs: Mapping[str, Any], inputs: Mapping[str, Any] | None = None
    ) -> None:
        self.reason, self.id, self.outputs, self.inputs = reason, id, outputs, inputs
        super().__init__(reason)


def message(error: BaseException) -> str:
    """What the user reads: the sentence of an error raised on purpose, with the end of a failed job's log."""
    if isinstance(error, JobFailed) and error.log_tail.strip():
        if error.reason.endswith(error.log_tail.strip()):
            return error.reason  # the log says nothing more
        tail = "\n".join(f"    {line}" for line in error.log_tail.rstrip().splitlines())
        return f"{error.reason}\n  the end of its log:\n{tail}"
    if isinstance(error, MooringError):
        return str(error)
    if isinstance(error, OSError):
        return faults.told(error)
    return (
        f"internal error in the provider moor: {type(error).__name__} (please report it; PULUMI_DEBUG logs have more)"
    )


def answers(method: Callable[[Any, Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """Decorates a servicer's method: whatever it raises becomes the status that the engine understands."""

    @wraps(method)
    def answer(self: Any, request: Any, context: Any) -> Any:
        try:
            return method(self, request, context)
        except Exception as error:  # noqa: BLE001 - nothing but a status can cross the wire
            failure = error
        abort(context, failure, _inputs(request))

    return answer


def _inputs(request: Any) -> dict[str, Any]:
    """The inputs that a request carries, under whatever name."""
    names = set(request.DESCRIPTOR.fields_by_name)
    for name in ("inputs", "news", "properties", "old_inputs"):  # of a Read, `properties` is the state
        if name in names and request.HasField(name):
            return from_struct(getattr(request, name))
    return {}


def abort(context: Any, error: BaseException, inputs: Mapping[str, Any]) -> NoReturn:
    """End the call with `error`; `inputs` are those of the resource. What may be secret is masked."""
    text = redactor(inputs)(message(error))
    if isinstance(error, InitFailed):
        code = grpc.StatusCode.UNKNOWN
        context.set_trailing_metadata(((DETAILS, _details(code, error, text, inputs)),))
    elif isinstance(error, MooringError):
        code = next((code for kind, code in _CODES if isinstance(error, kind)), grpc.StatusCode.ABORTED)
    else:
        code = grpc.StatusCode.INTERNAL
        log.debug("internal error", exc_info=error)
    context.abort(code, text)
    raise AssertionError("context.abort returned")


def _details(code: grpc.StatusCode, error: InitFailed, text: str, inputs: Mapping[str, Any]) -> bytes:
    failed = provider_pb2.ErrorResourceInitFailed(
        id=error.id,
        properties=to_struct(error.outputs),
        inputs=to_struct(inputs if error.inputs is None else error.inputs),
        reasons=[text],
    )
    packed = any_pb2.Any()
    packed.Pack(failed)
    status = status_pb2.Status(code=code.value[0], message=text, details=[packed])
    serialized: bytes = status.SerializeToString()
    return serialized
