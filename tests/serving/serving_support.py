"""Artifacts, servers and an ASGI client for the tests of serving."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from serving.app import App

KIT = Path(__file__).resolve().parents[2]
IRIS = KIT / "data" / "iris.csv"
ROW = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Server:
    """A running model server."""

    process: subprocess.Popen[str]
    port: int
    client: httpx.Client


@contextmanager
def running(model: Path, *arguments: str) -> Iterator[Server]:
    """`python -m serving` as the supervisor starts it; stopped by its own pid."""
    port = free_port()
    command = [sys.executable, "-m", "serving", "--model", str(model), "--port", str(port)]
    names = ["--model-name", "iris", "--model-version", "7", "--deployment", "blue"]
    process = subprocess.Popen(
        [*command, *names, *arguments], cwd=KIT, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            wait_ready(process, client)
            yield Server(process, port, client)
    finally:
        process.kill()
        process.communicate(timeout=10)


def wait_ready(process: subprocess.Popen[str], client: httpx.Client) -> None:
    """Until the server says it is ready; at most half a minute."""
    for _ in range(600):
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}: {process.communicate()[1]}")
        try:
            if client.get("/v2/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("the server did not become ready")


@dataclass(frozen=True)
class AsgiReply:
    """What an application answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def call(app: App, path: str, body: bytes = b"", method: str = "POST", chunk: int = 0, **headers: str) -> AsgiReply:
    """One request to an application, without a socket. `chunk` sends the body in parts of that size."""
    names = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    parts = [body[at : at + chunk] for at in range(0, len(body), chunk)] if chunk else [body]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        part = parts.pop(0) if parts else b""
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": names}
    asyncio.run(app(scope, receive, send))
    start, content = sent
    replied = {name.decode(): value.decode() for name, value in start["headers"]}
    return AsgiReply(start["status"], replied, content["body"])
