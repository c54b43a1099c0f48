"""The server's socket, its connections, and its end."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
from time import monotonic

from serving.app import App
from serving.connection import Connection
from serving.errors import ModelError
from serving.wire import Writer

BACKLOG = 1024
DRAIN_SECONDS = 30.0
"""Longest that a stopping server waits for requests under way."""
IDLE_SECONDS = 600.0
"""A connection on which nothing happens for so long is closed."""
STALLED_SECONDS = 60.0
"""A request of which nothing more arrives for so long is refused."""


def bound(host: str, port: int) -> socket.socket:
    """The socket, which nobody can connect to before `run`. Raises ModelError that says why a port cannot be had."""
    if not 0 < port < 65536:
        raise ModelError(f"port {port} is not between 1 and 65535")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setblocking(False)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ModelError(f"port {port} on {host} is in use by another process") from None
        raise ModelError(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
    return listener


def run(app: App, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; on uvloop where it is installed: it answers half as many requests again."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(_serve(app, listener))
    else:
        uvloop.run(_serve(app, listener))


async def _serve(app: App, listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    connections: set[Connection] = set()
    writer = Writer(app.headers)
    server = await loop.create_server(lambda: Connection(app, writer, connections), sock=listener, backlog=BACKLOG)
    while not stop.is_set():
        try:
            await asyncio.wait_for(stop.wait(), 5)
        except TimeoutError:
            _sweep(connections)
    # Still answering, also those that ask whether it is ready: the router has to hear that it is not.
    app.draining = True
    deadline = loop.time() + DRAIN_SECONDS
    while app.metrics.in_flight and loop.time() < deadline:
        await asyncio.sleep(0.02)
    server.close()
    for connection in list(connections):
        connection.close()
    until = loop.time() + 1.0
    while connections and loop.time() < until:
        await asyncio.sleep(0.01)


def _sweep(connections: set[Connection]) -> None:
    """End the connections whose clients have gone silent."""
    now = monotonic()
    for connection in list(connections):
        silent = now - connection.last_seen
        if connection.idle and silent > IDLE_SECONDS:
            connection.close()
        elif connection.stalled and silent > STALLED_SECONDS:
            connection.time_out(f"the request was not complete after {STALLED_SECONDS:g} s")
