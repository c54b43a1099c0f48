"""`python -m serving --model DIR --host H --port N --model-name M --model-version V`: one model behind HTTP.

The model is loaded and verified before the port is opened. SIGTERM or SIGINT: readiness turns to 503, requests
that are under way are answered, then the process ends with 0. A model that cannot be served, or a port in use,
is one line on standard error and the exit code 1.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import signal
import socket
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from serving.errors import ModelError
from serving.http import MAX_BODY

DRAIN_SECONDS = 30.0
"""Longest that a stopping server waits for requests under way."""


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; the process's exit code."""
    options = _parser().parse_args(arguments)
    try:
        _check_port(options.host, options.port)
        from serving.app import App
        from serving.predictor import Predictor

        predictor = Predictor(options.model, options.threads)
    except ModelError as error:
        print(f"cannot serve: {error}", file=sys.stderr)
        return 1
    app = App(
        predictor, options.model_name, options.model_version, options.deployment, options.threads, options.max_body
    )
    form = predictor.artifact.manifest["serve"]
    where = f"http://{options.host}:{options.port}"
    print(f"serving {options.model_name} version {options.model_version} ({form}) on {where}", flush=True)
    _run(_serve(app, options.host, options.port))
    print("stopped", flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m serving", description="Serve one model artifact over HTTP.")
    parser.add_argument("--model", type=Path, required=True, help="the artifact folder")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--model-name", default="model")
    parser.add_argument("--model-version", default="1")
    parser.add_argument("--deployment", default="", help="the name this server has at its endpoint")
    parser.add_argument("--threads", type=int, default=1, help="threads of ONNX Runtime, and of large requests")
    parser.add_argument("--max-body", type=int, default=MAX_BODY, help="largest body, in bytes")
    return parser


def _check_port(host: str, port: int) -> None:
    """Say clearly that a port is taken, instead of failing somewhere inside the server."""
    if not 0 < port < 65536:
        raise ModelError(f"port {port} is not between 1 and 65535")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ModelError(f"port {port} on {host} is in use by another process") from None
            raise ModelError(f"cannot listen on {host}:{port}: {error.strerror or error}") from None


def _run(serving: Coroutine[Any, Any, None]) -> None:
    """On uvloop where it is installed: it answers half as many requests again."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(serving)
    else:
        uvloop.run(serving)


async def _serve(app: Any, host: str, port: int) -> None:
    from granian.constants import HTTPModes, Interfaces
    from granian.server.embed import Server

    # In this very process: it starts in half the time, and the process that is killed is the one that serves.
    server = Server(
        app,
        host,
        port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
        backlog=1024,
    )
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    running = asyncio.ensure_future(server.serve())
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
    app.draining = True
    deadline = loop.time() + DRAIN_SECONDS
    while app.metrics.in_flight and loop.time() < deadline:
        await asyncio.sleep(0.02)
    server.stop()
    await running


if __name__ == "__main__":
    sys.exit(main())
