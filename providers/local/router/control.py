"""The router's control socket: one JSON line asked, one answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from providers.local.router import table
from providers.local.router.proxy import Proxy


class Control:
    """`reload` swaps in the table on disk and answers its generation; `stats` answers the counters."""

    def __init__(self, proxy: Proxy, routes: Path) -> None:
        self._proxy = proxy
        self._routes = routes
        self._operations: dict[str, Callable[[], dict[str, Any]]] = {
            "reload": self._reload,
            "stats": self._stats,
        }

    async def listen(self, path: Path) -> asyncio.AbstractServer:
        """Serve on `path` until closed."""
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._serve, str(path))
        path.chmod(0o600)
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError):
            pass  # the supervisor went away
        finally:
            writer.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            message = json.loads(line)
            return {"ok": True, **self._operations[message["op"]]()}
        except (ValueError, KeyError, TypeError, OSError) as error:
            return {"ok": False, "error": str(error)}

    def _reload(self) -> dict[str, Any]:
        self._proxy.swap(table.load(self._routes))
        return {"generation": self._proxy.table.generation}

    def _stats(self) -> dict[str, Any]:
        up = {f"{one.route.slot}@{one.address.port}": one.up for one in self._proxy.replicas}
        extra = {"generation": self._proxy.table.generation, "up": up, "retired": self._proxy.retired()}
        return {**self._proxy.stats.snapshot(), **extra}
