"""Active probes: a replica that is down comes back when it is ready; one that hangs takes no more requests."""

from __future__ import annotations

import asyncio

from providers.local.router.proxy import Proxy
from providers.local.router.replica import Replica

UP_SECONDS, DOWN_SECONDS, PROBE_SECONDS = 2.0, 0.1, 3.0
MISSES = 2
"""Probes in a row that a replica must miss; a busy one may miss one."""


async def watch(proxy: Proxy) -> None:
    """Probe every replica of the table at its own pace until cancelled."""
    due: dict[Replica, float] = {}
    probing: set[asyncio.Task[None]] = set()
    loop = asyncio.get_running_loop()
    while True:
        now = loop.time()
        due = {replica: due.get(replica, now + DOWN_SECONDS) for replica in proxy.replicas}
        for replica, moment in due.items():
            if now >= moment or (not replica.up and moment > now + DOWN_SECONDS):
                due[replica] = now + PROBE_SECONDS + UP_SECONDS  # until this probe says otherwise
                task = loop.create_task(_probe(replica, proxy.table.ready_path, due))
                probing.add(task)
                task.add_done_callback(probing.discard)
        await asyncio.sleep(DOWN_SECONDS)


async def _probe(replica: Replica, path: str, due: dict[Replica, float]) -> None:
    ready = await is_ready(replica.address.host, replica.address.port, path)
    replica.misses = 0 if ready else replica.misses + 1
    if ready:
        replica.up = True
    elif replica.misses >= MISSES:
        replica.up = False
    if replica in due:
        pace = UP_SECONDS if replica.up and ready else DOWN_SECONDS
        due[replica] = asyncio.get_running_loop().time() + pace


async def is_ready(host: str, port: int, path: str) -> bool:
    """Whether a GET of `path` answers 200 within `PROBE_SECONDS`."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(f"GET {path} HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n\r\n".encode())
            line = await reader.readline()
            return line.split(None, 2)[1:2] == [b"200"]
    except (OSError, TimeoutError, ValueError):
        return False
    finally:
        if writer is not None:
            writer.close()
