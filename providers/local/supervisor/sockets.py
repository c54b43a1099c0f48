"""Where the control sockets are, and JSON lines over them."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
import tempfile
from pathlib import Path
from typing import Any

_LIMIT = 100
"""A Unix socket's path has at most 107 bytes on Linux, 103 on macOS."""

MAX_LINE = 16 * 1024 * 1024


def socket_path(home: Path, label: str) -> Path:
    """The control socket `label` of a home: in it where the path is short enough, else in a private folder
    of the temporary one. The folder exists afterwards, readable by this user alone.

    Raises PermissionError when that folder belongs to somebody else.
    """
    inside = home / "run"
    if len(os.fsencode(inside / f"{label}.sock")) <= _LIMIT:
        inside.mkdir(parents=True, exist_ok=True, mode=0o700)
        return inside / f"{label}.sock"
    tag = hashlib.sha256(os.fsencode(home)).hexdigest()[:10]
    for base in (Path(tempfile.gettempdir()), Path("/tmp")):
        folder = base / f"mooring-{os.getuid()}-{tag}"
        path = folder / f"{label}.sock"
        if len(os.fsencode(path)) <= _LIMIT:
            folder.mkdir(exist_ok=True, mode=0o700)
            _must_be_private(folder)
            return path
    raise OSError(f"no folder is short enough for a socket of {home}; set MOORING_HOME to a shorter path")


def _must_be_private(folder: Path) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a private folder of this user; remove it")


class Lines:
    """JSON objects, one a line, over a connected stream socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._reader = connection.makefile("rb")

    def send(self, value: dict[str, Any]) -> None:
        """Write one object. Raises OSError when the other side is gone."""
        self._socket.sendall(json.dumps(value, separators=(",", ":")).encode() + b"\n")

    def receive(self) -> dict[str, Any] | None:
        """The next object; None at the end. Raises ValueError on anything else, OSError on a time-out."""
        line = self._reader.readline(MAX_LINE)
        if not line.endswith(b"\n"):
            return None
        value = json.loads(line)
        if not isinstance(value, dict):
            raise ValueError("a control message must be a JSON object")
        return value

    def close(self) -> None:
        """Close both directions."""
        self._reader.close()
        self._socket.close()


def connect(path: Path, timeout: float) -> Lines:
    """Connect to a control socket. Raises OSError when nobody listens there."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(str(path))
    except BaseException:
        connection.close()
        raise
    return Lines(connection)


def ask(path: Path, message: dict[str, Any], timeout: float = 5.0) -> dict[str, Any]:
    """One question, one answer. Raises OSError when nobody answers."""
    lines = connect(path, timeout)
    try:
        lines.send(message)
        answer = lines.receive()
    finally:
        lines.close()
    if answer is None:
        raise ConnectionResetError(f"{path.name}: closed without an answer")
    return answer
