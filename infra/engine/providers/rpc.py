"""gRPC servicers called in process, without a server between.

A provider's servicer is the same object that `pulumi` talks to over gRPC. Here its methods are called
directly, with a context that does what a server's context does: status codes, aborts and details (the
`grpc-status-details-bin` trailer) come back as `RpcFailure`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import grpc

DETAILS_KEY = "grpc-status-details-bin"
"""The trailer that carries a serialized `google.rpc.Status`."""


class RpcFailure(grpc.RpcError):  # type: ignore[misc]
    """A call that failed, in the shape of the errors that gRPC clients get.

    `status_details` is the serialized `google.rpc.Status`, empty when there is none.
    """

    def __init__(self, code: Any, message: str, status_details: bytes = b"") -> None:
        super().__init__(message)
        self._code, self._message, self.status_details = code, message, status_details

    def code(self) -> Any:
        """The `grpc.StatusCode`."""
        return self._code

    def details(self) -> str:
        """The message."""
        return self._message

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        """The trailers, as a gRPC call has them."""
        return ((DETAILS_KEY, self.status_details),) if self.status_details else ()

    def __str__(self) -> str:
        return self._message


class AlreadyTold(RpcFailure):
    """A failure whose reason the user has been told; whoever catches it adds nothing."""


class _Aborted(Exception):
    """Leaves a servicer's method after `context.abort`."""


class LocalContext:
    """A `grpc.ServicerContext` for calls without a server."""

    def __init__(self) -> None:
        self._code: Any = None
        self._details = ""
        self._trailers: tuple[tuple[str, Any], ...] = ()

    def abort(self, code: Any, details: str) -> NoReturn:
        self._code, self._details = code, details
        raise _Aborted

    def abort_with_status(self, status: Any) -> NoReturn:
        self._trailers = tuple(status.trailing_metadata or ())
        self.abort(status.code, status.details)

    def set_code(self, code: Any) -> None:
        self._code = code

    def set_details(self, details: str) -> None:
        self._details = details

    def set_trailing_metadata(self, trailers: Sequence[tuple[str, Any]]) -> None:
        self._trailers = tuple(trailers)

    def code(self) -> Any:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> tuple[tuple[str, Any], ...]:
        return self._trailers

    def send_initial_metadata(self, metadata: Sequence[tuple[str, Any]]) -> None:
        """Nobody reads it."""

    def invocation_metadata(self) -> tuple[tuple[str, Any], ...]:
        return ()

    def peer(self) -> str:
        return ""

    def is_active(self) -> bool:
        return True

    def time_remaining(self) -> None:
        return None

    def add_callback(self, callback: Callable[[], None]) -> bool:
        return True

    def cancel(self) -> bool:
        return False

    def failure(self, message: str = "") -> RpcFailure:
        """What the caller sees of this context's status."""
        details = next((v for k, v in self._trailers if k == DETAILS_KEY), b"")
        code = self._code if self._code is not None else grpc.StatusCode.UNKNOWN
        return RpcFailure(code, self._details or message, details)


def call(method: Callable[[Any, Any], Any], request: Any) -> Any:
    """Call a servicer's method. Raises `RpcFailure` for every failure, whatever raised inside."""
    context = LocalContext()
    try:
        response = method(request, context)
    except RpcFailure:
        raise
    except _Aborted:
        raise context.failure() from None
    except NotImplementedError as error:
        # The generated base classes set the code first; a hand-written method may not.
        if context.code() is None:
            context.set_code(grpc.StatusCode.UNIMPLEMENTED)
        raise context.failure(str(error) or "Method not implemented!") from error
    except Exception as error:
        # As a gRPC server does with an exception that nobody caught.
        message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise context.failure(message) from error
    if context.code() not in (None, grpc.StatusCode.OK):
        raise context.failure()
    return response
