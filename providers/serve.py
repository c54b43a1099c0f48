"""Serve the provider over gRPC on this machine: as the engine's plugin, or for engines that attach.

An engine starts a plugin with its own address as the last argument and reads the port from the first line of
its output. For `PULUMI_DEBUG_PROVIDERS=moor:PORT` the provider is started without an engine (`--attach`).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

WORKERS = 256
"""Calls at a time: each running operation holds one, and Cancel must still find one."""

_MESSAGE_BYTES = 400 * 1024 * 1024
"""Pulumi's own limit of a message."""


def serve(port: int = 0, engine_address: str = "", make: Callable[..., Any] | None = None) -> tuple[Any, int]:
    """Start to serve on 127.0.0.1. Returns the server and its port (`port`, or a free one for 0).

    `make` is called with `engine_address` and gives the servicer, `MoorServicer` by default. Raises
    `MooringError` where the port is taken. The caller stops the server.
    """
    import grpc
    from pulumi.runtime.proto import provider_pb2_grpc

    from providers.errors import MooringError
    from providers.servicer import MoorServicer

    options = [
        ("grpc.max_receive_message_length", _MESSAGE_BYTES),
        ("grpc.max_send_message_length", _MESSAGE_BYTES),
        ("grpc.so_reuseport", 0),
    ]
    server = grpc.server(ThreadPoolExecutor(WORKERS), options=options)
    servicer = (make or MoorServicer)(engine_address=engine_address)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    try:
        bound = server.add_insecure_port(f"127.0.0.1:{port}")
    except RuntimeError as taken:
        raise MooringError(f"port {port} of 127.0.0.1 cannot be used: {taken}") from taken
    server.start()
    return server, bound


def main(arguments: Sequence[str], make: Callable[..., Any] | None = None) -> None:
    """Serve until the engine ends this process, or is there no more."""
    parent = os.getppid()  # before anything else: an engine that is killed meanwhile is noticed
    attach = "--attach" in arguments
    rest = [argument for argument in arguments if argument != "--attach"]
    if attach:
        server, port = serve(int(rest[0]) if rest else 0, make=make)
    else:
        server, port = serve(engine_address=rest[-1] if rest else "", make=make)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: ended.set())
    # A plugin gets the terminal's Ctrl-C as well as the engine does; the engine then asks by Cancel.
    signal.signal(signal.SIGINT, (lambda number, frame: ended.set()) if attach else signal.SIG_IGN)
    print(port, flush=True)
    while not ended.wait(1.0):
        if not attach and os.getppid() != parent:
            break
    server.stop(grace=1).wait()
