"""A router without a supervisor, in front of stand-in model servers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from local_cloud import SERVER, eventually

from providers.local.router.table import Address, Route, Table
from providers.local.supervisor import ports
from providers.local.supervisor.probe import is_ready
from providers.local.supervisor.sockets import ask as ask_control
from providers.paths import KIT


class Routed:
    """Start `server`s, `route` to them, talk to `port`; `close` ends all of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.control = folder / "c.sock"
        self.listener = ports.listen(ports.choose())
        self.port = int(self.listener.getsockname()[1])
        self.processes: list[subprocess.Popen[bytes]] = []
        self.router: subprocess.Popen[bytes] | None = None
        self.generation = 0

    def server(self, version: int, deployment: str = "main", **told: Any) -> tuple[Address, subprocess.Popen[bytes]]:
        """A stand-in model server that is up."""
        port = ports.choose()
        options = [f"{key}={value}" for key, value in told.items()]
        process = subprocess.Popen([sys.executable, "-S", str(SERVER), str(port), str(version), deployment, *options])
        self.processes.append(process)
        eventually(lambda: is_ready(f"http://127.0.0.1:{port}/"), what="the stand-in server")
        return Address("127.0.0.1", port), process

    def write(self, *routes: Route, **fields: Any) -> None:
        """Write the route table."""
        self.generation += 1
        table = Table("iris", self.generation, routes, **fields)
        (self.folder / "routes.json").write_text(json.dumps(table.to_json()))

    def route(self, *routes: Route, **fields: Any) -> None:
        """Write the table; start the router or have it swap."""
        self.write(*routes, **fields)
        if self.router is None:
            self.start()
        else:
            answer = ask_control(self.control, {"op": "reload"})
            assert answer == {"ok": True, "generation": self.generation}

    def start(self) -> None:
        """Start the router on the listening socket, as the supervisor does."""
        fd = self.listener.fileno()
        files = ["--routes", str(self.folder / "routes.json"), "--control", str(self.control)]
        self.router = subprocess.Popen(
            [sys.executable, "-m", "providers.local.router", "--fd", str(fd), *files],
            env={**os.environ, "PYTHONPATH": str(KIT)},
            pass_fds=(fd,),
        )
        self.processes.append(self.router)
        eventually(lambda: is_ready(f"http://127.0.0.1:{self.port}/metrics"), what="the router")

    def stats(self) -> dict[str, Any]:
        """The router's counters."""
        return ask_control(self.control, {"op": "stats"})

    def raw(self, data: bytes, timeout: float = 10.0) -> bytes:
        """Send bytes, read to the end of the connection (the last request has to ask for it)."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as connection:
            connection.sendall(data)
            received = b""
            while chunk := connection.recv(65536):
                received += chunk
        return received

    def close(self) -> None:
        """End every process."""
        self.listener.close()
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait()


def route(version: int, *addresses: Address, weight: float = 100, deployment: str = "main") -> Route:
    """A route of one slot."""
    return Route(f"{deployment}-{version}", deployment, "iris", str(version), weight, addresses)
