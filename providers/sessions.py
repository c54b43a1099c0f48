"""What the servicer knows of each engine that is connected to it: where its log is, what it has been given."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from providers.claims import Claims
from providers.engine_log import EngineLog, silent
from providers.progress import Log, Severity


class Session:
    """One engine's connection. In process there is one, of the name ``""``."""

    def __init__(self, peer: str, log: Callable[[], Log]) -> None:
        self.peer, self._log = peer, log
        self._engine: EngineLog | None = None
        self.claims = Claims(self._alive)

    def attach(self, address: str) -> None:
        """Send messages to the engine at `address` from now on."""
        if address and self._engine is None:
            self._engine = EngineLog(address)

    def log(self, severity: Severity, message: str, urn: str = "", ephemeral: bool = False) -> None:
        """Tell the user."""
        (self._engine or self._log())(severity, message, urn, ephemeral)

    def _alive(self) -> bool:
        return self._engine.alive() if self._engine else True


class Sessions:
    """The sessions of one servicer, told apart by the connection that a call came over."""

    def __init__(self, log: Log | None, engine_address: str) -> None:
        self.log: Log = log or silent
        self._address = engine_address
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def of(self, context: Any) -> Session:
        """The session of a call."""
        peer = _peer(context)
        with self._lock:
            if peer not in self._sessions:
                self._sessions[peer] = Session(peer, lambda: self.log)
                self._sessions[peer].attach(self._address)
            return self._sessions[peer]

    def is_held(self, key: str) -> bool:
        """Whether any engine has shown that its state holds `key`."""
        with self._lock:
            return any(session.claims.is_held(key) for session in self._sessions.values())


def _peer(context: Any) -> str:
    """The connection's address; empty in process, where the context may be no gRPC one."""
    peer = getattr(context, "peer", None)
    return str(peer() or "") if callable(peer) else ""
