"""The supervisor's control socket: JSON lines, one thread a connection.

The server greets with its pid and code version, then answers each `{"op": …, "args": {…}}` with
`{"ok": true, "result": …}` or `{"ok": false, "error": {"type": …, "message": …}}`. All operations may be
repeated; a client whose connection broke simply asks again.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from providers import faults
from providers.errors import InvalidInput, MooringError, did_you_mean
from providers.local.supervisor.sockets import Lines
from providers.local.supervisor.version import code_version

Operation = Callable[..., Any]


class ControlServer:
    """Accepts on `path` and calls `operations`. `busy` counts requests under way."""

    def __init__(self, path: Path, operations: Mapping[str, Operation], idle: Callable[[], None]) -> None:
        self._operations = operations
        self._idle = idle
        self._lock = threading.Lock()
        self._closed = False
        self.busy = 0
        path.unlink(missing_ok=True)  # left by a killed predecessor; we hold the home's lock
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        path.chmod(0o600)
        self._socket.listen(64)
        threading.Thread(target=self._accept, name="control", daemon=True).start()

    def close_if(self, condition: Callable[[], bool]) -> bool:
        """Close when no request is under way and `condition` holds; from then on requests get no answer."""
        with self._lock:
            if self.busy or not condition():
                return False
            self._closed = True
        self.close()
        return True

    def close(self) -> None:
        """Take no more connections."""
        with self._lock:
            self._closed = True
        self._path.unlink(missing_ok=True)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        lines = Lines(connection)
        try:
            lines.send({"supervisor": os.getpid(), "version": code_version()})
            while (message := lines.receive()) is not None:
                if not self._enter():
                    return
                try:
                    lines.send(self._answer(message))
                finally:
                    self._leave()
        except (OSError, ValueError):
            pass  # the client went away, or does not speak our language
        finally:
            lines.close()

    def _enter(self) -> bool:
        with self._lock:
            if self._closed:
                return False
            self.busy += 1
            return True

    def _leave(self) -> None:
        with self._lock:
            self.busy -= 1
        self._idle()

    def _answer(self, message: dict[str, Any]) -> dict[str, Any]:
        try:
            name = str(message.get("op"))
            operation = self._operations.get(name)
            if operation is None:
                raise InvalidInput(f"unknown operation '{name}'{did_you_mean(name, sorted(self._operations))}")
            return {"ok": True, "result": operation(**message.get("args", {}))}
        except MooringError as error:
            return {"ok": False, "error": {"type": type(error).__name__, "message": str(error)}}
        except OSError as error:
            reason = f"the local supervisor: {faults.told(error)}"
            return {"ok": False, "error": {"type": "Unavailable", "message": reason}}
        except Exception as error:  # noqa: BLE001 - one broken request must not end the supervisor
            traceback.print_exc(file=sys.stderr)
            return {"ok": False, "error": {"type": "MooringError", "message": f"supervisor: {error!r}"}}
