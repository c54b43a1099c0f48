"""`python -m providers.local.router --fd N --routes FILE --control SOCKET`: serve until SIGTERM, then drain."""

from __future__ import annotations

import argparse
import asyncio
import resource
import signal
import socket
import sys
from pathlib import Path

import uvloop

from providers.local.router import health, table
from providers.local.router.control import Control
from providers.local.router.downstream import Downstream
from providers.local.router.proxy import Proxy

DRAIN_SECONDS = 20.0
MOST_CLIENTS = 10_000


async def serve(listener: socket.socket, routes: Path, control: Path) -> None:
    """Route until SIGTERM; then take no more, finish what is under way (at most `DRAIN_SECONDS`), return."""
    loop = asyncio.get_running_loop()
    proxy = Proxy(table.load(routes))
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # the terminal's Ctrl-C is not for us
    commands = await Control(proxy, routes).listen(control)
    proxy.swap(table.load(routes))  # written between our first look and the moment we could be told
    server = await loop.create_server(lambda: Downstream(proxy), sock=listener, backlog=1024)
    watcher = loop.create_task(health.watch(proxy))
    while not stop.is_set():
        proxy.stats.connections = len(proxy.clients)
        proxy.sweep()
        try:
            await asyncio.wait_for(stop.wait(), 0.5)
        except TimeoutError:
            continue
    server.close()
    proxy.drain()
    until = loop.time() + DRAIN_SECONDS
    while proxy.clients and loop.time() < until:
        await asyncio.sleep(0.02)
    watcher.cancel()
    commands.close()
    control.unlink(missing_ok=True)


def main() -> None:
    """Parse the arguments and run the loop."""
    parser = argparse.ArgumentParser(prog="python -m providers.local.router")
    parser.add_argument("--fd", type=int, required=True, help="inherited listening socket")
    parser.add_argument("--routes", type=Path, required=True, help="the route table's file")
    parser.add_argument("--control", type=Path, required=True, help="path of the control socket")
    arguments = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * MOST_CLIENTS if hard == resource.RLIM_INFINITY else min(hard, 4 * MOST_CLIENTS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    listener = socket.socket(fileno=arguments.fd)
    listener.setblocking(False)
    try:
        uvloop.run(serve(listener, arguments.routes, arguments.control))
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
