"""Artifacts, servers and an ASGI client for the tests of serving."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import httpx

from serving.app import App
from serving.connection import Connection
from serving.wire import Writer
from training.jobs.job import Job
from training.workflow import run_job

KIT = Path(__file__).resolve().parents[2]
IRIS = KIT / "data" / "iris.csv"
ROW = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


def train(data: Path, folder: Path, **hyperparameters: str) -> Path:
    """The artifact of a model of that data, without figures: they take longer than the model."""
    with mock.patch.dict(os.environ, {"MOORING_TRIAL": "1"}):
        run_job(Job({"train": data}, folder, hyperparameters=hyperparameters), lambda line: None)
    return folder


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
class AppReply:
    """What an application answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Memory(asyncio.Transport):
    """A client's side of a connection that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.closed = self.ended = self.paused = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def take(self, *, bodiless: bool = False) -> AppReply | None:
        """The next whole reply, taken off what was written; `bodiless` where it answers a HEAD."""
        head, found, rest = bytes(self.written).partition(b"\r\n\r\n")
        if not found:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
        size = 0 if bodiless else int(headers.get("content-length", "0"))
        if len(rest) < size:
            return None
        self.written = bytearray(rest[size:])
        return AppReply(int(first.split()[1]), headers, rest[:size])


def connect(app: App) -> tuple[Connection, Memory]:
    """A connection to an application, without a socket; inside a running loop."""
    connection, transport = Connection(app, Writer(app.headers), set()), Memory()
    connection.connection_made(transport)
    return connection, transport


def call(app: App, path: str, body: bytes = b"", method: str = "POST", chunk: int = 0, **headers: str) -> AppReply:
    """One request to an application, without a socket. `chunk` sends the body in parts of that size."""
    given = {"host": "x", **{name.replace("_", "-"): value for name, value in headers.items()}}
    framing = {"transfer-encoding": "chunked"} if chunk else {"content-length": str(len(body))}
    lines = [f"{name}: {value}" for name, value in {**given, **framing}.items()]
    head = "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1")
    parts = [body[at : at + chunk] for at in range(0, len(body), chunk)] if chunk else []
    chunks = [*(b"%x\r\n%b\r\n" % (len(part), part) for part in parts), b"0\r\n\r\n"] if chunk else [body]

    async def run() -> AppReply:
        connection, transport = connect(app)
        connection.data_received(head)
        for part in chunks:
            connection.data_received(part)
        for _ in range(6000):
            if (reply := transport.take(bodiless=method == "HEAD")) is not None:
                return reply
            await asyncio.sleep(0.005)
        raise AssertionError("no reply in half a minute")

    return asyncio.run(run())
