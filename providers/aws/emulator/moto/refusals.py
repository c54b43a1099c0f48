"""Errors in the protocol that a request speaks, so that any AWS client raises them with their code."""

from __future__ import annotations

import uuid
from xml.sax.saxutils import escape

from providers.aws.emulator.errors import ApiError
from providers.aws.emulator.messages import Reply, as_error
from providers.aws.emulator.moto.asked import Asked

_XML = "text/xml"
_NAMES = {"monitoring": "cloudwatch"}
"""Services that sign with another name than the one they are known by."""


def not_emulated(asked: Asked) -> ApiError:
    """What is answered to an operation that nobody here carries out."""
    service = _NAMES.get(asked.service, asked.service)
    what = f"{asked.named()} of {service}" if asked.backend else f"the service '{service}' ({asked.named()})"
    reason = f"{what} is not emulated by Mooring (docs/emulators.md)"
    return ApiError("NotImplementedException", reason, 501)


def failure(asked: Asked, error: Exception) -> ApiError:
    """What is answered when something broke inside."""
    return ApiError("InternalFailure", f"{asked.named()}: {type(error).__name__}: {error}", 500)


def reply(asked: Asked, error: ApiError) -> Reply:
    """The error in the request's protocol."""
    if asked.method == "HEAD":
        return Reply(error.status)
    if asked.protocol == "json":
        return as_error(error)
    if asked.protocol == "rest-json":
        return as_error(error, "application/json")
    if asked.protocol == "cbor":
        body = _cbor_map({"__type": error.code, "message": error.message})
        headers = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        return Reply(error.status, body, {**headers, "x-amzn-query-error": f"{error.code};{_side(error)}"})
    return Reply(error.status, _xml(asked, error).encode(), {"Content-Type": _XML})


def _xml(asked: Asked, error: ApiError) -> str:
    request = str(uuid.uuid4())
    facts = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    if asked.protocol == "ec2":
        return f"<Response><Errors><Error>{facts}</Error></Errors><RequestID>{request}</RequestID></Response>"
    if asked.service == "s3":
        return f"<Error>{facts}<Resource>{escape(asked.path)}</Resource><RequestId>{request}</RequestId></Error>"
    typed = f"<Error><Type>{_side(error)}</Type>{facts}</Error>"
    return f"<ErrorResponse>{typed}<RequestId>{request}</RequestId></ErrorResponse>"


def _side(error: ApiError) -> str:
    return "Receiver" if error.status >= 500 else "Sender"


def _cbor_map(values: dict[str, str]) -> bytes:
    """CBOR (RFC 8949) of a map of texts."""
    parts = [part for pair in values.items() for part in pair]
    return _cbor_head(5, len(values)) + b"".join(_cbor_head(3, len(text := p.encode())) + text for p in parts)


def _cbor_head(major: int, length: int) -> bytes:
    if length < 24:
        return bytes([major << 5 | length])
    size = 1 if length < 2**8 else 2 if length < 2**16 else 4
    return bytes([major << 5 | {1: 24, 2: 25, 4: 26}[size]]) + length.to_bytes(size, "big")
