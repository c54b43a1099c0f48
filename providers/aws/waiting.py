"""How long to wait between two questions to AWS, and waiting that a user can end."""

from __future__ import annotations

import time

from providers.aws import session
from providers.contract import Context
from providers.errors import Cancelled, PartialFailure

ON_AWS, EMULATED = 1.0, 0.1
"""Seconds between two questions about one thing."""


def pause() -> float:
    """Seconds between two questions, for whoever answers them."""
    return EMULATED if session.endpoint_url() else ON_AWS


def turn(context: Context, id: str, what: str) -> None:
    """Wait for the next question. Raises Cancelled, and PartialFailure at the end of the time given: `what` goes on."""
    if context.cancel.wait(pause()):
        raise Cancelled(f"cancelled; {what} goes on and is taken up by the next run", id=id)
    if context.deadline is not None and time.monotonic() > context.deadline:
        raise PartialFailure(f"{what} still runs at the end of the time given; the next run goes on", id=id)
