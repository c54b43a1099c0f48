"""Errors of AWS, and of a connection to the emulator, as the engine reads them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from providers.errors import AlreadyExists, InvalidInput, MooringError, NotFound, PermissionDenied, Unavailable
from providers.failures import abort

log = logging.getLogger("mooring.provider")
_PASSING = (
    "Throttl",
    "TooManyRequests",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "InternalFailure",
    "InternalError",
)


def is_missing(error: ClientError) -> bool:
    """Whether AWS says that there is no such thing."""
    code = error.response["Error"]["Code"]
    return code == "404" or "NotFound" in code or code.startswith("NoSuch") or "DoesNotExist" in code


def translated(error: Exception, about: str) -> MooringError:
    """AWS's error as one of the tree, with what it was about."""
    if isinstance(error, ClientError):
        code, reason = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        text = f"{about}: {error.operation_name} failed: {reason.rstrip('.')} ({code})"
        if is_missing(error):
            return NotFound(text)
        if any(word in code for word in ("AlreadyExists", "AlreadyOwned", "Duplicate", "ResourceInUse")):
            return AlreadyExists(text)
        if "AccessDenied" in code or "Unauthorized" in code:
            return PermissionDenied(text)
        if any(word in code for word in _PASSING):
            return Unavailable(text)
        return InvalidInput(text)
    return Unavailable(f"{about}: the emulator of AWS does not answer: {error} (`mooring emulate aws` runs it)")


def answers(method: Callable[[Any, Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """Decorates a servicer's method: whatever it raises becomes the status that the engine understands."""

    @wraps(method)
    def answer(self: Any, request: Any, context: Any) -> Any:
        try:
            return method(self, request, context)
        except (ClientError, BotoCoreError) as cause:
            failure: Exception = translated(cause, _about(request))
        except MooringError as error:
            failure = error
        except Exception as error:
            log.debug("internal error", exc_info=error)
            told = f"{type(error).__name__}: {error}"
            failure = MooringError(f"{_about(request)}: internal error in the stand-in for the aws provider: {told}")
        return abort(context, failure, {})

    return answer


def _about(request: Any) -> str:
    urn = getattr(request, "urn", "")
    return (
        f"{urn.rpartition('$')[2].rpartition('::')[0].rpartition(':')[2]} {urn.rpartition('::')[2]}" if urn else "aws"
    )
