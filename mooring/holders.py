"""Stops what holds a stack, before `mooring cancel` removes its lock: two writers at once are worse than a lock."""

from __future__ import annotations

import os
import signal
import socket
import time
from typing import TYPE_CHECKING

from infra.engine.api import StackRef
from providers.errors import ConflictError

if TYPE_CHECKING:
    from infra.engine.state.locks import Holder

PATIENCE_SECONDS = 20.0
"""An operation that is asked to stop ends within some five seconds; a busy machine takes longer."""


def stop_holders(ref: StackRef, patience: float = PATIENCE_SECONDS) -> list[str]:
    """Interrupt the processes of this machine that hold the stack, wait for them, and say whom.

    Locks of other machines are left to `cancel_lock`, and dead ones too. Raises `ConflictError` when a process
    goes on in spite of it.
    """
    stopped = []
    for holder in _alive_here(ref):
        try:
            os.kill(holder.pid, signal.SIGINT)
        except ProcessLookupError:
            continue
        except PermissionError as error:
            raise ConflictError(f"{holder} is another user's; ask them to stop it") from error
        _await_end(holder, patience)
        stopped.append(str(holder))
    return stopped


def _alive_here(ref: StackRef) -> list[Holder]:
    from infra.engine.state.layout import Layout
    from infra.engine.state.locks import holders

    found = holders(Layout(ref.backend, ref.project, ref.stack))
    return [one for one in found if one.hostname == socket.gethostname() and not one.is_dead() and _is_engine(one.pid)]


def _is_engine(pid: int) -> bool:
    """Whether the process is `mooring` or `pulumi`: nothing else is ever signalled, whatever a lock file says."""
    import psutil

    try:
        words = psutil.Process(pid).cmdline()
    except psutil.Error:
        return False
    return pid not in (0, os.getpid()) and any(
        os.path.basename(word) in ("mooring", "pulumi") or word == "mooring" for word in words[:4]
    )


def _await_end(holder: Holder, patience: float) -> None:
    """Wait until the operation has given its lock back, or its process is gone."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if not holder.file.exists() or holder.is_dead():
            return
        time.sleep(0.1)
    raise ConflictError(
        f"{holder} was asked to stop and goes on; end it (kill -9 {holder.pid}), then the next command removes its lock"
    )
