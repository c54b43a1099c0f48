"""Trying a new server before it gets traffic."""

from __future__ import annotations

from typing import Any

from providers.local.supervisor.probe import request

ROUNDS = 5
SECONDS = 30.0


class Breach(Exception):
    """The new deployments are not good enough; the text says why, in numbers."""


def try_server(port: int, deployment: str, question: dict[str, Any], max_latency_ms: float | None) -> None:
    """Ask one question (`path`, and a `body` for a prediction), a prediction several times.

    Raises Breach for no answer, for a 5xx, and for predictions of which not even the fastest is fast enough.
    """
    body = question.get("body")
    fastest = float("inf")
    for _ in range(1 if body is None else ROUNDS):
        try:
            data = None if body is None else body.encode()
            reply = request(port, question["path"], body=data, timeout=SECONDS)
        except OSError as error:
            raise Breach(f"deployment '{deployment}' does not answer {question['path']}: {error}") from error
        if reply.code >= 500:
            text = reply.body[:300].decode("utf-8", "replace")
            raise Breach(f"deployment '{deployment}' answers {question['path']} with {reply.code}: {text}")
        fastest = min(fastest, reply.seconds * 1000)
    if body is not None and max_latency_ms is not None and fastest > max_latency_ms:
        raise Breach(
            f"deployment '{deployment}' takes {fastest:.0f} ms at best for one row (the limit is {max_latency_ms:g} ms)"
        )
