"""Ports on loopback: choosing free ones that stay free, and saying who holds one."""

from __future__ import annotations

import random
import socket
import zlib

LOOPBACK = "127.0.0.1"
FIRST, LAST = 18000, 31999
"""Below the range that Linux gives to outgoing connections (32768 and up), so that a port which is chosen
today is not somebody's source port after tomorrow's restart."""


def listen(port: int) -> socket.socket:
    """A listening socket. Raises OSError (EADDRINUSE) when somebody holds the port."""
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((LOOPBACK, port))
        server.listen(1024)
    except BaseException:
        server.close()
        raise
    return server


def is_free(port: int) -> bool:
    """Whether one could listen on `port` now."""
    try:
        listen(port).close()
    except OSError:
        return False
    return True


def choose(seed: str | None = None, taken: frozenset[int] = frozenset()) -> int:
    """A free port. The same `seed` tries the same ports first, so an address comes back after `destroy`.

    Raises OSError when 500 tries found none.
    """
    source = random.Random(zlib.crc32(seed.encode())) if seed is not None else random.SystemRandom()
    for _ in range(500):
        port = source.randint(FIRST, LAST)
        if port not in taken and is_free(port):
            return port
    raise OSError(f"no free port between {FIRST} and {LAST} on {LOOPBACK}")
